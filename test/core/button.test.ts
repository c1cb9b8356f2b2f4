import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buttonText, readButton } from '../../src/core/button.ts';
import { replyActions } from '../../src/core/reply.ts';

describe('a button as text', () => {
  for (const action of replyActions)
    test(`${action} comes back as it was`, () => {
      const button = { team: 'T1', channel: 'C1', action, run: 42 };
      assert.deepEqual(readButton(buttonText(button)), button);
    });

  const wrong: [name: string, text: string][] = [
    ['nothing', ''],
    ['no JSON', 'button T1 C1 cancel 42'],
    ['signed for another purpose', '["form","T1","C1","cancel",42]'],
    ['an action that is none', '["button","T1","C1","delete",42]'],
    ['a run that is text', '["button","T1","C1","cancel","42"]'],
    ['run 0', '["button","T1","C1","cancel",0]'],
    ['too short', '["button","T1","C1","cancel"]'],
    ['too long', '["button","T1","C1","cancel",42,true]'],
  ];
  for (const [name, text] of wrong) test(`${name} is none`, () => assert.equal(readButton(text), null));
});
