import { nearest } from './nearest.ts';
import { compilePattern } from './pattern.ts';
import type { Parameter, ParameterValue } from './project.ts';
import { firstUnreadable } from './readable.ts';

export type ReadParameter =
  | { ok: true; value: ParameterValue }
  /** `allowed` says what would have been taken. */
  | { ok: false; allowed: string | readonly string[]; nearest?: string };

const longestValue = 1_000;
/** Characters of a value that is held against a pattern. */
const longestForPattern = 200;
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** Reads the text of one parameter as its type. Text is one line of at most 1,000 characters, 200 where it has a pattern. */
export function readParameter(parameter: Parameter, text: string): ReadParameter {
  const refused: ReadParameter = { ok: false, allowed: allowedForParameter(parameter) };
  if (text.length > longestValue || firstUnreadable(text)) return refused;
  switch (parameter.type) {
    case 'number':
    case 'integer': {
      const value = Number(text);
      const written = parameter.type === 'number' ? decimal.test(text) : /^[+-]?\d{1,16}$/.test(text);
      const whole = parameter.type === 'number' || Number.isSafeInteger(value);
      const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = parameter;
      const fits = written && whole && Number.isFinite(value) && value >= min && value <= max;
      return fits ? { ok: true, value } : refused;
    }
    case 'choice': {
      if (parameter.choices.includes(text)) return { ok: true, value: text };
      return { ...refused, nearest: nearest(text, parameter.choices) };
    }
    case 'boolean':
      return text === 'true' || text === 'false' ? { ok: true, value: text === 'true' } : refused;
    case 'text': {
      if (parameter.pattern === undefined) return { ok: true, value: text };
      const matches = text.length <= longestForPattern && compilePattern(parameter.pattern)?.(text) === true;
      return matches ? { ok: true, value: text } : refused;
    }
  }
}

/** What a parameter takes, for people. */
export function allowedForParameter(parameter: Parameter): string | readonly string[] {
  switch (parameter.type) {
    case 'number':
    case 'integer': {
      const noun = parameter.type === 'number' ? 'a number' : 'a whole number';
      const { min, max } = parameter;
      if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`;
      if (min !== undefined) return `${noun} of at least ${min}`;
      return max === undefined ? noun : `${noun} of at most ${max}`;
    }
    case 'choice':
      return parameter.choices;
    case 'boolean':
      return ['true', 'false'];
    case 'text':
      return parameter.pattern === undefined
        ? `one line of at most ${longestValue} characters`
        : (parameter.hint ??
            `text of at most ${longestForPattern} characters that matches ${parameter.pattern}`);
  }
}

const placeholder = /\{([A-Za-z][A-Za-z0-9_]{0,62})\}/g;

/**
 * Fills `{name}` inside each argument. A value stays inside its argument, whatever it holds, and what it holds is not filled again;
 * names that are no parameters stay as they are.
 */
export function fillCommand(
  command: readonly string[],
  parameters: Readonly<Record<string, ParameterValue>>,
): string[] {
  return command.map(argument =>
    argument.replace(placeholder, (whole, name: string) =>
      Object.hasOwn(parameters, name) ? String(parameters[name]) : whole,
    ),
  );
}

/** The environment variables that carry parameters: `SIGNALBOX_PARAM_LR=0.1`. */
export function parameterEnvironment(
  parameters: Readonly<Record<string, ParameterValue>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      `SIGNALBOX_PARAM_${name.toUpperCase()}`,
      String(value),
    ]),
  );
}
