import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { githubManifest } from '../../../src/adapters/github/manifest.ts';

const shape = z.object({ default_events: z.array(z.string()) });

test('the manifest of the GitHub App asks for each event once, however many listen to it', () => {
  const { default_events } = shape.parse(
    githubManifest(['push', 'pull_request', 'check_run', 'pull_request']),
  );
  assert.deepEqual(default_events, ['check_run', 'pull_request', 'push']);
});
