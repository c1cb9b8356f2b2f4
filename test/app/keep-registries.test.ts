import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { modelStore } from '../../src/adapters/postgres/models.ts';
import { builtinRegistry, registryStore, versionKeys } from '../../src/adapters/postgres/registry.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { keepRegistries, registryView } from '../../src/app/keep-registries.ts';
import { RegistryError, type RegistryPort } from '../../src/core/ports.ts';
import { type ModelRegistry, modelSchema } from '../../src/core/promotion/model-keys.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';
import { insertVersion } from '../support/version.ts';

const now = new Date('2026-01-01T00:00:00Z');

/** A registry that others write to as well: theirs is `aliases` and `versions`. */
function shared() {
  const state = {
    aliases: new Map<string, string>(),
    versions: new Map<string, string>(),
    isAway: false,
    sets: 0,
    /** Runs between what is read and what is set. */
    meanwhile: async () => {},
  };
  const there = () => {
    if (state.isAway) throw new RegistryError('it does not answer', 'away');
  };
  const port: RegistryPort = {
    async register(_, __, { key }) {
      there();
      const known = state.versions.get(key) ?? String(state.versions.size + 101);
      state.versions.set(key, known);
      return known;
    },
    async alias(_, alias) {
      there();
      const found = state.aliases.get(alias) ?? null;
      await state.meanwhile();
      return found;
    },
    async setAlias(_, alias, remote) {
      there();
      state.sets += 1;
      if (remote === null) state.aliases.delete(alias);
      else state.aliases.set(alias, remote);
    },
    address: (name, remote) => `https://mlflow.example.com/${name}/${remote}`,
  };
  return { state, port };
}

describe('what registries say', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(async () => {
    await server?.stop();
  });

  async function open(t: TestContext, kind: ModelRegistry = { kind: 'mlflow', name: 'faces' }, versions = 2) {
    const { pool, db, close } = openDatabase(await server.database(), { onError: () => {} });
    t.after(close);
    await migrate(pool);
    const runs = runStore(db);
    for (let number = 1; number <= versions; number++) {
      const { run } = await runs.create(wish(`wish ${number}`));
      await insertVersion(pool, { number, run: run.number });
    }
    const registry = registryStore(db);
    const mlflow = shared();
    const warned: string[] = [];
    const nothing = () => {};
    const policy = modelSchema.parse({ project: 'digits', output: 'model.json', registry: kind });
    const ports = {
      ...{ registry, models: modelStore(db), builtin: builtinRegistry(db) },
      mlflow: mlflow.port as RegistryPort | null,
      policies: { all: async () => new Map([['digits', policy]]) },
      keyOf: versionKeys(db),
      linkOf: (run: number) => `https://signalbox.example.com/v1/runs/${run}`,
      log: {
        ...{ debug: nothing, info: nothing, error: nothing },
        warn: (_: object, said: string) => void warned.push(said),
      },
    };
    const due = () => pool.query("update registry_aliases set next_at = now() where next_at < 'infinity'");
    const look = async () => {
      await due();
      await keepRegistries(ports, () => now);
    };
    return { ...mlflow, ...{ pool, registry, ports, look, warned, policy } };
  }

  test('versions are written down, and then what means them', async t => {
    const { registry, look, state, ports, policy } = await open(t);
    await registry.want('digits', 'production', 2, now);
    await look();
    await look();
    assert.equal(state.versions.size, 2);
    const remote = await registry.remote('digits', 2, 'mlflow:faces');
    assert.equal(state.aliases.get('production'), remote);
    await look();
    assert.deepEqual([state.versions.size, state.sets], [2, 1], 'it is so already');
    const view = registryView(registry, ports.mlflow, null);
    assert.deepEqual(await view.registered({ model: 'digits', number: 2 }, policy), {
      remote,
      address: `https://mlflow.example.com/faces/${remote}`,
    });
    assert.equal(await view.registered({ model: 'digits', number: 3 }, policy), null);
  });

  test('the one that is built in needs no second look', async t => {
    const { registry, look, ports, pool, state } = await open(t, { kind: 'builtin' });
    await registry.want('digits', 'production', 2, now);
    await look();
    assert.equal(await ports.builtin.alias('digits', 'production'), '2');
    await registry.want('digits', 'production', 1, now);
    await look();
    assert.equal(await ports.builtin.alias('digits', 'production'), '1');
    await registry.want('digits', 'production', null, now);
    await look();
    assert.equal(await ports.builtin.alias('digits', 'production'), null);
    const { rows } = await pool.query("select next_at = 'infinity' as rests from registry_aliases");
    assert.deepEqual(rows, [{ rests: true }]);
    assert.equal(state.versions.size, 0);
  });

  test('what somebody else has moved is told and put back', async t => {
    const { registry, look, state, warned, pool } = await open(t);
    await registry.want('digits', 'production', 2, now);
    await look();
    await look();
    const ours = state.aliases.get('production');
    for (const theirs of ['7', null]) {
      if (theirs === null) state.aliases.delete('production');
      else state.aliases.set('production', theirs);
      await look();
      assert.equal(state.aliases.get('production'), ours);
      const [alias] = await registry.aliases('digits');
      assert.deepEqual(alias?.moved, { to: theirs, at: now });
    }
    assert.equal(warned.filter(said => /somebody else moved/.test(said)).length, 2);
    const { rows } = await pool.query(
      "select details from audit where action = 'model.alias-moved' order by seq",
    );
    assert.deepEqual(
      rows.map(row => row.details.to),
      ['7', null],
    );
  });

  test('what Signalbox itself meant before is nobody else’s', async t => {
    const { registry, look, warned, state } = await open(t);
    await registry.want('digits', 'production', 1, now);
    await look();
    await look();
    await registry.want('digits', 'production', 2, now);
    await look();
    assert.equal(state.aliases.get('production'), await registry.remote('digits', 2, 'mlflow:faces'));
    assert.deepEqual(warned, []);
  });

  test('where it is moved again and again it is looked at more and more seldom', async t => {
    const { registry, look, state, pool } = await open(t);
    await registry.want('digits', 'production', 2, now);
    await look();
    await look();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      state.aliases.set('production', String(i));
      await look();
      const { rows } = await pool.query(
        'select round(extract(epoch from next_at - now()) / 60)::int as minutes from registry_aliases',
      );
      pauses.push(rows[0].minutes);
    }
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    // Whoever moves it cannot hurry it by telling so.
    await registry.changed(['digits']);
    const { rows } = await pool.query(
      "select next_at > now() + interval '50 minutes' as waits from registry_aliases",
    );
    assert.deepEqual(rows, [{ waits: true }]);
  });

  test('what is wanted while it is set is set next', async t => {
    const { registry, look, state } = await open(t);
    await registry.want('digits', 'production', 1, now);
    await look();
    state.meanwhile = async () => {
      state.meanwhile = async () => {};
      await registry.want('digits', 'production', 2, now);
    };
    await look();
    await look();
    assert.equal(state.aliases.get('production'), await registry.remote('digits', 2, 'mlflow:faces'));
  });

  test('one worker at a time', async t => {
    const { registry, ports, state, look } = await open(t);
    await registry.want('digits', 'production', 2, now);
    await look();
    await Promise.all([1, 2, 3, 4].map(() => keepRegistries(ports, () => now)));
    await look();
    assert.deepEqual([state.versions.size, state.sets], [2, 1]);
  });

  test('a registry that is away is waited for, and said once', async t => {
    const { registry, look, state, warned, pool, ports } = await open(t, undefined, 1);
    state.isAway = true;
    await registry.want('digits', 'production', 1, now);
    const again = () => pool.query('update registry_entries set next_at = now()');
    await look();
    await again();
    await look();
    assert.equal(warned.filter(said => /could not be registered/.test(said)).length, 1);
    state.isAway = false;
    await again();
    await look();
    await look();
    assert.equal(state.aliases.get('production'), '101');
    ports.mlflow = null;
    state.aliases.clear();
    await look();
    assert.equal(state.aliases.size, 0);
  });

  test('told that something has changed, it is looked at now', async t => {
    const { registry, look, ports, state } = await open(t);
    await registry.want('digits', 'production', 2, now);
    await look();
    await look();
    state.aliases.delete('production');
    await keepRegistries(ports, () => now);
    assert.equal(state.aliases.size, 0, 'not yet');
    await registry.changed(['digits']);
    await keepRegistries(ports, () => now);
    assert.equal(state.aliases.size, 1);
  });
});
