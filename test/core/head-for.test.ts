import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  commitToApprove,
  type HeadPush,
  headFor,
  isApproved,
  isPushedSince,
  readApproved,
  sightOf,
} from '../../src/core/head-for.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(40)) as [
  string,
  string,
  string,
  string,
];
/** Minutes past the hour. */
const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, Math.round(minutes * 60)));
const opened = (after: string, minutes: number): HeadPush => ({
  at: at(minutes),
  before: null,
  after,
  forced: null,
});
const push = (before: string, after: string, minutes: number, forced: boolean | null = null): HeadPush => ({
  ...{ at: at(minutes), before, after, forced },
});

const seen = (after: string, minutes: number): HeadPush => ({ ...opened(after, minutes), sight: true });

describe('the head that somebody saw who commented at 12:30', () => {
  const rows: { name: string; pushes: HeadPush[]; head: string; is: string }[] = [
    { name: 'only opened', pushes: [opened(a, 0)], head: a, is: a },
    { name: 'pushed before', pushes: [opened(a, 0), push(a, b, 10)], head: b, is: b },
    { name: 'pushed after', pushes: [opened(a, 0), push(a, b, 40)], head: b, is: a },
    {
      name: 'pushed before and after',
      pushes: [opened(a, 0), push(a, b, 10), push(b, c, 40)],
      head: c,
      is: b,
    },
    { name: 'told in another order', pushes: [push(b, c, 40), push(a, b, 10), opened(a, 0)], head: c, is: b },
    { name: 'told twice', pushes: [opened(a, 0), push(a, b, 40), push(a, b, 40)], head: b, is: a },
    {
      name: 'told twice, of other seconds',
      pushes: [opened(a, 0), push(a, b, 40), push(a, b, 40.1)],
      head: b,
      is: a,
    },
    { name: 'an early one was missed', pushes: [opened(a, 0), push(b, c, 20)], head: c, is: c },
    { name: 'there and back after', pushes: [opened(a, 0), push(a, b, 40), push(b, a, 50)], head: a, is: a },
    {
      name: 'two in one second after',
      pushes: [opened(a, 0), push(b, c, 40), push(a, b, 40)],
      head: c,
      is: a,
    },
    { name: 'forced before', pushes: [opened(a, 0), push(a, b, 10, true)], head: b, is: b },
    { name: 'a minute and a second before', pushes: [opened(a, 0), push(a, b, 29 - 1 / 60)], head: b, is: b },
    { name: 'nothing was seen', pushes: [], head: a, is: 'unseen' },
    { name: 'nothing was seen before', pushes: [push(a, b, 40)], head: b, is: 'unseen' },
    { name: 'a minute before', pushes: [opened(a, 0), push(a, b, 29)], head: b, is: 'close' },
    { name: 'a minute after', pushes: [opened(a, 0), push(a, b, 31)], head: b, is: 'close' },
    { name: 'at the same time', pushes: [opened(a, 0), push(a, b, 30)], head: b, is: 'close' },
    { name: 'opened just then', pushes: [opened(a, 30)], head: a, is: 'close' },
    { name: 'forced after', pushes: [opened(a, 0), push(a, b, 40, true)], head: b, is: 'forced' },
    {
      name: 'forced after, which the branch told',
      pushes: [opened(a, 0), push(a, b, 40), push(a, b, 40, true)],
      head: b,
      is: 'forced',
    },
    { name: 'the last was missed', pushes: [opened(a, 0)], head: b, is: 'gap' },
    { name: 'one between was missed', pushes: [opened(a, 0), push(b, c, 40)], head: c, is: 'gap' },
    { name: 'only seen, before', pushes: [seen(a, 20)], head: a, is: a },
    { name: 'only seen, and pushed after', pushes: [seen(a, 20), push(a, b, 40)], head: b, is: a },
    { name: 'told, and seen once more just then', pushes: [opened(a, 0), seen(a, 30)], head: a, is: a },
    { name: 'told, and seen once more after', pushes: [opened(a, 0), seen(a, 40)], head: a, is: a },
    {
      name: 'pushed after, told and seen once more',
      pushes: [opened(a, 0), push(a, b, 40), seen(b, 50)],
      head: b,
      is: a,
    },
    { name: 'a push was missed before it was seen', pushes: [opened(a, 0), seen(b, 20)], head: b, is: b },
    {
      name: 'only seen, just then: pushed a moment ago, perhaps',
      pushes: [seen(a, 30)],
      head: a,
      is: 'close',
    },
    { name: 'only seen, a minute before', pushes: [seen(a, 29)], head: a, is: 'close' },
    { name: 'only seen after: pushed before or after', pushes: [seen(a, 40)], head: a, is: 'unseen' },
    { name: 'another was seen after', pushes: [opened(a, 0), seen(b, 40)], head: b, is: 'gap' },
    { name: 'another is there than was seen', pushes: [seen(a, 20)], head: b, is: 'gap' },
    {
      name: 'told late, when it had been seen: both are one push',
      pushes: [opened(a, 0), push(a, b, 20), seen(b, 40)],
      head: b,
      is: b,
    },
    { name: 'opened again after', pushes: [opened(a, 0), opened(d, 40)], head: d, is: 'gap' },
  ];
  for (const { name, pushes, head, is } of rows)
    test(name, () => {
      const found = headFor(head, at(30), pushes);
      assert.equal(found.ok ? found.sha : found.why, is);
      if (!found.ok) assert.equal(found.confirm, head);
    });
  describe('of one that was opened just then', () => {
    const first: typeof rows = [
      { name: 'and nothing else', pushes: [opened(a, 29.9)], head: a, is: a },
      { name: 'told some seconds later than it was', pushes: [opened(a, 29.95)], head: a, is: a },
      { name: 'pushed after', pushes: [opened(a, 29.9), push(a, b, 40)], head: b, is: a },
      { name: 'pushed just then too', pushes: [opened(a, 29.9), push(a, b, 30.5)], head: b, is: 'close' },
      { name: 'another is there, and nobody told', pushes: [opened(a, 29.9)], head: b, is: 'gap' },
      { name: 'opened again just then', pushes: [opened(a, 29.9), opened(d, 30)], head: d, is: 'close' },
      { name: 'only seen just then', pushes: [seen(a, 29.9)], head: a, is: 'close' },
    ];
    for (const { name, pushes, head, is } of first)
      test(name, () => {
        const found = headFor(head, at(30), pushes, at(29.9));
        assert.equal(found.ok ? found.sha : found.why, is);
      });
  });
  test('at no time', () => {
    const found = headFor(a, new Date(Number.NaN), [opened(a, 0)]);
    assert.equal(found.ok, false);
  });
});

describe('what train approve was given', () => {
  const rows: [string, string][] = [
    ['42', 'run 42'],
    ['#42', 'run 42'],
    ['999999', 'run 999999'],
    ['#1234567', 'run 1234567'],
    ['1234567', 'either'],
    ['0123456', 'either'],
    ['1'.repeat(39), 'either'],
    ['1'.repeat(40), `commit ${'1'.repeat(40)}`],
    ['1'.repeat(41), 'neither'],
    ['abc1234', 'commit abc1234'],
    ['ABC1234', 'commit abc1234'],
    [a, `commit ${a}`],
    ['abc123', 'short'],
    ['a', 'short'],
    ['12345e6', 'commit 12345e6'],
    ['0', 'neither'],
    ['#0', 'neither'],
    ['##42', 'neither'],
    ['42g', 'neither'],
    ['-42', 'neither'],
    ['', 'neither'],
    ['main', 'neither'],
    [`${a}a`, 'neither'],
  ];
  for (const [word, is] of rows)
    test(`${word.slice(0, 12) || 'nothing'} (${word.length}): ${is.slice(0, 20)}`, () => {
      const said = readApproved(word);
      const shown = {
        run: () => `run ${'run' in said && said.run}`,
        commit: () => `commit ${'sha' in said && said.sha}`,
      };
      assert.equal(said.kind === 'refused' ? said.why : shown[said.kind](), is);
    });
});

describe('which commit may be approved', () => {
  const twin = `${'a'.repeat(20)}${'b'.repeat(20)}`;
  for (const [name, said, head, seen, is] of [
    ['the head', a, a, [a], a],
    ['its beginning', 'aaaaaaa', a, [a], a],
    ['a beginning of two', 'aaaaaaa', a, [a, twin], 'several'],
    ['enough of one of two', 'a'.repeat(21), a, [a, twin], a],
    ['an earlier one', b, a, [b, a], 'not-head'],
    ['none', 'ccccccc', a, [a], 'not-head'],
  ] as const)
    test(name, () => {
      const found = commitToApprove(
        said,
        head,
        seen.map(after => ({ after })),
      );
      assert.equal(found.ok ? found.sha : found.why, is);
    });
});

describe('whether the head of a fork may run', () => {
  for (const [name, head, approvals, pushes, is] of [
    ['approved', a, [{ sha: a, at: at(20) }], [opened(a, 10)], true],
    ['nobody approved', a, [], [opened(a, 10)], false],
    ['another was approved', b, [{ sha: a, at: at(20) }], [opened(a, 10), push(a, b, 15)], false],
    ['pushed since', b, [{ sha: a, at: at(20) }], [opened(a, 10), push(a, b, 30)], false],
    [
      'pushed away and back since',
      a,
      [{ sha: a, at: at(20) }],
      [opened(a, 10), push(a, b, 30), push(b, a, 40)],
      false,
    ],
    [
      'approved again',
      a,
      [
        { sha: a, at: at(20) },
        { sha: a, at: at(50) },
      ],
      [opened(a, 10), push(b, a, 40)],
      true,
    ],
    ['approved in the second of the push', a, [{ sha: a, at: at(10) }], [opened(a, 10)], false],
  ] as const)
    test(name, () => assert.equal(isApproved(head, approvals, pushes), is));
});

describe('what to make of a head that was found by looking at 12:30', () => {
  const rows: { name: string; known: Pick<HeadPush, 'after' | 'at'> | null; is: string }[] = [
    { name: 'nothing is known', known: null, is: 'new' },
    { name: 'the same', known: { after: a, at: at(0) }, is: 'known' },
    { name: 'the same, a moment ago', known: { after: a, at: at(30) }, is: 'known' },
    { name: 'the same, by a clock that is ahead', known: { after: a, at: at(31) }, is: 'known' },
    { name: 'another', known: { after: b, at: at(0) }, is: 'new' },
    { name: 'another, a minute and a second ago', known: { after: b, at: at(29 - 1 / 60) }, is: 'new' },
    { name: 'another, a minute ago: the list may be older', known: { after: b, at: at(29) }, is: 'unsure' },
    { name: 'another, told since', known: { after: b, at: at(31) }, is: 'unsure' },
  ];
  for (const { name, known, is } of rows) test(name, () => assert.equal(sightOf(a, at(30), known), is));
});

describe('whether something was pushed since 12:30, when the head was a', () => {
  const rows: { name: string; pushes: HeadPush[]; is: boolean }[] = [
    { name: 'nothing', pushes: [], is: false },
    { name: 'before', pushes: [opened(a, 29)], is: false },
    { name: 'at that time', pushes: [push(b, a, 30)], is: true },
    { name: 'after, and back', pushes: [push(a, b, 40), push(b, a, 50)], is: true },
    { name: 'the same was still seen', pushes: [seen(a, 40)], is: false },
    { name: 'another was seen, which is no more', pushes: [seen(b, 40), seen(a, 50)], is: true },
    { name: 'another was seen before', pushes: [seen(b, 20)], is: false },
  ];
  for (const { name, pushes, is } of rows)
    test(name, () => {
      assert.equal(isPushedSince(at(30), a, pushes), is);
      assert.equal(isApproved(a, [{ sha: a, at: at(30) }], pushes), !is);
    });
});
