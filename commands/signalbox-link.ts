import { actorKey } from '../src/core/actor.ts';
import { defineCommand } from '../src/core/command.ts';
import { reply } from '../src/core/reply.ts';

const minutes = 10;

/** Proves that two accounts belong to one person: the one asks for a code, the other says it. A word alone is no proof. */
export const signalboxLink = defineCommand({
  path: ['signalbox', 'link'],
  summary: 'Show that another account is yours too.',
  access: 'none',
  places: ['slack', 'github'],
  arguments: [
    {
      name: 'code',
      kind: 'word',
      summary:
        'The code that your other account was given, or github for a page on which GitHub says who you are.',
    },
  ],
  flags: [],
  examples: ['signalbox link', 'signalbox link 7KQ29FMD', 'signalbox link github'],
  needs: ['links', 'github'],
  async run({ code }, { actor, place, key, now }, { links, github }) {
    const account = actorKey(actor);
    // Whoever reads it there could say the code, or open the page, before them.
    if (place.kind === 'github' && (code === undefined || code.toLowerCase() === 'github'))
      return { ok: false, code: 'LINK_ELSEWHERE', details: { example: 'signalbox link' } };
    const until = new Date(now.getTime() + minutes * 60_000);
    if (code?.toLowerCase() === 'github') {
      const address = await github.startAddress(actor, until);
      if (address === null)
        return { ok: false, code: 'LINK_GITHUB_OFF', details: { example: 'signalbox link' } };
      const text = [
        { link: address, text: 'Show GitHub who you are' },
        ` within ${minutes} minutes. Whoever opens this page is taken for you: give it to nobody.`,
      ];
      return { ok: true, reply: reply('A page for your GitHub account.', [{ kind: 'text', text }]) };
    }
    if (code === undefined) {
      const made = await links.issue(account, key, until);
      const text = [
        'Say ',
        { command: `signalbox link ${made}` },
        ` with the other account within ${minutes} minutes. Whoever says it is taken for you: show it to nobody.`,
      ];
      return { ok: true, reply: reply('A code for your other account.', [{ kind: 'text', text }]) };
    }
    const redeemed = await links.redeem(account, code.toUpperCase().replaceAll('-', ''), actor, now);
    if (redeemed.ok) {
      const text = [{ code: account }, ' and ', { code: redeemed.with }, ' are one person from now on.'];
      const data = { account, with: redeemed.with };
      return { ok: true, reply: reply('Your accounts are linked.', [{ kind: 'text', text }], { data }) };
    }
    switch (redeemed.why) {
      case 'unknown':
        return { ok: false, code: 'LINK_CODE_INVALID', details: { word: code } };
      case 'own':
        return { ok: false, code: 'LINK_OWN', details: { word: code } };
      case 'taken':
        return { ok: false, code: 'LINK_TAKEN', details: { word: account, example: 'signalbox unlink' } };
    }
  },
});
