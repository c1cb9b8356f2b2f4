import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { RegistryError, type RegistryPort } from '../../src/core/ports.ts';
import type { ModelVersion } from '../../src/core/promotion/version.ts';

/** A registry with a model, whose versions can be made. */
export interface OpenRegistry {
  port: RegistryPort;
  name: string;
  /** A version that Signalbox has. */
  make(): Promise<{ version: ModelVersion; key: string }>;
}

/** What every registry does, whoever it is. */
export function registryConformance(
  called: string,
  open: (t: TestContext) => Promise<OpenRegistry>,
  options: { skip?: string | false } = {},
): void {
  describe(called, options, () => {
    const about = (key: string) => ({ key, link: 'https://signalbox.example.com/v1/runs/42' });

    test('a version is written down once, and others beside it', async t => {
      const { port, name, make } = await open(t);
      const [one, other] = [await make(), await make()];
      const first = await port.register(name, one.version, about(one.key));
      assert.equal(await port.register(name, one.version, about(one.key)), first);
      const second = await port.register(name, other.version, about(other.key));
      assert.notEqual(second, first);
    });

    test('asked for by several at once it is one', async t => {
      const { port, name, make } = await open(t);
      const { version, key } = await make();
      const all = await Promise.all([1, 2, 3, 4].map(() => port.register(name, version, about(key))));
      const again = await port.register(name, version, about(key));
      // Whoever was told of one that went is told of the one that stayed when they ask again.
      assert.ok(all.includes(again));
      assert.equal(await port.register(name, version, about(key)), again);
    });

    test('an alias means what it was set to last', async t => {
      const { port, name, make } = await open(t);
      const [one, other] = [await make(), await make()];
      const first = await port.register(name, one.version, about(one.key));
      const second = await port.register(name, other.version, about(other.key));
      assert.equal(await port.alias(name, 'production'), null);
      await port.setAlias(name, 'production', first);
      await port.setAlias(name, 'staging', second);
      assert.equal(await port.alias(name, 'production'), first);
      await port.setAlias(name, 'production', second);
      await port.setAlias(name, 'production', second);
      assert.equal(await port.alias(name, 'production'), second);
      assert.equal(await port.alias(name, 'staging'), second, 'one version may have several');
      await port.setAlias(name, 'production', null);
      assert.equal(await port.alias(name, 'production'), null);
      await port.setAlias(name, 'production', null);
      assert.equal(await port.alias(name, 'staging'), second);
    });

    test('an alias means nothing that is not there', async t => {
      const { port, name, make } = await open(t);
      const { version, key } = await make();
      const remote = await port.register(name, version, about(key));
      await port.setAlias(name, 'production', remote);
      await assert.rejects(
        port.setAlias(name, 'production', String(Number(remote) + 1_000)),
        (err: unknown) => err instanceof RegistryError && err.outcome === 'missing',
      );
      assert.equal(await port.alias(name, 'production'), remote);
      assert.equal(await port.alias('nobody-knows-it', 'production'), null);
    });
  });
}
