import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { policyProblem } from '../core/check-policy.ts';
import { SignalboxError } from '../core/errors.ts';
import { isAddress } from '../core/github-source.ts';
import { type Policy, policySchema } from '../core/policy.ts';
import { readYaml } from './yaml-file.ts';

/**
 * Reads signalbox.yml. An unknown key, a bad value or a name that leads nowhere throws CONFIG_INVALID with file, line and column. Folders
 * are made absolute from the file's own place.
 */
export function loadPolicy(config: { configPath: string; configNamed: boolean }): Policy {
  const { configPath: file } = config;
  if (!existsSync(file) && !config.configNamed) return policySchema.parse({});
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (err) {
    throw new SignalboxError('CONFIG_UNREADABLE', {
      file,
      reason: `${err instanceof Error ? err.message : String(err)}.`,
    });
  }
  return parsePolicy(text, file);
}

export function parsePolicy(text: string, file: string): Policy {
  const read = readYaml(text, policySchema, policy => [policyProblem(policy)].filter(one => one !== null));
  if (!read.ok) {
    const { line, column, ...problem } = read.problems[0];
    throw new SignalboxError('CONFIG_INVALID', { where: `${file}:${line}:${column}`, ...problem });
  }
  for (const project of Object.values(read.value.projects))
    if (!isAddress(project.source) && !isAbsolute(project.source))
      project.source = resolve(dirname(file), project.source);
  return read.value;
}
