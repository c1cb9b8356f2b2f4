#!/usr/bin/env node
/**
 * Every npm script goes through here: `node scripts/launch.mjs FILE.ts [ARGUMENTS]` or `... --bin TOOL [ARGUMENTS]`.
 * It brings `node_modules` in line with `package-lock.json` where it is not, and then becomes (or, on an older Node, waits for) the target
 * on the Node version that the lock file pins. Under any other name, as the `signalbox` that npm links, it is the command line.
 *
 * Plain JavaScript for Node 18 without dependencies, since it runs before anything is installed. Standard output is the target's alone.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const modules = path.join(root, 'node_modules');
const stampFile = path.join(modules, '.signalbox-lock');
const lockFile = path.join(root, '.cache', 'install.lock');
const relayed = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const oldestFallback = 24;
/** A lock whose holder's heartbeat has not moved for this long is taken over. */
const staleMs = 30_000;

/** An end that a person can read: what happened, why, what to do. */
class LaunchError extends Error {
  /** Set when a signal ended the work, to end the same way. */
  signal = null;
}

async function main() {
  const libc = libcName();
  const pin = pinnedNode(libc);
  const state = { platform: `${process.platform}-${process.arch}-${libc}`, libc, pin };
  if (!isStamped(state)) await install(state);
  const node = pin === null || process.version === `v${pin.version}` ? process.execPath : pin.file;
  await become(node, target(process.argv.slice(2)));
}

function target(words) {
  if (path.basename(process.argv[1]) !== path.basename(fileURLToPath(import.meta.url)))
    return { file: path.join(root, 'src', 'main.ts'), tool: false, rest: words };
  const tool = words[0] === '--bin';
  const [name, ...rest] = tool ? words.slice(1) : words;
  if (name === undefined)
    throw new LaunchError(
      'There is nothing to start. The launcher was called without a target. Use `npm run <script>`.',
    );
  const file = tool ? path.join(modules, '.bin', name) : path.resolve(root, name);
  if (!fs.existsSync(file))
    throw new LaunchError(
      `There is no ${tool ? 'tool' : 'file'} ${name}. ${file} does not exist. See the scripts with \`npm run\`.`,
    );
  return { file, tool, rest };
}

/* ---- the pinned Node ---- */

function libcName() {
  if (process.platform !== 'linux') return 'system';
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
}

/** Where the pinned Node lies, or null where this machine runs the Node that it has. */
function pinnedNode(libc) {
  const name = `node-${process.platform}-${process.arch}`;
  const version = readJson(path.join(root, 'package.json')).optionalDependencies?.[name];
  if (version !== undefined && libc !== 'musl')
    return { version, file: path.join(modules, name, 'bin', 'node') };
  if (Number(process.versions.node.split('.')[0]) >= oldestFallback) return null;
  throw new LaunchError(
    `Node ${process.versions.node} is too old. There is no pinned Node for ${process.platform} ${process.arch} (${libc}), so the ` +
      `installed one is used. Install Node ${oldestFallback} or later.`,
  );
}

/* ---- what is installed ---- */

/** What the stamp says when all of it is in place. */
function stampOf(state) {
  let text;
  try {
    text = fs.readFileSync(path.join(root, 'package-lock.json'));
  } catch (err) {
    throw new LaunchError(
      `package-lock.json cannot be read. ${err.message}. Take the whole repository, for example with git clone.`,
    );
  }
  return `${createHash('sha256').update(text).digest('hex')} ${state.platform}\n`;
}

function isStamped(state) {
  return readText(stampFile) === stampOf(state) && (state.pin === null || canExecute(state.pin.file));
}

async function install(state) {
  await withInstallLock(async () => {
    if (isStamped(state)) return;
    if (lacking(state) !== null) {
      say('installing the packages of package-lock.json (once; about a minute) ...');
      await npmCi(process.env.PATH);
    }
    // npm leaves out optional packages that want a newer Node than the one that it runs on itself.
    const other = state.pin !== null && process.version !== `v${state.pin.version}`;
    if (other && lacking(state) !== null && canExecute(state.pin.file)) {
      say(
        `installing again on Node ${state.pin.version} what npm left out on Node ${process.versions.node} ...`,
      );
      await npmCi([path.dirname(state.pin.file), process.env.PATH].join(path.delimiter));
    }
    const lost = lacking(state);
    if (lost?.optional) say(`${lost.name} could not be installed; whatever needs it will not work.`);
    else if (lost)
      throw new LaunchError(
        `The packages are not complete. npm did not install ${lost.name}. Delete node_modules, check the network, and try again.`,
      );
    await finishInstall(state);
  });
}

/**
 * What belongs here and is not there as the lock file has it, whoever installed the rest; null when nothing is lacking. Something that
 * is not optional is named before what is.
 */
function lacking(state) {
  const wanted = readJson(path.join(root, 'package-lock.json'))?.packages ?? {};
  const there = readJson(path.join(modules, '.package-lock.json'))?.packages;
  if (!there) return { name: 'anything', optional: false };
  if (state.pin !== null && !fs.existsSync(state.pin.file))
    return { name: `Node ${state.pin.version}`, optional: false };
  const isThere = (place, entry) =>
    there[place]?.version === entry.version &&
    there[place]?.integrity === entry.integrity &&
    fs.existsSync(path.join(root, place));
  const lost = Object.entries(wanted)
    .filter(([place, entry]) => place !== '' && (entry.optional !== true || isForHere(entry, state)))
    .filter(([place, entry]) => !isThere(place, entry))
    .map(([place, entry]) => ({ name: place, optional: entry.optional === true }));
  return lost.find(one => !one.optional) ?? lost[0] ?? null;
}

/** Packages of one platform name it; optional ones that name none belong to those of another platform, and may be absent. */
function isForHere(entry, state) {
  return (
    (entry.os || entry.cpu) !== undefined &&
    allows(entry.os, process.platform) &&
    allows(entry.cpu, process.arch) &&
    allows(entry.libc, state.libc)
  );
}

function allows(names, value) {
  return names === undefined || [names].flat().includes(value);
}

async function finishInstall(state) {
  const { linkPostgres } = await import('./link-postgres.mjs');
  await linkPostgres(root);
  if (state.pin !== null && !canExecute(state.pin.file)) fs.chmodSync(state.pin.file, 0o755);
  // Renamed into place and last of all: whatever is interrupted before this line is done again.
  const scratch = `${stampFile}.${process.pid}`;
  fs.writeFileSync(scratch, stampOf(state));
  fs.renameSync(scratch, stampFile);
}

/** @param {string | undefined} search the PATH that npm finds its Node on */
async function npmCi(search) {
  const words = ['ci', '--prefix', root, '--ignore-scripts', '--include=dev', '--include=optional'];
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const options = {
    cwd: root,
    stdio: ['ignore', 2, 'pipe'],
    env: { ...process.env, PATH: withoutModuleBins(search) },
  };
  let told = '';
  const end = await runChild(() => {
    const child = spawn('npm', [...words, ...quiet], options);
    child.stderr.on('data', chunk => {
      write(chunk);
      told = (told + chunk).slice(-20_000);
    });
    return child;
  });
  const signal = end.signal ?? end.relayed;
  if (signal) {
    const stopped = new LaunchError('The packages are not installed. npm ci was stopped. Try again.');
    throw Object.assign(stopped, { signal });
  }
  if (end.error || end.code !== 0) throw new LaunchError(npmProblem(end, told));
}

function npmProblem(end, told) {
  if (end.error?.code === 'ENOENT')
    return 'The packages cannot be installed. npm is not on the PATH. Install npm (it comes with Node) and try again.';
  if (end.error) return `The packages cannot be installed. npm does not start: ${end.error.message}.`;
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED/.test(told))
    return 'The packages cannot be installed. The package registry cannot be reached. Check the network, or the `registry` and `proxy` settings of npm, and try again.';
  if (/ENOSPC/.test(told))
    return 'The packages cannot be installed. The disk is full. Make about 1 GB of space and try again.';
  if (/EACCES|EPERM|EROFS/.test(told))
    return `The packages cannot be installed. ${modules} cannot be written. Run it as the owner of ${root}.`;
  return `The packages cannot be installed. npm ci ended with exit code ${end.code}; its own words are above. Mend that and try again.`;
}

/** Without `node_modules/.bin`, which `npm run` puts first and npm is about to delete. */
function withoutModuleBins(search = '') {
  const bins = path.join(modules, '.bin');
  const kept = search.split(path.delimiter).filter(folder => folder !== '' && path.resolve(folder) !== bins);
  return kept.join(path.delimiter);
}

/* ---- one at a time ---- */

async function withInstallLock(work) {
  const mine = JSON.stringify({ pid: process.pid, host: os.hostname(), at: Date.now() });
  await takeLock(mine);
  const heart = setInterval(beat, 2_000);
  heart.unref();
  const release = () => {
    clearInterval(heart);
    if (readText(lockFile) === mine) fs.rmSync(lockFile, { force: true });
  };
  try {
    await work();
  } finally {
    release();
  }
}

function beat() {
  const now = new Date();
  try {
    fs.utimesSync(lockFile, now, now);
  } catch {
    // Taken over by somebody who thought that this process was gone; npm itself then finds out.
  }
}

async function takeLock(mine) {
  let seen = { key: '', since: Date.now() };
  let told = false;
  while (!createLock(mine)) {
    const holder = lockHolder();
    if (holder === null) continue;
    if (holder.key !== seen.key) seen = { key: holder.key, since: Date.now() };
    if (isDead(holder) || Date.now() - seen.since > staleMs) {
      removeStale(holder.text);
      continue;
    }
    if (!told) say(`waiting for another process (${holder.pid ?? 'unknown'}) to install the packages ...`);
    told = true;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

function createLock(mine) {
  try {
    fs.mkdirSync(path.dirname(lockFile), { recursive: true });
    fs.writeFileSync(lockFile, mine, { flag: 'wx' });
    return true;
  } catch (err) {
    if (err.code === 'EEXIST') return false;
    throw new LaunchError(
      `The packages cannot be installed. ${root} cannot be written (${err.code}). Run it once as the owner of that folder.`,
    );
  }
}

function lockHolder() {
  try {
    const text = fs.readFileSync(lockFile, 'utf8');
    const { mtimeMs } = fs.statSync(lockFile);
    return { text, key: `${text} ${mtimeMs}`, ...parseJson(text) };
  } catch (err) {
    if (err.code === 'ENOENT') return null;
    throw err;
  }
}

function isDead(holder) {
  if (holder.host !== os.hostname() || !Number.isInteger(holder.pid)) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (err) {
    return err.code === 'ESRCH';
  }
}

/** Moves the lock aside first, and back when it turns out that another waiter was quicker and the lock is a new one. */
function removeStale(text) {
  const aside = `${lockFile}.${process.pid}`;
  try {
    fs.renameSync(lockFile, aside);
    if (readText(aside) !== text) fs.linkSync(aside, lockFile);
  } catch (err) {
    if (err.code !== 'ENOENT' && err.code !== 'EEXIST') throw err;
  }
  fs.rmSync(aside, { force: true });
}

/* ---- becoming the target ---- */

async function become(node, { file, tool, rest }) {
  const env = {
    ...process.env,
    PATH: [path.dirname(node), process.env.PATH].filter(Boolean).join(path.delimiter),
    // Types are stripped and code is compiled once, not at every start: half the time, and a third less memory.
    NODE_COMPILE_CACHE:
      process.env.NODE_COMPILE_CACHE ?? path.join(root, 'node_modules', '.cache', 'compile'),
  };
  const argv = tool ? [file, ...rest] : [node, file, ...rest];
  // Node 22.15 and later can turn into the target; an older one stays as its parent, and only until the lock file's Node is on the PATH,
  // which `npm run` sees to from the second time on.
  if (process.execve) process.execve(argv[0], argv, env);
  const end = await runChild(() => spawn(argv[0], argv.slice(1), { stdio: 'inherit', env }));
  if (end.error)
    throw new LaunchError(
      `${argv[0]} does not start. ${end.error.message}. Delete node_modules and try again.`,
    );
  if (end.signal) await dieOf(end.signal);
  process.exitCode = end.code;
}

/** Starts a child, hands it the signals that this process gets in the meantime, and waits for its end. */
function runChild(start) {
  const atTerminal = [0, 1, 2].some(fd => isatty(fd));
  let child;
  let got = null;
  const relay = signal => {
    got = signal;
    // A terminal tells the whole process group itself: once is enough.
    if (!(atTerminal && signal === 'SIGINT')) child.kill(signal);
  };
  // Before the start: a signal that came between the two would end this process and leave the child alone.
  for (const signal of relayed) process.on(signal, relay);
  return new Promise(resolve => {
    const finish = end => {
      for (const signal of relayed) process.removeListener(signal, relay);
      resolve({ ...end, relayed: got });
    };
    child = start();
    child.once('error', error => finish({ error, code: null, signal: null }));
    child.once('close', (code, signal) => finish({ code, signal }));
  });
}

/** Ends this process the way its child ended, so that whoever waits sees the same. */
async function dieOf(signal) {
  process.kill(process.pid, signal);
  await new Promise(resolve => setTimeout(resolve, 1_000));
  process.exitCode = 1;
}

/* ---- small things ---- */

function canExecute(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readJson(file) {
  return parseJson(readText(file) ?? '');
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function say(text) {
  write(`signalbox: ${text}\n`);
}

/** Not through `process.stderr`, which would leave the descriptor non-blocking for the target. */
function write(text) {
  try {
    fs.writeSync(2, text);
  } catch {
    // Nobody reads it.
  }
}

main().catch(async err => {
  say(err instanceof LaunchError ? err.message : err.stack);
  process.exitCode = 1;
  if (err.signal) await dieOf(err.signal);
});
