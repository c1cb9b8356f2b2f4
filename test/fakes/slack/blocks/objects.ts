import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../args.ts';
import {
  all,
  anything,
  boolean,
  type Check,
  list,
  object,
  oneOf,
  type Scope,
  say,
  string,
  typed,
} from './check.ts';

/* Composition objects. Limits: https://docs.slack.dev/reference/block-kit/composition-objects and @slack/types 3.2.0. */

/** Where a text is too long, Slack names the text object and the text. */
function refusing(check: Check): Check {
  return (value, at, scope) => {
    const inner: Scope = { ...scope, problems: [] };
    check(value, at, inner);
    if (inner.problems.length > 0) say(scope, 'failed to match all allowed schemas', at);
    scope.problems.push(...inner.problems);
  };
}

function plainKind(most: number): [string, Check] {
  return ['plain_text', object({ type: anything, text: string(most), emoji: boolean }, ['text'])];
}

function mrkdwnKind(most: number): [string, Check] {
  return ['mrkdwn', object({ type: anything, text: string(most), verbatim: boolean }, ['text'])];
}

export function plainText(most: number): Check {
  return refusing(typed(new Map([plainKind(most)])));
}

export function anyText(most: number): Check {
  return refusing(typed(new Map([plainKind(most), mrkdwnKind(most)])));
}

/** Slack fetches pictures when it takes the message, so an address that it cannot reach is refused. */
export const imageUrl: Check = all(string(3000), (value, at, scope) => {
  if (typeof value === 'string' && !isPublic(value)) say(scope, 'downloading image failed', at);
});

function isPublic(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  if (!/^https?:$/.test(protocol)) return false;
  return !/^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[)/.test(hostname);
}

export const link: Check = all(string(3000), (value, at, scope) => {
  if (typeof value === 'string' && !URL.canParse(value)) say(scope, 'must be a valid URL', at);
});

export const confirm: Check = object(
  {
    title: plainText(100),
    text: anyText(300),
    confirm: plainText(30),
    deny: plainText(30),
    style: oneOf('primary', 'danger'),
  },
  ['text'],
);

const optionFields = { value: string(150), description: anyText(75) };

export const plainOption: Check = object({ ...optionFields, text: plainText(75) }, ['text', 'value']);
export const richOption: Check = object({ ...optionFields, text: anyText(75) }, ['text', 'value']);
export const overflowOption: Check = object({ ...optionFields, text: plainText(75), url: link }, [
  'text',
  'value',
]);

export const optionGroup: Check = object({ label: plainText(75), options: list(plainOption, 100) }, [
  'label',
  'options',
]);

/** An initial option must be one of those that there are, in every field. */
export const initialIsAnOption: Check = (value, at, scope) => {
  if (!isRecord(value)) return;
  const groups = Array.isArray(value.option_groups) ? value.option_groups.filter(isRecord) : [];
  const options = [value.options, ...groups.map(group => group.options)].flat();
  const single = value.initial_option === undefined ? [] : [value.initial_option];
  const several = Array.isArray(value.initial_options) ? value.initial_options : [];
  for (const initial of [...single, ...several]) {
    if (options.some(option => isDeepStrictEqual(option, initial))) continue;
    const name = single.length > 0 ? 'initial_option' : 'initial_options';
    say(scope, 'must exactly match one of the provided options', `${at}/${name}`);
  }
};

/** Options or groups of them, never both and never neither. */
export const optionsOrGroups: Check = (value, at, scope) => {
  if (!isRecord(value)) return;
  const given = ['options', 'option_groups'].filter(name => value[name] !== undefined);
  if (given.length === 0) say(scope, 'missing required field: options', at);
  if (given.length === 2) say(scope, 'only one of options and option_groups is allowed', at);
};
