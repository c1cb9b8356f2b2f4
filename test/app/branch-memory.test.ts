import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rememberedBranches } from '../../src/app/branch-memory.ts';

test('a yes is remembered, a no and a failure for ten minutes', async () => {
  let asked = 0;
  let now = 0;
  const says: (boolean | Error)[] = [false, true, new Error('away'), true];
  const { isOnBranch } = rememberedBranches(
    {
      async isOnBranch() {
        const answer = says[asked++] ?? false;
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    () => new Date(now),
  );
  assert.equal(await isOnBranch('github:a/b', 'a', 'main'), false);
  now = 599_999;
  assert.equal(await isOnBranch('github:a/b', 'a', 'main'), false);
  assert.equal(asked, 1);
  now = 600_000;
  assert.equal(await isOnBranch('github:a/b', 'a', 'main'), true);
  now = 9e12;
  assert.equal(await isOnBranch('github:a/b', 'a', 'main'), true);
  assert.equal(asked, 2);
  await assert.rejects(isOnBranch('github:a/b', 'a', 'release'));
  await assert.rejects(isOnBranch('github:a/b', 'a', 'release'));
  assert.equal(asked, 3);
  for (let i = 0; i < 1_000; i++) await isOnBranch('github:a/b', `${i}`, 'main');
  asked = 3;
  assert.equal(await isOnBranch('github:a/b', 'a', 'main'), true);
  assert.equal(asked, 4);
});
