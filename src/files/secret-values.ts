import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { SignalboxError } from '../core/errors.ts';
import { shortestSecret } from '../core/hide-secrets.ts';
import { mayNameSecret } from '../core/secret.ts';

/** Values of secrets by project and name. */
export type SecretValues = Map<string, Map<string, string>>;

/** As long as anything that a shell takes; an environment has an end too. */
const longestSecret = 8_192;
const secretLine = /^([a-z0-9][a-z0-9-]{0,38})\.([A-Za-z_]\w*)=(.*)$/;

/** Reads what SIGNALBOX_SECRETS names. Throws SECRETS_UNFIT with a line or a name; never with a value. */
export function parseSecrets(text: string, file: string): SecretValues {
  const refuse = (reason: string): never => {
    throw new SignalboxError('SECRETS_UNFIT', { file, reason });
  };
  const values: SecretValues = new Map();
  const add = (project: string, name: string, value: string) => {
    const called = `${project}.${name}`;
    const of = values.get(project) ?? new Map<string, string>();
    if (of.has(name)) refuse(`${called} stands in it twice.`);
    if (!mayNameSecret(name)) refuse(`${called} is no name that a secret may have.`);
    if (value.length < shortestSecret)
      refuse(`${called} has fewer than ${shortestSecret} characters, and could not be kept out of logs.`);
    if (Buffer.byteLength(value) > longestSecret) refuse(`${called} has more than ${longestSecret} bytes.`);
    if (value.includes('\0')) refuse(`${called} holds a null character.`);
    values.set(project, of.set(name, value));
  };
  const lines = text
    .split('\n')
    .map((line, i) => ({ line: line.replace(/\r$/, ''), number: i + 1 }))
    .filter(({ line }) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  if (secretLine.test(lines[0]?.line ?? '')) {
    for (const { line, number } of lines) {
      const [, project = '', name = '', value = ''] =
        secretLine.exec(line) ?? refuse(`Line ${number} is not project.NAME=value.`);
      add(project, name, /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value);
    }
    return values;
  }
  const counter = new LineCounter();
  // Every plain word is text: 0123456 stays as it is.
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    schema: 'failsafe',
    uniqueKeys: true,
  });
  const broken = document.errors[0];
  if (broken) refuse(`Line ${counter.linePos(broken.pos[0]).line} is not YAML.`);
  const found = z
    .record(z.string(), z.record(z.string(), z.string()))
    .safeParse(lines.length === 0 ? {} : document.toJS());
  if (!found.success)
    return refuse(
      `${found.error.issues[0]?.path.slice(0, 2).join('.') || 'It'} is not as it should be: a project, and below it NAME: value.`,
    );
  for (const [project, secrets] of Object.entries(found.data))
    for (const [name, value] of Object.entries(secrets)) add(project, name, value);
  return values;
}
