import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Run after `npm install` changed package-lock.json. Where a registry (a mirror, say) does not have an optional package of another
 * platform, npm leaves it out of the lock file, and `npm ci` then refuses that lock file everywhere. This puts such packages back with
 * the version that was asked for and the platform that their name tells; they have no digest, and are installed on that platform only.
 */

interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const processors = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

const file = path.resolve(import.meta.dirname, '..', 'package-lock.json');
const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(file, 'utf8'));

const missing = Object.entries(lock.packages).flatMap(([place, entry]) =>
  Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => !resolves(place, name))
    .map(([name, version]) => ({ name, version, dev: entry.dev === true })),
);
for (const { name, version, dev } of missing) {
  lock.packages[`node_modules/${name}`] = {
    version,
    ...(dev ? { dev } : {}),
    optional: true,
    ...platformOf(name),
  };
  console.log(`added ${name} ${version}`);
}
const inOrder = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(inOrder) }, null, 2)}\n`);

function resolves(from: string, name: string): boolean {
  if (lock.packages[`${from === '' ? '' : `${from}/`}node_modules/${name}`]) return true;
  if (from === '') return false;
  const up = from.lastIndexOf('/node_modules/');
  return resolves(up < 0 ? '' : from.slice(0, up), name);
}

function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[/-]/).map(word => (word === 'windows' ? 'win32' : word));
  const os = systems.filter(system => words.includes(system));
  const cpu = processors.filter(processor => words.includes(processor));
  if (os.length === 0 && cpu.length === 0) throw new Error(`${name} does not tell its platform`);
  const libc = words.flatMap(word =>
    /^musl/.test(word) ? ['musl'] : /^(gnu|glibc)/.test(word) ? ['glibc'] : [],
  );
  return { ...(os.length ? { os } : {}), ...(cpu.length ? { cpu } : {}), ...(libc.length ? { libc } : {}) };
}
