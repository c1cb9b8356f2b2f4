import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { House } from './house.ts';

/** What an operator types beside a service that runs on the same data. */
export function operators(house: () => House): void {
  describe('beside a running service', () => {
    test('doctor', async () => {
      const [text, json] = await Promise.all([house().cli('doctor'), house().cli('doctor', '--json')]);
      assert.deepEqual([text.code, text.stderr, json.code], [0, '', 0]);
      for (const line of [
        /^ok +postgres +PostgreSQL 18/m,
        /^advice +redis .*production wants Redis/m,
        /^ok +slack/m,
        /^off +pools +no agent has been seen for away$/m,
      ])
        assert.match(text.stdout, line);
      const { ok, findings } = JSON.parse(json.stdout) as {
        ok: boolean;
        findings: { name: string; state: string }[];
      };
      assert.ok(ok);
      const states = Object.fromEntries(findings.map(({ name, state }) => [name, state]));
      assert.deepEqual(
        [states.settings, states.policy, states.postgres, states.redis],
        ['ok', 'ok', 'ok', 'advice'],
      );
    });

    test('migrate', async () => {
      const [text, json] = await Promise.all([house().cli('migrate'), house().cli('migrate', '--json')]);
      assert.deepEqual([text.code, text.stdout], [0, 'The schema is up to date.\n']);
      assert.deepEqual(JSON.parse(json.stdout), { ok: true });
    });
  });

  describe('wrong words beside a running service', { concurrency: 2 }, () => {
    const wrong: [name: string, args: string[], says: RegExp][] = [
      [
        'token without an action',
        ['token'],
        /^ARGUMENT_MISSING: token needs one of create, list, revoke\. .*signalbox token create/,
      ],
      [
        'a misspelt action',
        ['token', 'craete'],
        /^VALUE_INVALID: craete .*create, list, revoke\. Did you mean create\?/,
      ],
      ['no name', ['token', 'create', '--scope', 'admin'], /^ARGUMENT_MISSING: token create needs --name\./],
      [
        'no scope',
        ['token', 'create', '--name', 'x'],
        /^ARGUMENT_MISSING: token create needs --scope\. It is one of runs:read/,
      ],
      [
        'an unknown scope',
        ['token', 'create', '--name', 'x', '--scope', 'run:read'],
        /^VALUE_INVALID: run:read .*Did you mean runs:read\?/,
      ],
      [
        'an unknown pool',
        ['token', 'create', '--name', 'x', '--scope', 'agent', '--pool', 'heer'],
        /^POOL_UNKNOWN: .*heer.*Did you mean here\?/,
      ],
      [
        'nothing to revoke',
        ['token', 'revoke'],
        /^ARGUMENT_MISSING: token revoke needs the id or the name of a token\./,
      ],
      [
        'a misspelt action of audit',
        ['audit', 'verfy'],
        /^VALUE_INVALID: verfy .*verify, export\. Did you mean verify\? Try signalbox audit verify\./,
      ],
      [
        'a word too many',
        ['audit', 'verify', 'all'],
        /^ARGUMENT_UNEXPECTED: audit does not understand all\./,
      ],
      [
        'a moment that is none',
        ['audit', 'export', '--since', 'yesterday'],
        /^VALUE_INVALID: yesterday is not a value for --since\. It takes a duration such as 12h or 7d\./,
      ],
      ['a subject that is none', ['audit', 'run:0'], /^VALUE_INVALID: run:0 is not a value for <subject>\./],
      [
        'a misspelt flag',
        ['doctor', '--jsno'],
        /^FLAG_UNKNOWN: doctor has no flag --jsno\. .*Did you mean --json\?/,
      ],
      ['a flag with a value', ['migrate', '--json=yes'], /^VALUE_INVALID: yes is not a value for --json\./],
      [
        'a misspelt verb',
        ['docter'],
        /^COMMAND_UNKNOWN: .*docter.*Did you mean doctor\? Try signalbox --help\./,
      ],
      ['a verb that every object has', ['constructor'], /^COMMAND_UNKNOWN: /],
    ];
    for (const [name, args, says] of wrong)
      test(`${name} is refused in one line`, async () => {
        const { code, stdout, stderr } = await house().cli(...args);
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, says);
        assert.equal(stderr.trim().split('\n').length, 1);
      });
  });

  describe('in the end', () => {
    test('audit verify, last of all: the whole chain holds', async () => {
      const [text, json] = await Promise.all([
        house().cli('audit', 'verify'),
        house().cli('audit', 'verify', '--json'),
      ]);
      assert.equal(text.code, 0);
      assert.match(text.stdout, /^The audit log is whole: \d+ rows\.\n$/);
      const { rows, broken } = JSON.parse(json.stdout) as { rows: number; broken: unknown };
      assert.ok(rows > 100);
      assert.equal(broken, null);
    });

    test('audit: about a subject, in words and as JSON; all of it as lines', async () => {
      const [text, json, all, latest] = await Promise.all([
        house().cli('audit', '#1'),
        house().cli('audit', '--json', '--by', 'signalbox', '--limit', '2'),
        house().cli('audit', 'export', '--json'),
        house().cli('audit', 'export', '--since', '1s'),
      ]);
      assert.deepEqual([text.code, json.code, all.code, latest.code], [0, 0, 0, 0]);
      assert.match(
        text.stdout,
        /entries of the audit log:\n *Row +Who +Action +Subject +Details +When \(UTC\)/,
      );
      assert.match(text.stdout, /run\.requested +run:1 /);
      assert.doesNotMatch(text.stdout, /run:1\d/);
      const { entries } = JSON.parse(json.stdout) as { entries: { seq: number; actor: { id: string } }[] };
      assert.deepEqual(
        entries.map(({ actor }) => actor.id),
        ['signalbox', 'signalbox'],
      );
      const lines = all.stdout.trimEnd().split('\n');
      assert.deepEqual(
        lines.map(line => (JSON.parse(line) as { seq: number }).seq),
        lines.map((_, i) => i + 1),
      );
      const names = ['seq', 'at', 'actor', 'action', 'subject', 'outcome', 'details', 'hash'];
      assert.deepEqual(Object.keys(JSON.parse(lines[0] ?? '')), names);
      assert.ok(latest.stdout.length < all.stdout.length);
    });
  });
}
