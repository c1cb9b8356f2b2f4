import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

const repository = path.resolve(import.meta.dirname, '..', '..');
const pinned = `node-${process.platform}-${process.arch}`;
const slow = { timeout: 60_000 };

/** How an older Node looks to the launcher: it cannot turn into another program and stays as its parent. */
const asParent = ['--import', 'data:text/javascript,process.execve=undefined'];
const ways = [
  { way: 'by turning into it', flags: [] as string[] },
  { way: 'as its parent', flags: asParent },
];

let base = '';
let made = 0;
before(async () => {
  base = await realpath(await mkdtemp(path.join(os.tmpdir(), 'signalbox launch ')));
});
after(() => rm(base, { recursive: true, force: true }));

describe('the target', () => {
  for (const { way, flags } of ways) {
    test(
      `gets its words, the caller's folder and the pinned Node, and standard output is its alone (${way})`,
      slow,
      async () => {
        // Another version than the one that runs the test: the launcher must go over to it.
        const project = await makeProject({ pin: '0.0.1' });
        const seen = await launch(project, ['src/show.ts', 'a', 'b c', '--json'], { flags, cwd: base });
        assert.equal(seen.code, 0, seen.stderr);
        assert.deepEqual(JSON.parse(seen.stdout), {
          words: ['a', 'b c', '--json'],
          cwd: base,
          first: path.dirname(project.node),
          version: process.version,
        });
        assert.match(seen.stderr, /installing the packages/);
        assert.match(seen.stderr, /noise of npm on stdout/);
      },
    );

    test(`reads standard input (${way})`, slow, async () => {
      const project = await makeProject();
      assert.equal((await launch(project, ['src/upper.ts'], { flags, stdin: 'signal' })).stdout, 'SIGNAL');
    });

    test(`ends the launcher with its exit code (${way})`, slow, async () => {
      const project = await makeProject();
      assert.equal((await launch(project, ['src/exit.ts', '7'], { flags })).code, 7);
    });

    test(`ends the launcher with its signal (${way})`, slow, async () => {
      const project = await makeProject();
      const end = await launch(project, ['src/kill.ts'], { flags });
      assert.deepEqual([end.code, end.signal], [null, 'SIGKILL']);
    });

    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      test(`gets ${signal} (${way})`, slow, async () => {
        const project = await makeProject();
        const child = start(project, ['src/trap.ts'], { flags });
        await child.said('stdout', 'ready');
        child.process.kill(signal);
        const end = await child.end;
        assert.equal(end.stdout, `ready\n${signal}\n`);
        assert.equal(end.code, 5);
      });
  }

  test('is a tool of node_modules/.bin with --bin, which finds the pinned Node', slow, async () => {
    const project = await makeProject();
    const seen = await launch(project, ['--bin', 'tool', 'x']);
    assert.equal(seen.stdout, `${process.version} x\n`, seen.stderr);
  });

  test('is src/main.ts when called through the link that npm makes', slow, async () => {
    const project = await makeProject();
    const link = path.join(project.root, 'signalbox');
    await symlink(project.launcher, link);
    const seen = await launch({ ...project, launcher: link }, ['serve'], { cwd: base });
    assert.equal(seen.stdout, 'main serve\n', seen.stderr);
  });

  const missing = [
    { name: 'no target', words: [], says: /There is nothing to start/ },
    {
      name: 'a file that is not there',
      words: ['src/nothing.ts'],
      says: /There is no file src\/nothing\.ts/,
    },
    { name: 'a tool that is not there', words: ['--bin', 'nothing'], says: /There is no tool nothing/ },
  ];
  for (const { name, words, says } of missing)
    test(`${name}: said, exit code 1`, slow, async () => {
      const end = await launch(await makeProject(), words);
      assert.match(end.stderr, says);
      assert.deepEqual([end.code, end.stdout], [1, '']);
    });
});

describe('the packages', () => {
  test('are installed once, and again when the lock file has changed', slow, async () => {
    const project = await makeProject();
    await launch(project, ['src/exit.ts', '0']);
    await launch(project, ['src/exit.ts', '0']);
    assert.deepEqual(await npmCalls(project), [npmCall(project)]);
    await writeFile(
      path.join(project.root, 'package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/left': { version: '1.0.0' } } }),
    );
    await launch(project, ['src/exit.ts', '0']);
    assert.equal((await npmCalls(project)).length, 2);
  });

  test('are installed again when the pinned Node is gone', slow, async () => {
    const project = await makeProject();
    await launch(project, ['src/exit.ts', '0']);
    await rm(project.node);
    assert.equal((await launch(project, ['src/exit.ts', '3'])).code, 3);
    assert.equal((await npmCalls(project)).length, 2);
  });

  test('are left alone when somebody has installed them by hand', slow, async () => {
    const project = await makeProject();
    const packages = { 'node_modules/left': { version: '1.0.0', integrity: 'sha512-a' } };
    await writeFile(path.join(project.root, 'package-lock.json'), JSON.stringify({ packages }));
    await installByHand(project, packages);
    assert.equal((await launch(project, ['src/exit.ts', '4'])).code, 4);
    assert.deepEqual(await npmCalls(project), []);
  });

  const differences = [
    { name: 'another version', there: { version: '1.0.1', integrity: 'sha512-a' }, wanted: {} },
    { name: 'another content', there: { version: '1.0.0', integrity: 'sha512-b' }, wanted: {} },
    { name: 'one too few', there: undefined, wanted: {} },
    {
      name: 'one too few, which is for this platform',
      there: undefined,
      wanted: { optional: true, os: [process.platform], cpu: [process.arch] },
    },
  ];
  for (const { name, there, wanted } of differences)
    test(`are installed when those by hand differ: ${name}`, slow, async () => {
      const project = await makeProject();
      const packages = { 'node_modules/left': { version: '1.0.0', integrity: 'sha512-a', ...wanted } };
      await writeFile(path.join(project.root, 'package-lock.json'), JSON.stringify({ packages }));
      await installByHand(project, there ? { 'node_modules/left': there } : {});
      await launch(project, ['src/exit.ts', '0']);
      assert.equal((await npmCalls(project)).length, 1);
    });

  const forHere = { version: '1.0.0', optional: true, os: [process.platform], cpu: [process.arch] };
  const leavesOut =
    'mkdir -p "$BIN"; ln -sf "$NODE" "$BIN/node"; echo "{\\"packages\\":{}}" > node_modules/.package-lock.json';

  test('that npm leaves out on an older Node are installed on the pinned one', slow, async () => {
    const npm = `[ "\${PATH%%:*}" = "$PWD/$BIN" ] || { ${leavesOut}; exit 0; }; mkdir -p node_modules/left`;
    const project = await makeProject({ npm, pin: '0.0.1' });
    await writeFile(
      path.join(project.root, 'package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/left': forHere } }),
    );
    const end = await launch(project, ['src/exit.ts', '5']);
    assert.equal(end.code, 5, end.stderr);
    assert.doesNotMatch(end.stderr, /could not be installed/);
    assert.equal((await npmCalls(project)).length, 2);
  });

  test('that are optional and cannot be had are named, and the rest works', slow, async () => {
    const project = await makeProject({ npm: `${leavesOut}; exit 0` });
    await writeFile(
      path.join(project.root, 'package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/left': forHere } }),
    );
    const end = await launch(project, ['src/exit.ts', '5']);
    assert.match(end.stderr, /node_modules\/left could not be installed/);
    assert.equal(end.code, 5);
  });

  test('of another platform need not be there', slow, async () => {
    const project = await makeProject();
    const packages = { 'node_modules/right': { version: '1.0.0', optional: true, os: ['nowhere'] } };
    await writeFile(path.join(project.root, 'package-lock.json'), JSON.stringify({ packages }));
    await installByHand(project, {});
    await launch(project, ['src/exit.ts', '0']);
    assert.deepEqual(await npmCalls(project), []);
  });

  test('are installed by one of two that start at once; the other waits', slow, async () => {
    const project = await makeProject({ npm: 'while [ ! -e "$HOLD" ]; do sleep 0.05; done' });
    const first = start(project, ['src/exit.ts', '0']);
    await first.said('stderr', 'installing the packages');
    const second = start(project, ['src/exit.ts', '6']);
    await second.said('stderr', `waiting for another process (${first.process.pid})`);
    await writeFile(project.hold, '');
    const ends = await Promise.all([first.end, second.end]);
    assert.deepEqual(
      ends.map(end => end.code),
      [0, 6],
    );
    assert.equal((await npmCalls(project)).length, 1);
  });

  test('are installed in place of a process that was killed in the middle', slow, async () => {
    const project = await makeProject({ npm: 'while [ ! -e "$HOLD" ]; do sleep 0.05; done' });
    const killed = start(project, ['src/exit.ts', '0']);
    await killed.said('stderr', 'noise of npm');
    killed.process.kill('SIGKILL');
    await writeFile(project.hold, '');
    await killed.end;
    const next = await launch(project, ['src/exit.ts', '3']);
    assert.equal(next.code, 3, next.stderr);
  });

  test(
    'a signal in the middle reaches npm, leaves no lock, and the next start begins again',
    slow,
    async () => {
      const project = await makeProject({
        npm: '[ -e "$HOLD" ] || { trap "exit 1" TERM; echo trapped; while :; do sleep 0.05; done; }',
      });
      const stopped = start(project, ['src/exit.ts', '0']);
      await stopped.said('stderr', 'trapped');
      stopped.process.kill('SIGTERM');
      assert.equal((await stopped.end).signal, 'SIGTERM');
      await assert.rejects(stat(path.join(project.root, '.cache', 'install.lock')), { code: 'ENOENT' });
      await writeFile(project.hold, '');
      assert.equal((await launch(project, ['src/exit.ts', '2'])).code, 2);
    },
  );

  const failures = [
    {
      name: 'offline',
      npm: 'echo "npm error code EAI_AGAIN" >&2; exit 1',
      says: /registry cannot be reached/,
    },
    { name: 'a full disk', npm: 'echo "npm error code ENOSPC" >&2; exit 1', says: /disk is full/ },
    {
      name: 'anything else',
      npm: 'echo "npm error odd" >&2; exit 9',
      says: /npm error odd[\s\S]*exit code 9/,
    },
    {
      name: 'no Node in what was installed',
      npm: 'mkdir -p node_modules; cp package-lock.json node_modules/.package-lock.json; exit 0',
      says: /npm did not install Node/,
    },
    { name: 'npm says that it is done and is not', npm: 'exit 0', says: /npm did not install anything/ },
  ];
  for (const { name, npm, says } of failures)
    test(
      `${name}: said, exit code 1, nothing on standard output, and not taken for installed`,
      slow,
      async () => {
        const project = await makeProject({ npm });
        for (const calls of [1, 2]) {
          const end = await launch(project, ['src/exit.ts', '0']);
          assert.match(end.stderr, says);
          assert.deepEqual([end.code, end.stdout], [1, '']);
          assert.equal((await npmCalls(project)).length, calls);
        }
      },
    );

  test('no npm: said, exit code 1', slow, async () => {
    const project = await makeProject();
    const end = await launch(project, ['src/exit.ts', '0'], { path: path.join(base, 'nowhere') });
    assert.match(end.stderr, /npm is not on the PATH/);
    assert.equal(end.code, 1);
  });
});

describe('a platform without a pinned Node', () => {
  test('uses the one that is there when it is new enough', slow, async () => {
    const project = await makeProject({ pin: null });
    assert.equal((await launch(project, ['src/exit.ts', '4'])).code, 4);
  });
  test('refuses an older one', slow, async () => {
    const project = await makeProject({ pin: null });
    const older = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'23.9.0'}})";
    const end = await launch(project, ['src/exit.ts', '4'], {
      flags: ['--import', `data:text/javascript,${encodeURIComponent(older)}`],
    });
    assert.match(end.stderr, /Node 23\.9\.0 is too old[\s\S]*Install Node 24 or later/);
    assert.equal(end.code, 1);
  });
});

interface Project {
  root: string;
  launcher: string;
  /** Where the pinned Node comes to lie. */
  node: string;
  npmFolder: string;
  npmLog: string;
  hold: string;
}

const targets = {
  'show.ts': `const words: string[] = process.argv.slice(2);
const first = process.env.PATH?.split(':')[0];
console.log(JSON.stringify({ words, cwd: process.cwd(), first, version: process.version }));`,
  'upper.ts': `let text = '';
for await (const chunk of process.stdin) text += chunk;
process.stdout.write(text.toUpperCase());`,
  'exit.ts': 'process.exitCode = Number(process.argv[2]);',
  'kill.ts': "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);",
  'trap.ts': `for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => { console.log(signal); process.exit(5); });
setInterval(() => {}, 1000);
console.log('ready');`,
  'main.ts': "console.log('main', ...process.argv.slice(2));",
};

/** A project with the real launcher and an npm of its own, in a folder with a space in its name. */
async function makeProject(options: { npm?: string; pin?: string | null } = {}): Promise<Project> {
  made += 1;
  const root = path.join(base, `project ${made}`);
  const npmFolder = path.join(base, `npm ${made}`);
  const bin = path.join('node_modules', pinned, 'bin');
  await Promise.all(
    [path.join(root, 'scripts'), path.join(root, 'src'), npmFolder].map(folder =>
      mkdir(folder, { recursive: true }),
    ),
  );
  for (const script of ['launch.mjs', 'link-postgres.mjs'])
    await copyFile(path.join(repository, 'scripts', script), path.join(root, 'scripts', script));
  for (const [name, text] of Object.entries(targets)) await writeFile(path.join(root, 'src', name), text);
  const optionalDependencies =
    options.pin === null ? {} : { [pinned]: options.pin ?? process.version.slice(1) };
  await writeFile(path.join(root, 'package.json'), JSON.stringify({ type: 'module', optionalDependencies }));
  await writeFile(path.join(root, 'package-lock.json'), JSON.stringify({ packages: {} }));
  const npm = `#!/bin/sh
echo "$PWD $*" >> "$NPM_LOG"
echo 'noise of npm on stdout'
${options.npm ?? ''}
mkdir -p '${bin}' node_modules/.bin node_modules/left
cp package-lock.json node_modules/.package-lock.json
ln -sf '${process.execPath}' '${bin}/node'
printf '#!/usr/bin/env node\\nconsole.log(process.version, ...process.argv.slice(2))\\n' > node_modules/.bin/tool
chmod +x node_modules/.bin/tool
`;
  await writeFile(path.join(npmFolder, 'npm'), npm);
  await chmod(path.join(npmFolder, 'npm'), 0o755);
  return {
    root,
    launcher: path.join(root, 'scripts', 'launch.mjs'),
    node: path.join(root, bin, 'node'),
    npmFolder,
    npmLog: path.join(npmFolder, 'log'),
    hold: path.join(npmFolder, 'go on'),
  };
}

async function installByHand(project: Project, packages: Record<string, unknown>): Promise<void> {
  await mkdir(path.dirname(project.node), { recursive: true });
  await symlink(process.execPath, project.node);
  for (const folder of Object.keys(packages))
    await mkdir(path.join(project.root, folder), { recursive: true });
  await writeFile(
    path.join(project.root, 'node_modules', '.package-lock.json'),
    JSON.stringify({ packages }),
  );
}

function npmCall(project: Project): string {
  return `${project.root} ci --prefix ${project.root} --ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error`;
}

async function npmCalls(project: Project): Promise<string[]> {
  const log = await readFile(project.npmLog, 'utf8').catch(() => '');
  return log.split('\n').filter(line => line !== '');
}

interface Options {
  flags?: string[];
  cwd?: string;
  stdin?: string;
  path?: string;
}
interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}
interface Started {
  process: ChildProcess;
  end: Promise<End>;
  said(stream: 'stdout' | 'stderr', text: string): Promise<void>;
}

function launch(project: Project, words: string[], options: Options = {}): Promise<End> {
  return start(project, words, options).end;
}

function start(project: Project, words: string[], options: Options = {}): Started {
  const child = spawn(process.execPath, [...(options.flags ?? []), project.launcher, ...words], {
    cwd: options.cwd ?? project.root,
    env: {
      ...process.env,
      PATH: options.path ?? [project.npmFolder, process.env.PATH].join(path.delimiter),
      NPM_LOG: project.npmLog,
      HOLD: project.hold,
      BIN: path.relative(project.root, path.dirname(project.node)),
      NODE: process.execPath,
      NODE_OPTIONS: '',
    },
  });
  const told = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', text => {
      told[stream] += text;
      child.emit('told');
    });
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal, ...told }));
  const said = async (stream: 'stdout' | 'stderr', text: string) => {
    const ended = end.then(() => 'ended');
    while (!told[stream].includes(text)) {
      const what = await Promise.race([once(child, 'told'), ended]);
      if (what === 'ended' && !told[stream].includes(text))
        assert.fail(`it ended without saying ${text}: ${told.stdout} ${told.stderr}`);
    }
  };
  return { process: child, end, said };
}
