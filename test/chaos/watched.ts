import { reach } from './steps.ts';

/** What tells calls of one method apart, where they are different moments in the life of a run. */
const details: Record<string, (args: unknown[]) => string> = {
  'runs.change': ([, change]) => textIn(change, 'type'),
  'surfaces.posting': ([surface]) => textIn(surface, 'kind'),
  'surfaces.shown': ([surface]) => textIn(surface, 'kind'),
  'surfaces.failed': ([surface]) => textIn(surface, 'kind'),
  'wakeups.wake': ([subjects]) =>
    [subjects].flat().map(subject => String(subject).replace(/:.*/, ''))[0] ?? 'nothing',
  'promotions.change': ([, change]) =>
    [textIn(change, 'type'), fieldOf(change, 'step')].filter(word => word !== undefined).join(' '),
  'serving.apply': ([wish]) => textIn(wish, 'stage'),
  'serving.heard': ([, , said]) => (fieldOf(said, 'ready') === true ? 'ready' : 'starting'),
  'serving.count': ([answered]) => (Array.isArray(answered) && answered.length > 0 ? '' : 'nothing'),
  'logs.append': ([, , , text]) => (text === '' ? 'size' : 'text'),
  'messenger.send': ([message]) => {
    if (textIn(fieldOf(message, 'content'), 'audience') === 'sender') return 'whisper';
    if (fieldOf(message, 'remote')) return 'edit';
    return fieldOf(message, 'thread') ? 'thread' : 'post';
  },
};

/** The port with a step before and after each of its calls, or of those that are named. */
export function watched<T extends object>(name: string, port: T, only?: readonly (keyof T & string)[]): T {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      if (only && !(only as readonly string[]).includes(key)) return value.bind(target);
      return watchedCall(`${name}.${key}`, value.bind(target));
    },
  });
}

export function watchedCall<A extends unknown[], R>(
  name: string,
  call: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    const step = [name, details[name]?.(args)].filter(Boolean).join(' ');
    reach(step, 'before');
    const result = call(...args);
    if (result instanceof Promise) result.then(() => reach(step, 'after')).catch(() => {});
    else reach(step, 'after');
    return result;
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textIn(value: unknown, name: string): string {
  return String(fieldOf(value, name));
}
