import { after, before } from 'node:test';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { builtinRegistry, versionKeys } from '../../src/adapters/postgres/registry.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';
import { insertVersion } from '../support/version.ts';
import { registryConformance } from './registries.ts';

let server: TestServer;
before(async () => {
  server = await startServer('embedded');
});
after(async () => {
  await server?.stop();
});

registryConformance('the registry that is built in', async t => {
  const database = openDatabase(await server.database(), { onError: () => {} });
  t.after(() => database.close());
  await migrate(database.pool);
  const runs = runStore(database.db);
  const keyOf = versionKeys(database.db);
  let number = 0;
  return {
    port: builtinRegistry(database.db),
    name: 'digits',
    make: async () => {
      number += 1;
      const { run } = await runs.create(wish(`wish ${number}`));
      const version = await insertVersion(database.pool, { number, run: run.number });
      return { version, key: await keyOf('digits', number) };
    },
  };
});
