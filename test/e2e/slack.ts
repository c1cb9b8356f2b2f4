import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { House } from './house.ts';
import { until } from './until.ts';

/** One message for a run, and no word twice. */
export function slack(house: () => House): void {
  describe('a run that was asked for in Slack', () => {
    test('has one message, edited to its end, and a word in its thread; nobody is answered beside', async () => {
      const { people, service, reaches, newest } = house();
      const number = (await newest()) + 1;
      const said = await people.says(service().url, '/train version --note "one message"');
      await reaches(number, 'succeeded');
      const shown = await until('the end of it in the channel', async () => {
        const found = (await people.messages()).filter(({ text }) => text.includes(`#${number} version`));
        return found[0]?.text.includes('succeeded') && found[0].thread.length > 0 && found;
      });
      assert.equal(shown.length, 1);
      assert.equal(shown[0]?.thread.length, 1);
      assert.match(shown[0]?.thread[0] ?? '', /succeeded/);
      assert.deepEqual(people.told(said), []);
    });

    test('where it cannot be shown, its sender is told', async () => {
      const { people, service, newest } = house();
      const number = (await newest()) + 1;
      const said = await people.says(service().url, '/train version', { where: 'C000000404' });
      const heard = await people.answers(said);
      assert.match(heard.text, new RegExp(`#${number} version .*, and its message cannot be shown here\\.`));
      assert.match(heard.text, new RegExp(`/train status ${number}`));
      await house().reaches(number, 'succeeded');
      const stale = await until('nothing left to be shown', async () => {
        const rows = await house().query(
          `select id from surfaces where wanted_seq > seen_seq and not gave_up and (run = ${number} or kind = 'note')`,
        );
        return rows.length === 0 && rows;
      });
      assert.deepEqual(stale, []);
      assert.equal(people.told(said).length, 1);
    });

    test('the same delivery twice makes one run, and the same words twice make two', async () => {
      const { people, service, newest } = house();
      const before = await newest();
      const line = '/train show --pool away';
      await people.says(service().url, line, { twice: true });
      await people.says(service().url, line);
      await until('two runs', async () => (await newest()) === before + 2);
      // A third would have been made by now: deliveries are done one after the other.
      await people.asks(service().url, '/train list');
      assert.equal(await newest(), before + 2);
      for (const number of [before + 1, before + 2]) await house().command(`train cancel ${number}`);
    });
  });
}
