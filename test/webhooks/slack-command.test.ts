import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slackCommand } from '../../webhooks/slack-command.ts';

const payload = {
  team_id: 'T1',
  channel_id: 'C1',
  user_id: 'U1',
  user_name: 'developer',
  command: '/train',
  text: 'digits',
  response_url: 'https://hooks.slack.com/commands/T1/2/x',
};

test('slack-command: a command is what its sender wants, where they said it', () => {
  assert.deepEqual(slackCommand.translate(payload, 'abc'), {
    kind: 'intent',
    intent: {
      key: 'slack:abc',
      actor: { kind: 'slack', id: 'T1/U1', name: 'developer' },
      place: {
        kind: 'slack',
        team: 'T1',
        channel: 'C1',
        user: 'U1',
        responseUrl: 'https://hooks.slack.com/commands/T1/2/x',
      },
      wish: { kind: 'words', words: 'train digits' },
    },
  });
});

const said: [name: string, command: string, text: string | undefined, words: string][] = [
  ['nothing but the command', '/train', '', 'train'],
  ['no text field', '/train', undefined, 'train'],
  ['spaces around', '/train', '  digits  ', 'train   digits'],
  ['another command', '/gpu', 'request 2', 'gpu request 2'],
  ['a command of several words', '/signalbox-train', 'x', 'signalbox-train x'],
  ['entities', '/train', 'a -p x=&lt;1&gt;&amp;2', 'train a -p x=<1>&2'],
  ['an entity of an entity', '/train', '&amp;lt;', 'train &lt;'],
  ['an entity that Slack does not make', '/train', '&quot;', 'train &quot;'],
  ['a person', '/train', 'list <@U123|name>', 'train list @name'],
  ['a person without a name', '/train', 'list <@U123>', 'train list @U123'],
  ['a channel', '/train', 'in <#C1|general>', 'train in #general'],
  ['a channel without a name', '/train', 'in <#C1|>', 'train in #C1'],
  ['a group', '/train', '<!subteam^S1|@team>', 'train @team'],
  ['everybody', '/train', '<!here>', 'train @here'],
  ['a link with a label', '/train', '<https://example.com/a|example.com/a>', 'train example.com/a'],
  ['a link', '/train', '<https://example.com/?a=1&amp;b=2>', 'train https://example.com/?a=1&b=2'],
  ['a mail address', '/train', '<mailto:a@example.com|a@example.com>', 'train a@example.com'],
  ['a label with an entity', '/train', '<https://example.com|a&amp;b>', 'train a&b'],
  ['a typed mention is no mention', '/train', '&lt;@U1&gt;', 'train <@U1>'],
  ['a bracket that does not close', '/train', 'a < b', 'train a < b'],
  ['letters of any script', '/train', 'цифры 数字 🎉', 'train цифры 数字 🎉'],
];

for (const [name, command, text, words] of said) {
  test(`slack-command: ${name} -> ${words}`, () => {
    const { text: _, ...rest } = payload;
    const translated = slackCommand.translate(
      { ...rest, command, ...(text === undefined ? {} : { text }) },
      'id',
    );
    assert.deepEqual(translated.kind === 'intent' && translated.intent.wish, { kind: 'words', words });
  });
}

const addresses: [name: string, url: unknown, kept: boolean][] = [
  ["Slack's", 'https://hooks.slack.com/commands/1', true],
  ['one that the messenger must refuse', 'http://10.0.0.1/', true],
  ['a file', 'file:///etc/passwd', false],
  ['no address', 'hooks.slack.com', false],
  ['a number', 7, false],
  ['none', undefined, false],
];

for (const [name, url, kept] of addresses) {
  test(`slack-command: the address to answer is ${name} -> ${kept ? 'kept' : 'left out'}`, () => {
    const translated = slackCommand.translate({ ...payload, response_url: url }, 'id');
    assert.equal(translated.kind, 'intent');
    const place = translated.kind === 'intent' ? translated.intent.place : undefined;
    assert.equal(place?.kind === 'slack' && 'responseUrl' in place, kept);
  });
}

const ignored: [name: string, payload: unknown, field: string][] = [
  ['nothing', undefined, ''],
  ['a list', [], ''],
  ['no team', { ...payload, team_id: undefined }, 'team_id'],
  ['a team that could pass for another', { ...payload, team_id: 'T1/U2' }, 'team_id'],
  ['a user that is a list', { ...payload, user_id: ['U1'] }, 'user_id'],
  ['a user that is empty', { ...payload, user_id: '' }, 'user_id'],
  ['a channel with a blank', { ...payload, channel_id: 'C1 ' }, 'channel_id'],
  ['a command without a slash', { ...payload, command: 'train' }, 'command'],
  ['a command of two words', { ...payload, command: '/train x' }, 'command'],
];

for (const [name, given, field] of ignored) {
  test(`slack-command: ${name} -> ignored`, () => {
    const translated = slackCommand.translate(given, 'id');
    assert.equal(translated.kind, 'ignore');
    assert.equal(translated.kind === 'ignore' && translated.why, `not a slash command: ${field}`);
  });
}

test('slack-command: a person without a name is called by their id', () => {
  const translated = slackCommand.translate({ ...payload, user_name: undefined }, 'id');
  assert.equal(translated.kind === 'intent' && translated.intent.actor.name, 'U1');
});
