import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import type { WebhookDefinition } from '../../src/core/webhook.ts';
import { webhooks } from '../../webhooks/index.ts';

test('webhooks: the list is the folder', async () => {
  const files = await readdir(new URL('../../webhooks/', import.meta.url));
  const names = files.filter(file => file !== 'index.ts').map(file => file.replace(/\.ts$/, ''));
  assert.deepEqual(webhooks.map(({ name }) => name).toSorted(), names.toSorted());
});

test('webhooks: one translation for a kind of message, or for a type of event', () => {
  const kinds = webhooks.flatMap(({ source, kind, events = [''] }: WebhookDefinition) =>
    events.map(type => `${source} ${kind} ${type}`),
  );
  assert.equal(new Set(kinds).size, kinds.length);
});
