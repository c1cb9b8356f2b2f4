import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installMlflow } from './mlflow.ts';
import { root, special, testFiles } from './suites.ts';
import { installTestTools } from './test-tools.ts';

/**
 * `npm test [-- FILTER...]`: everything that a fresh machine can do, servers included. A filter is a part of a test file's path.
 * `--suite NAME` runs a folder that needs more than that.
 */

const suites: readonly string[] = special;
const { values, positionals } = parseArgs({
  options: { suite: { type: 'string' }, name: { type: 'string' } },
  allowPositionals: true,
});

const files = await chosen();
if (files.length === 0) {
  console.error(`No test file fits ${[values.suite, ...positionals].filter(Boolean).join(' ')}. See test/.`);
  process.exitCode = 1;
} else {
  // The suites that need more than a fresh machine know by themselves whether it is there.
  if (values.suite === undefined || values.suite === 'mlflow')
    for (const line of installTestTools()) console.error(line);
  const problem = values.suite === 'mlflow' ? installMlflow() : null;
  if (problem !== null)
    console.error(`MLflow is missing, so the tests that need it are skipped: ${problem}.`);
  process.exitCode = await run(files);
}

async function chosen(): Promise<string[]> {
  if (values.suite !== undefined && !suites.includes(values.suite)) return [];
  const all = await testFiles(values.suite === undefined ? [] : [values.suite]);
  const wanted = positionals.map(word => path.normalize(word).replace(/\/$/, ''));
  return wanted.length === 0 ? all : all.filter(file => wanted.some(word => file.includes(word)));
}

/** Its last lines are the runner's own. */
function run(files: string[]): Promise<number> {
  const words = [
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${path.join(import.meta.dirname, 'slow-files.ts')}`,
    '--test-reporter-destination=stdout',
    // Tests wait for servers more than they compute, but servers that start all at once time each other out.
    `--test-concurrency=${Math.min(4, Math.max(2, os.availableParallelism()))}`,
    '--test-timeout=900000',
    ...(values.name === undefined ? [] : [`--test-name-pattern=${values.name}`]),
    ...files,
  ];
  const child = spawn(process.execPath, words, { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve(code ?? 1));
  });
}
