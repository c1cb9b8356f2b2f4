import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { policySchema } from '../../../src/core/policy.ts';
import { isOther, lacksFactor, namedAtProvider, type Vouched } from '../../../src/core/promotion/step-up.ts';

const askedAt = new Date('2026-03-10T12:00:00.900Z');
const vouched: Vouched = {
  subject: 'sub-1',
  email: 'octocat@example.com',
  authenticatedAt: askedAt,
  acr: null,
  amr: ['pwd', 'mfa'],
};
const ago = (seconds: number) => new Date(Math.floor(askedAt.getTime() / 1_000) * 1_000 - seconds * 1_000);

describe('a second factor', () => {
  const rows: [name: string, says: RegExp | null, change: Partial<Vouched>, acr?: string[]][] = [
    ['was shown', null, {}],
    ['was shown as late as the clocks may differ', null, { authenticatedAt: ago(30) }],
    ['was shown a second before that', /before you were asked/, { authenticatedAt: ago(31) }],
    ['was shown at no time', /auth_time/, { authenticatedAt: null }],
    ['is not said', /mfa in amr/, { amr: [] }],
    ['is said by parts alone', /mfa in amr/, { amr: ['pwd', 'otp'] }],
    ['is said in capitals', /mfa in amr/, { amr: ['MFA'] }],
    ['is said by a name that nobody asked for', /mfa in amr/, { amr: ['pwd'], acr: 'phr' }],
    ['has the name that was asked for', null, { amr: [], acr: 'phr' }, ['phrh', 'phr']],
    ['has a name that was not asked for', /phrh or phr/, { acr: 'pwd' }, ['phrh', 'phr']],
    ['has no name where one was asked for, whatever amr says', /acr/, {}, ['phr']],
    ['has a name that begins alike', /acr/, { acr: 'phr2' }, ['phr']],
  ];
  for (const [name, says, change, acr = []] of rows)
    test(name, () => {
      const why = lacksFactor({ ...vouched, ...change }, { askedAt, acr });
      if (says === null) assert.equal(why, null);
      else assert.match(why ?? '', says);
    });
});

describe('an account of the provider', () => {
  const people = (...more: object[]) =>
    policySchema.parse({ people: more.map(one => ({ role: 'approver', ...one })) }).people;
  const slack = 'T01/U01';
  const person = { name: 'octocat', accounts: [`slack:${slack}`, 'github:octocat'] };
  const other = { name: 'hubot', slack: 'T01/U02' };
  const rows: [name: string, says: RegExp | null, named: object[], change?: Partial<Vouched>][] = [
    ['by its address', null, [{ name: 'octocat', slack, email: 'Octocat@Example.com' }]],
    ['by its subject', null, [{ name: 'octocat', slack, oidc: 'sub-1' }]],
    ['by an address as the account', null, [{ name: 'octocat', slack, oidc: 'octocat@example.com' }]],
    ['by a subject in capitals', /names nobody/, [{ name: 'octocat', slack, oidc: 'SUB-1' }]],
    ['by a part of the address', /names nobody/, [{ name: 'octocat', slack, email: 'cat@example.com' }]],
    [
      'by an address that is not verified',
      /as sub-1/,
      [{ name: 'octocat', slack, email: 'octocat@example.com' }],
      { email: null },
    ],
    [
      'by the address, where another account is named',
      /names nobody/,
      [{ name: 'octocat', slack, email: 'octocat@example.com', oidc: 'sub-2' }],
    ],
    ['of nobody, where nobody is named', /names nobody/, [{ name: 'octocat', slack }]],
    [
      'of somebody else',
      /the account of hubot/,
      [
        { name: 'octocat', slack, oidc: 'sub-2' },
        { ...other, oidc: 'sub-1' },
      ],
    ],
    [
      'of two',
      /fits several persons: octocat, hubot/,
      [
        { name: 'octocat', slack, oidc: 'sub-1' },
        { ...other, email: 'octocat@example.com' },
      ],
    ],
    [
      'named with another of their accounts',
      null,
      [
        { name: 'octocat', slack },
        { name: 'octocat', github: 'octocat', oidc: 'sub-1' },
      ],
    ],
  ];
  for (const [name, says, named, change = {}] of rows)
    test(name, () => {
      const why = isOther({ ...vouched, ...change }, person, people(...named));
      if (says === null) assert.equal(why, null);
      else assert.match(why ?? '', says);
    });

  test('is named or is not', () => {
    assert.equal(
      namedAtProvider(person, people({ name: 'octocat', slack }, { ...other, oidc: 'x' })).length,
      0,
    );
    assert.equal(namedAtProvider(person, people({ name: 'octocat', slack, oidc: 'x' })).length, 1);
  });
});
