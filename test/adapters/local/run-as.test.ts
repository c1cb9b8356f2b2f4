import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { userNamed } from '../../../src/adapters/local/environment.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

const skip = process.getuid?.() !== 0 && 'only root can become another user';

describe('the user of a run', () => {
  let bench: Workbench;
  before(async () => {
    bench = await openWorkbench();
    chmodSync(bench.root, 0o711);
    bench.setSource({ 'file.txt': 'text\n' });
  });
  after(() => bench.close());

  test('is its own, which owns its folders and cannot read those of Signalbox', { skip }, async () => {
    const agent = bench.startAgent({ runAs: 'nobody' });
    const script = [
      'id -un',
      'id -G',
      'cat file.txt && touch own "$HOME/a" "$TMPDIR/b" "$SIGNALBOX_OUTPUT_DIR/c" "$SIGNALBOX_CHECKPOINT_DIR/d" && echo wrote',
      'echo out > /dev/stdout',
      'cat ../control/plan.json || echo hidden',
      'ls ../../.. || echo hidden',
      'tr "\\0" "\\n" < /proc/$PPID/environ || echo hidden',
    ];
    const key = bench.assign({ command: [`exec 2>/dev/null; ${script.join('; ')}`], shell: true });
    assert.equal((await bench.end(key)).exit?.code, 0);
    const group = userNamed('nobody')?.gid;
    assert.equal(bench.logs.get(key), `nobody\n${group}\ntext\nwrote\nout\nhidden\nhidden\nhidden\n`);
    await agent.stop();
  });

  test('does not exist: the command is not started', { skip }, async () => {
    const agent = bench.startAgent({ runAs: 'no-such-user' });
    const { exit } = await bench.end(bench.assign({ command: ['true'] }));
    assert.equal(exit?.failure?.class, 'start-error');
    assert.match(exit?.failure?.message ?? '', /no user no-such-user/);
    await agent.stop();
  });
});

test('users in /etc/passwd', async () => {
  const bench = await openWorkbench();
  const file = join(bench.root, 'passwd');
  writeFileSync(
    file,
    'root:x:0:0:root:/root:/bin/sh\n# comment\nml:x:1001:1002::/:/bin/sh\nbad:x:-1:5::/:\nshort:x\n',
  );
  const rows = [
    ['ml', { uid: 1001, gid: 1002 }],
    ['root', { uid: 0, gid: 0 }],
    ['m', null],
    ['', null],
    ['bad', null],
    ['short', null],
    ['1001', null],
  ] as const;
  for (const [name, user] of rows) assert.deepEqual(userNamed(name, file), user, name);
  await bench.close();
});
