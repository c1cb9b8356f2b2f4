import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A server that system tests run against, and the Debian package that has it. */
const tools = [
  { name: 'redis-server', isThere: () => spawnSync('redis-server', ['--version']).status === 0 },
  { name: 'postgresql-15', isThere: () => existsSync('/usr/lib/postgresql/15/bin/postgres') },
];

/**
 * Installs the servers that the tests use and this machine lacks, where that is nobody's loss: as root on Debian or Ubuntu. Elsewhere,
 * and where the packages cannot be had, the tests that need them skip themselves.
 *
 * @returns one line for every server that is still missing
 */
export function installTestTools(): string[] {
  const missing = tools.filter(tool => !tool.isThere());
  if (missing.length === 0) return [];
  const problem = installPackages(missing.map(tool => tool.name));
  return missing
    .filter(tool => !tool.isThere())
    .map(tool => `${tool.name} is missing, so the tests that need it are skipped: ${problem}.`);
}

/**
 * Installs packages of Debian or Ubuntu, as root.
 *
 * @returns why those that are missing still can be
 */
export function installPackages(names: string[]): string {
  if (!isDebian()) return 'this is no Debian or Ubuntu';
  if (process.getuid?.() !== 0) return `only root can install it (apt-get install ${names.join(' ')})`;
  const options: SpawnSyncOptions = {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  const flags = ['-qq', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=20'];
  console.error(`Installing ${names.join(' and ')} for the tests ...`);
  spawnSync('apt-get', [...flags, 'update'], options);
  // One by one: where one cannot be had, the other still can.
  for (const name of names)
    spawnSync('apt-get', [...flags, 'install', '-y', '--no-install-recommends', name], options);
  return 'apt-get could not install it';
}

function isDebian(): boolean {
  if (!existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}
