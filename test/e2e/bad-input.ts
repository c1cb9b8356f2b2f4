import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { House } from './house.ts';
import { sendRequest } from './queue.ts';

interface Row {
  name: string;
  /** What is typed after `/train`. */
  words: string;
  code: string;
  /** All that the answer says: the word that is wrong, what is allowed, the nearest match. */
  says: string[];
  /** The command that it shows, without the mark of the place. */
  example: string;
}

const first = 'train show -p a=""';
const long = 'train show --ref main --gpus 1 --time 4h --note "wider net"';
const count = 'a whole number from 0 to 1024';
const flags = '--ref, --gpus, --gpu, --pool, --priority, --time, -p, --sweep, --early-stop, --note';

const rows: Row[] = [
  row('-1 GPUs', 'show --gpus -1', 'VALUE_INVALID', ['-1', count], long),
  row('-1 GPUs, joined', 'show --gpus=-1', 'VALUE_INVALID', ['-1', count], long),
  row('half a GPU', 'show --gpus 0.5', 'VALUE_INVALID', ['0.5', count], long),
  row('1e9 GPUs', 'show --gpus 1e9', 'VALUE_INVALID', ['1e9', count], long),
  row('NaN GPUs', 'show --gpus NaN', 'VALUE_INVALID', ['NaN', count], long),
  row('8 GPUs and a space', "show --gpus '8 '", 'VALUE_INVALID', ['8 ', count], long),
  row('GPUs in other digits', 'show --gpus ٣', 'VALUE_INVALID', ['٣', count], long),
  row('GPUs where there are none', 'show --gpus 1', 'GPUS_NONE', ['a GPU', 'here'], 'train show --gpus 0'),
  row('a model without GPUs', 'show --gpu a100', 'VALUE_INVALID', ['a100'], 'train show --gpus 1 --gpu a100'),
  row('an unknown flag', 'show --colour red', 'FLAG_UNKNOWN', ['--colour', flags], first),
  row('a misspelt flag', 'show --gpsu 1', 'FLAG_UNKNOWN', ['--gpsu', flags, 'mean --gpus'], first),
  row('a flag twice', 'show --gpus 0 --gpus 0', 'FLAG_REPEATED', ['--gpus'], first),
  row('a flag without its value', 'show --ref', 'FLAG_VALUE_MISSING', ['--ref', 'one word'], long),
  row('a flag for a value', 'show --ref --note x', 'FLAG_VALUE_MISSING', ['--ref', 'one word'], long),
  row(
    'a flag as a ref',
    'show --ref=--upload-pack=x',
    'VALUE_INVALID',
    ['--upload-pack=x', 'branch or tag'],
    'train show --ref main',
  ),
  row('a ref with a command', "show --ref='$(touch x)'", 'VALUE_INVALID', ['$(touch x)', 'one word'], long),
  row('a misspelt project', 'shwo', 'PROJECT_UNKNOWN', ['shwo', 'show, version', 'mean show'], 'train show'),
  row('an unknown project', 'fraud', 'PROJECT_UNKNOWN', ['fraud', 'show, version'], 'train show'),
  row(
    'a prototype for a project',
    '__proto__',
    'PROJECT_UNKNOWN',
    ['__proto__', 'show, version'],
    'train show',
  ),
  row(
    'an unknown ref',
    'show --ref mian',
    'REF_UNKNOWN',
    ['mian', 'branches are main', 'mean main'],
    'train show --ref main',
  ),
  row('an unknown parameter', 'show -p q=1', 'PARAMETER_UNKNOWN', ['q', 'are a, b'], first),
  row(
    'a misspelt parameter',
    'hold -p gaet=1',
    'PARAMETER_UNKNOWN',
    ['gaet', 'mean gate'],
    'train hold -p gate=/nowhere',
  ),
  row(
    'a parameter out of range',
    'hold -p size=10',
    'PARAMETER_INVALID',
    ['10', 'from 1 to 9'],
    'train hold -p size=1',
  ),
  row(
    'a parameter that is no number',
    'hold -p size=NaN',
    'PARAMETER_INVALID',
    ['NaN', 'from 1 to 9'],
    'train hold -p size=1',
  ),
  row('a parameter without a value', 'show -p a', 'VALUE_INVALID', ['a', 'name=value'], first),
  row('a parameter twice', 'show -p a=1 -p a=2', 'FLAG_REPEATED', ['-p a'], first),
  row('flags after --', 'show -- --gpus 1', 'ARGUMENT_UNEXPECTED', ['--gpus'], first),
  row('flags before the project, after --', '-- show --gpus 1', 'ARGUMENT_UNEXPECTED', ['--gpus'], first),
  row('-- for a value', 'show --gpus -- 1', 'FLAG_VALUE_MISSING', ['--gpus', count], long),
  row('a long dash for two', 'show —gpus -1', 'VALUE_INVALID', ['-1', '--gpus', count], long),
  row('a parameter without its flag', 'show a=1', 'ARGUMENT_UNEXPECTED', ['a=1', 'mean -p a=1'], first),
  row('a newline', 'show\n--gpus 0', 'COMMAND_UNREADABLE', ['show·--gpus', 'a line break (U+000A)'], first),
  row('a newline in a value', 'show -p "a=1\n2"', 'COMMAND_UNREADABLE', ['a line break (U+000A)'], first),
  row('a tab', 'show\t--gpus 0', 'COMMAND_UNREADABLE', ['a tab (U+0009)'], first),
  row(
    'a right-to-left override',
    'show --ref \u202eniam',
    'COMMAND_UNREADABLE',
    ['a direction mark (U+202E)'],
    first,
  ),
  row('a right-to-left mark', 'sh\u200fow', 'COMMAND_UNREADABLE', ['a direction mark (U+200F)'], first),
  row('an invisible space', 'show\u200b', 'COMMAND_UNREADABLE', ['a zero-width space (U+200B)'], first),
  row('10,000 characters', 'x'.repeat(10_000), 'COMMAND_TOO_LONG', ['10006', '4000'], first),
  row('a long note', `show --note ${'x'.repeat(1_001)}`, 'VALUE_INVALID', ['xxx…', '1000 characters'], long),
  row('a misspelt subcommand', 'statsu 4', 'ARGUMENT_UNEXPECTED', ['4', 'train status'], first),
  row('a run that is none', 'status x', 'VALUE_INVALID', ['x', 'such as 42'], 'train status 42'),
  row('run 0', 'why 0', 'VALUE_INVALID', ['0', 'such as 42'], 'train why 42'),
  row('an unknown run', 'logs 999999', 'RUN_NOT_FOUND', ['#999999'], 'train list'),
  row('no run', 'cancel --', 'ARGUMENT_MISSING', ['<run>'], 'train cancel 42'),
  row(
    'an unknown pool',
    'show --pool heer',
    'POOL_UNKNOWN',
    ['heer', 'here, away', 'mean here'],
    'train show --pool here',
  ),
  row(
    'a misspelt priority',
    'show --priority hihg',
    'VALUE_INVALID',
    ['hihg', 'low, normal, high', 'mean high'],
    first,
  ),
  row('a time that is none', 'show --time soon', 'VALUE_INVALID', ['soon', '1h30m'], long),
  row(
    'more time than there is',
    'show --time 48h',
    'VALUE_INVALID',
    ['48h', 'at most 24h'],
    'train show --time 24h',
  ),
];

/** The same by the typed API; what JSON itself cannot say is refused before anybody is asked. */
const typed: { name: string; body: unknown; code: string; says: string[]; audited?: false }[] = [
  {
    name: '-1 GPUs',
    body: { project: 'show', gpus: -1 },
    code: 'VALUE_INVALID',
    says: ['-1', 'gpus', count],
  },
  { name: 'half a GPU', body: { project: 'show', gpus: 0.5 }, code: 'VALUE_INVALID', says: ['0.5', count] },
  {
    name: '1e9 GPUs',
    body: { project: 'show', gpus: 1e9 },
    code: 'VALUE_INVALID',
    says: ['1000000000', count],
  },
  {
    name: 'NaN as text',
    body: { project: 'show', gpus: 'NaN' },
    code: 'VALUE_INVALID',
    says: ['NaN', count],
  },
  { name: 'GPUs as text', body: { project: 'show', gpus: '1' }, code: 'VALUE_INVALID', says: [count] },
  {
    name: 'NaN',
    body: '{"project":"show","gpus":NaN}',
    code: 'BODY_INVALID',
    says: ['JSON'],
    audited: false,
  },
  {
    name: 'a misspelt field',
    body: { project: 'show', gpuss: 1 },
    code: 'FLAG_UNKNOWN',
    says: ['gpuss', 'mean gpus'],
  },
  { name: 'no project', body: {}, code: 'ARGUMENT_MISSING', says: ['<project>'] },
  { name: 'an empty project', body: { project: '' }, code: 'VALUE_INVALID', says: ['""'] },
  {
    name: 'a misspelt project',
    body: { project: 'shwo' },
    code: 'PROJECT_UNKNOWN',
    says: ['shwo', 'mean show'],
  },
  {
    name: 'a ref with a newline',
    body: { project: 'show', ref: 'a\nb' },
    code: 'VALUE_INVALID',
    says: ['a·b'],
  },
  {
    name: 'a ref from right to left',
    body: { project: 'show', ref: '\u202ea' },
    code: 'VALUE_INVALID',
    says: ['·a'],
  },
  {
    name: 'an unknown ref',
    body: { project: 'show', ref: 'mian' },
    code: 'REF_UNKNOWN',
    says: ['mian', 'mean main'],
  },
  {
    name: 'an unknown parameter',
    body: { project: 'show', parameters: { q: 1 } },
    code: 'PARAMETER_UNKNOWN',
    says: ['q', 'are a, b'],
  },
  {
    name: 'a parameter of 10,000 characters',
    body: { project: 'show', parameters: { a: 'x'.repeat(10_000) } },
    code: 'VALUE_INVALID',
    says: ['1000 characters'],
  },
  {
    name: 'a time that is none',
    body: { project: 'show', timeLimit: 'soon' },
    code: 'VALUE_INVALID',
    says: ['soon', '1h30m'],
  },
  {
    name: 'a list for a project',
    body: { project: ['show'] },
    code: 'BODY_INVALID',
    says: ['project'],
    audited: false,
  },
];

function row(name: string, words: string, code: string, says: string[], example: string): Row {
  return { name, words, code, says, example };
}

/** The arguments that a shell makes of the words. */
function shellWords(words: string): string[] {
  return [...words.matchAll(/(?:[^ "']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/["']/g, ''));
}

/** Wrong words are answered where they were said, to whoever said them, and have no other effect. */
export function badInput(house: () => House): void {
  describe('bad input', () => {
    let newest = 0;
    let messages = 0;
    let refusals = 0;
    const refused = async () => {
      const found = await house().query<{ code: string; place: string; words: string }>(
        `select details->>'code' as code, details->>'place' as place, details->>'words' as words
         from audit where action = 'command.refused' and outcome = 'refused' order by seq`,
      );
      const since = found.slice(refusals);
      refusals = found.length;
      return since;
    };
    before(async () => {
      newest = await house().newest();
      messages = (await house().people.messages()).length;
      await refused();
    });
    after(async () => {
      assert.equal(await house().newest(), newest, 'no run was made');
      assert.equal((await house().people.messages()).length, messages, 'the channel heard nothing');
    });

    describe('in Slack', () => {
      for (const { name, words, code, says, example } of rows)
        test(name, async () => {
          const { people, service } = house();
          const heard = await people.asks(service().url, `/train ${words}`);
          for (const part of [...says, `/${example}`, code])
            assert.ok(heard.includes(part), `${part} in: ${heard}`);
          assert.doesNotMatch(heard, /[\p{Cc}\p{Cf}](?<!\n)|undefined|\{\w+\}/u);
        });

      test('where there is no address to answer to, an ephemeral message to the sender', async () => {
        const { people, service } = house();
        const said = await people.says(service().url, '/train shwo', { respond: false });
        const heard = await people.answers(said);
        assert.equal(heard.way, 'ephemeral');
        assert.match(heard.text, /There is no project shwo\./);
      });

      test('a viewer may look, and is told who could allow more', async () => {
        const { people, service } = house();
        const who = 'U000000002';
        const heard = await people.asks(service().url, '/train show', { who });
        for (const part of ['/train', 'viewer', 'operator', 'ACCESS_DENIED'])
          assert.ok(heard.includes(part), heard);
        assert.match(await people.asks(service().url, '/train list --mine', { who }), /no such runs/);
      });

      test('each attempt is in the audit log', async () => {
        const found = await refused();
        const expected = [...rows.map(({ code }) => code), 'PROJECT_UNKNOWN', 'ACCESS_DENIED'].sort();
        assert.deepEqual(found.map(({ code }) => code).sort(), expected);
        assert.deepEqual([...new Set(found.map(({ place }) => place))], ['slack']);
        assert.ok(found.every(({ words }) => words.length <= 500));
      });
    });

    describe('as words over HTTP', () => {
      for (const { name, words, code, says, example } of rows)
        test(name, async () => {
          const { status, body } = await house().command(`train ${words}`);
          assert.ok(status >= 400 && status < 500, String(status));
          assert.equal(body.code, code);
          const heard = `${body.title} ${body.detail} ${body.todo}`;
          for (const part of [...says, example]) assert.ok(heard.includes(part), `${part} in: ${heard}`);
          assert.equal(body.example, example);
        });

      for (const words of ['', '   '])
        test(`nothing (${words.length} spaces)`, async () => {
          const { status, body } = await house().command(words);
          assert.deepEqual([status, body.code], [400, 'COMMAND_EMPTY']);
          assert.match(String(body.todo), /^Try train show/);
        });

      test('each attempt is in the audit log', async () => {
        const found = await refused();
        const expected = [...rows.map(({ code }) => code), 'COMMAND_EMPTY', 'COMMAND_EMPTY'].sort();
        assert.deepEqual(found.map(({ code }) => code).sort(), expected);
        assert.deepEqual([...new Set(found.map(({ place }) => place))], ['http']);
      });
    });

    describe('in the API', () => {
      for (const { name, body, code, says } of typed)
        test(name, async () => {
          const answer = await house().call('/v1/runs', { body });
          assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
          const problem = (await answer.json()) as Record<string, unknown>;
          assert.deepEqual([problem.code, problem.status], [code, answer.status]);
          const heard = `${problem.title} ${problem.detail} ${problem.todo}`;
          for (const part of says) assert.ok(heard.includes(part), `${part} in: ${heard}`);
        });

      test('each attempt is in the audit log', async () => {
        const expected = typed.flatMap(({ code, audited }) => (audited === false ? [] : [code]));
        assert.deepEqual(
          (await refused()).map(({ code }) => code),
          expected,
        );
      });
    });

    describe('in the shared queue', () => {
      for (const { name, body, code, says } of typed.filter(
        one => typeof one.body === 'object' && one.audited !== false,
      ))
        test(name, async () => {
          const outcome = await sendRequest(house(), { request: body });
          assert.ok('failed' in outcome, `${code} expected`);
          for (const part of says) assert.ok(outcome.failed.includes(part), `${part} in: ${outcome.failed}`);
        });

      test('a token that nobody knows', async () => {
        const outcome = await sendRequest(house(), { token: 'sbx_unknown', request: { project: 'show' } });
        assert.match('failed' in outcome ? outcome.failed : '', /^The token is not valid\./);
      });

      test('each attempt is in the audit log', async () => {
        const expected = typed.flatMap(({ code, audited }) => (audited === false ? [] : [code]));
        const found = await refused();
        assert.deepEqual(
          found.map(({ code }) => code),
          expected,
        );
        assert.deepEqual([...new Set(found.map(({ place }) => place))], ['queue']);
      });
    });

    describe('on the command line', { concurrency: 3 }, () => {
      // Each is a process of its own: one of each kind, and whatever a shell or a terminal could change.
      const typed = rows.filter(
        ({ code, words }, at) => rows.findIndex(row => row.code === code) === at || /[^ -~]|['"]/.test(words),
      );
      for (const { name, words, code, says, example } of typed)
        test(name, async () => {
          const { code: exit, stdout, stderr } = await house().cli('train', ...shellWords(words));
          assert.deepEqual([exit, stdout], [1, '']);
          assert.ok(stderr.startsWith(`${code}: `), stderr);
          for (const part of [...says, `signalbox ${example}`])
            assert.ok(stderr.includes(part), `${part} in: ${stderr}`);
          assert.equal(stderr.trim().split('\n').length, 1, 'one line, no stack');
        });
    });

    describe('what is close to wrong, and right', () => {
      const fine: [name: string, words: string][] = [
        ['no GPUs', 'show --gpus 0'],
        ['a flag joined', 'show --gpus=0'],
        ['a flag with a long dash', 'show —gpus 0'],
        ['a parameter that looks like a flag', 'show -p a=--gpus'],
        ['a parameter that is empty', 'show -p a='],
        ['the end of flags after the project', 'show --'],
        ['spaces of other widths', 'show\u00a0--gpus\u20030'],
      ];
      for (const [name, words] of fine)
        test(name, async () => {
          const { status, body } = await house().command(
            `train ${words} --pool away`.replace('-- --pool away', '--pool away --'),
          );
          assert.equal(status, 200, JSON.stringify(body));
          newest += 1;
          assert.match(String((body.reply as { title?: string }).title), /^Run #\d+ show is queued: /);
          const cancelled = await house().command(`train cancel ${newest}`);
          assert.equal(cancelled.status, 200);
        });
    });
  });
}
