import { after, before } from 'node:test';
import { badInput } from './bad-input.ts';
import { type House, openHouse } from './house.ts';
import { http } from './http.ts';
import { operators } from './operators.ts';
import { slack } from './slack.ts';
import { training } from './train.ts';
import { words } from './words.ts';

/** One service for all that does not stop it. */
let opened: House | null = null;
before(async () => {
  opened = await openHouse();
});
after(() => opened?.close());

function house(): House {
  if (!opened) throw new Error('the house is not open');
  return opened;
}

badInput(house);
training(house);
words(house);
slack(house);
http(house);
operators(house);
