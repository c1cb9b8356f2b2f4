import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root } from './suites.ts';
import { installPackages } from './test-tools.ts';

const requirements = path.join(root, 'test', 'support', 'mlflow-requirements.txt');
const toStderr: SpawnSyncOptions = { stdio: ['ignore', 2, 2] };

/** The Python of the virtual environment that has MLflow, whether it is there or not. Another requirement or Python is another folder. */
export function mlflowPython(): string {
  const version = spawnSync('python3', ['-VV'], { encoding: 'utf8' }).stdout ?? '';
  const key = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  return path.join(root, 'node_modules', '.cache', `mlflow-${key.slice(0, 12)}`, 'bin', 'python');
}

/**
 * Makes the virtual environment once, which takes a minute: from PyPI, or from where pip is told to look.
 *
 * @returns why it cannot be made here, or null
 */
export function installMlflow(): string | null {
  const folder = path.dirname(path.dirname(mlflowPython()));
  if (existsSync(folder)) return null;
  const canMake = () => spawnSync('python3', ['-c', 'import ensurepip, venv']).status === 0;
  const problem = canMake() ? null : installPackages(['python3-venv']);
  if (!canMake()) return `python3 cannot make virtual environments: ${problem}`;

  console.error(`Installing MLflow for the tests in ${folder} ...`);
  // It appears whole or not at all, whoever else makes it at the same time.
  const unfinished = `${folder}-${process.pid}`;
  mkdirSync(path.dirname(folder), { recursive: true });
  try {
    if (spawnSync('python3', ['-m', 'venv', unfinished], toStderr).status !== 0)
      return 'python3 -m venv failed';
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    if (spawnSync(path.join(unfinished, 'bin', 'python'), pip, toStderr).status !== 0)
      return 'pip could not install it';
    renameSync(unfinished, folder);
    return null;
  } catch (err) {
    if (existsSync(folder)) return null;
    throw err;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
