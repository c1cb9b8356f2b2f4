import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { quick, root, testFiles } from './suites.ts';

/** Everything that answers in seconds and needs no server: format, lint, types, dead code, import policy, quick tests. */

interface Step {
  name: string;
  command: string;
  words: string[];
}

interface Result extends Step {
  ok: boolean;
  seconds: number;
  output: string;
}

const bin = (name: string) => path.join(root, 'node_modules', '.bin', name);

const steps: Step[] = [
  { name: 'format and lint', command: bin('biome'), words: ['check', '--error-on-warnings', '.'] },
  { name: 'types', command: bin('tsc'), words: ['--noEmit'] },
  { name: 'dead code', command: bin('knip'), words: ['--no-progress'] },
  {
    name: 'tests without servers',
    command: process.execPath,
    words: [
      '--test',
      '--test-reporter=dot',
      `--test-concurrency=${os.availableParallelism()}`,
      '--test-timeout=60000',
      ...(await testFiles(quick)),
    ],
  },
];

function runStep(step: Step): Promise<Result> {
  const started = performance.now();
  const child = spawn(step.command, step.words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return new Promise(resolve => {
    const finish = (ok: boolean) =>
      resolve({ ...step, ok, seconds: (performance.now() - started) / 1_000, output });
    child.once('error', err => {
      output += `${err.message}\n`;
      finish(false);
    });
    child.once('close', code => finish(code === 0));
  });
}

const results = await Promise.all(steps.map(runStep));
for (const { name, ok, output } of results) if (!ok) console.log(`--- ${name}\n${output.trimEnd()}\n`);
for (const { name, ok, seconds } of results)
  console.log(`${name.padEnd(24)}${(ok ? 'ok' : 'failed').padEnd(8)}${seconds.toFixed(1)} s`);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
