import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { checkOut } from '../../../src/adapters/local/checkout.ts';
import { type Service, ServiceError } from '../../../src/adapters/local/service.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-checkout-')));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

/** Answers of the service in their order; the last one again and again. */
function serviceWith(...answers: (Buffer | ServiceError)[]): Service {
  const nobody = async () => {
    throw new Error('not asked for here');
  };
  return {
    sync: nobody,
    appendLog: nobody,
    record: nobody,
    outputs: nobody,
    content: nobody,
    addMetrics: nobody,
    source: async () => {
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof ServiceError) throw answer;
      return new Blob([new Uint8Array(answer ?? Buffer.alloc(0))]).stream();
    },
  };
}

function tarOf(make: (folder: string) => string[]): Buffer {
  const folder = join(root, `source-${folders++}`);
  mkdirSync(folder);
  return spawnSync('tar', ['-c', '-f', '-', '-C', folder, ...make(folder)]).stdout;
}

async function checkOutOf(...answers: (Buffer | ServiceError)[]) {
  const folder = join(root, `run-${folders++}`);
  mkdirSync(folder);
  const target = join(folder, 'work');
  const result = await checkOut(serviceWith(...answers), 1, 'token', target, AbortSignal.timeout(20_000));
  assert.deepEqual(
    readdirSync(folder).filter(name => name !== 'work'),
    [],
    'nothing is left lying beside it',
  );
  return { result, target };
}

const plain = () => {
  return tarOf(folder => {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub/train.py'), 'print(1)\n', { mode: 0o755 });
    return ['.'];
  });
};
const away = new ServiceError('Signalbox does not answer.', 'away', null);

describe('a checkout', () => {
  test('is there whole', async () => {
    const { result, target } = await checkOutOf(plain());
    assert.deepEqual(result, { ok: true, notes: [] });
    assert.equal(readFileSync(join(target, 'sub/train.py'), 'utf8'), 'print(1)\n');
  });

  test('is tried again while Signalbox is away, and after half an archive', async () => {
    const { result, target } = await checkOutOf(away, plain().subarray(0, 700), plain());
    assert.equal(result.ok, true);
    assert.ok(existsSync(join(target, 'sub/train.py')));
  });

  test('links that lead out are left out and named, those inside stay', async () => {
    const tar = tarOf(folder => {
      mkdirSync(join(folder, 'deep/er'), { recursive: true });
      writeFileSync(join(folder, 'file'), '');
      symlinkSync('../../file', join(folder, 'deep/er/inside'));
      symlinkSync('nowhere', join(folder, 'dangling'));
      symlinkSync('/etc/passwd', join(folder, 'absolute'));
      symlinkSync('../../../../outside', join(folder, 'deep/upwards'));
      symlinkSync('..', join(folder, 'deep/up'));
      symlinkSync('deep/up/../..', join(folder, 'through'));
      return ['.'];
    });
    const { result, target } = await checkOutOf(tar);
    assert.ok(result.ok);
    const named = result.notes.map(note => /left out (\S+):/.exec(note)?.[1]);
    assert.deepEqual(named.toSorted(), ['absolute', 'deep/upwards', 'through']);
    assert.deepEqual(readdirSync(target).toSorted(), ['dangling', 'deep', 'file']);
    assert.deepEqual(readdirSync(join(target, 'deep')).toSorted(), ['er', 'up']);
  });

  test('what is no file is left out', async () => {
    const tar = tarOf(folder => {
      spawnSync('mkfifo', [join(folder, 'pipe')]);
      return ['.'];
    });
    const { result } = await checkOutOf(tar);
    assert.deepEqual(result, { ok: true, notes: ['[signalbox] left out pipe: it is no file'] });
  });

  const escapes = [
    { name: 'an absolute name', make: (file: string) => ['-P', file] },
    {
      name: 'a name with ..',
      make: (file: string) => ['-P', `--transform=s,^.*,../${file.split('/').at(-1)},`, file],
    },
  ];
  for (const { name, make } of escapes)
    test(`${name} writes nothing outside`, async () => {
      const file = join(root, `escaped-${folders++}`);
      writeFileSync(file, 'x');
      const tar = tarOf(() => make(file));
      rmSync(file);
      await checkOutOf(tar);
      assert.equal(existsSync(file), false);
    });

  test('what stands in a link in the archive is not written through it', async () => {
    const outside = join(root, `outside-${folders++}`);
    mkdirSync(outside);
    const parts = ['link', 'folder'].map(kind =>
      tarOf(folder => {
        if (kind === 'link') symlinkSync(outside, join(folder, 'data'));
        else {
          mkdirSync(join(folder, 'data'));
          writeFileSync(join(folder, 'data/written'), 'x');
        }
        return kind === 'link' ? ['data'] : ['data/written'];
      }),
    );
    // The end of the first archive is left away, so that the second one goes on in it.
    await checkOutOf(
      Buffer.concat([parts[0]?.subarray(0, 512) ?? Buffer.alloc(0), parts[1] ?? Buffer.alloc(0)]),
    );
    assert.deepEqual(readdirSync(outside), []);
  });

  const refusals = [
    {
      name: 'refused',
      answer: new ServiceError('There is no run #1.', 'refused', 404),
      says: /There is no run #1/,
    },
    { name: 'an error again and again', answer: new ServiceError('Oh.', 'broken', 500), says: /Oh\./ },
    { name: 'no archive', answer: Buffer.from('<html>'.repeat(200)), says: /tar could not unpack it/ },
  ];
  for (const { name, answer, says } of refusals)
    test(`${name}: a failure in words`, async () => {
      const { result, target } = await checkOutOf(answer);
      assert.ok(!result.ok);
      assert.match(result.message, says);
      assert.equal(existsSync(target), false);
    });

  test('ends when it is not wanted any more', async () => {
    const target = join(root, `run-${folders++}`, 'work');
    mkdirSync(join(target, '..'));
    await assert.rejects(checkOut(serviceWith(away), 1, 'token', target, AbortSignal.timeout(100)));
    assert.deepEqual(readdirSync(join(target, '..')), []);
  });
});
