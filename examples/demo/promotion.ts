import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asText } from './as-text.ts';
import type { Hub } from './hub.ts';
import { drawn, heldOut } from './images.ts';
import type { Service } from './service.ts';
import { type Button, signedCommand, signedPress } from './sign.ts';
import { type Answered, ask, type Tally, traffic } from './traffic.ts';
import { until } from './until.ts';
import type { Person, SlackMessage, Workspace } from './workspace.ts';

/** What happened, as Signalbox has written it down; `ok` where all of it did, the server answered so, and people were told. */
export interface Promoted {
  ok: boolean;
  version: number;
  state: string;
  approvedBy: string | null;
  /** The bad version is gone, and this one answers again. */
  rolledBack: boolean;
}

interface VersionJson {
  version: number;
  run: number;
  sha: string;
  metrics: Record<string, { final: number | null }>;
}

interface PromotionJson {
  number: number;
  version: number;
  state: string;
  said: string;
  approvedBy: { name: string }[];
  evidence: { gates: { gate: string; verdict: string; sentence: string }[] } | null;
}

interface RunJson {
  number: number;
  state: string;
  endedAt: string | null;
}

const file = 'models.yml';
const model = 'digits';
const asks = 'octocat';
const teammate = 'hubot';
const ends = ['live', 'refused', 'rejected', 'expired', 'superseded', 'cancelled', 'halted', 'failed'];
/** Of a promotion's message, what is shown here: what it is decided on, and not what it was made of. */
const unshown = /^(?:$|- #|(?:Serves now|Made by|Code|Parameters|Artifact|It expires)\b)/;
/** Of what a rollout says of itself on its way, what is shown. */
const shown = /approved|made ready/;
/** What the bad commit changes. The weights become texts, which the model that is trained does not see and whoever loads the file does. */
const weights = '"layers": layers,';
const smaller = '"layers": json.loads(json.dumps(layers), parse_float=lambda number: number[:6]),';

/** A model goes live when a teammate approves it, and answers; a bad one is halted by its check, and the one before answers again. */
export async function promoteModel(
  trained: number,
  service: Service,
  workspace: Workspace,
  hub: Hub,
  say: (text: string) => void,
): Promise<Promoted> {
  say(`\nAct 4: the model of run #${trained} goes live. signalbox.yml now says:\n`);
  say(`${keyLines(new URL(service.modelUrl).port)}\n`);
  await service.configure(file);
  await until('the model to be declared', async () => {
    const { models } = (await service.get('/v1/models')) as {
      models: { model: string; declared: boolean }[];
    };
    return models.some(one => one.model === model && one.declared);
  });
  const [image, ...images] = heldOut();
  if (!image) throw new Error('There are no images.');

  say(`1. ${asks} presses a button under run #${trained}. One message says what matters to decide.\n`);
  const good = await versionOf(trained);
  await press(asks, `Promote ${model} ${good.version}`);
  const first = await asked(good.version);

  say(`\n2. Nobody approves their own: ${asks} is refused, ${teammate} is not.\n`);
  const refusal = await press(asks, 'Approve', first, true);
  show(refusal);
  await press(teammate, 'Approve', first);
  const early = traffic(service.modelUrl, images);
  const one = await rolledOut(first).finally(early.stop);

  say(`\n3. It answers at ${service.modelUrl}, here about an image that it has not learned from:\n`);
  const answer = await ask(service.modelUrl, image);
  const asWords = ({ version, status, text }: Answered) => `  Version ${version} answers ${status}: ${text}`;
  say(`  POST /predict   [${image.pixels.slice(0, 12).join(', ')}, ... ${image.pixels.length} numbers]\n`);
  show(drawn(image).join('\n'));
  say(`\n${asWords(answer)}\n  It is a ${image.label}.`);

  say(`\n4. ${asks} pushes to main of octo-org/digits what is to make the file smaller:\n`);
  show(`train.py\n-        ${weights}\n+        ${smaller}`);
  const { runs } = (await service.get('/v1/runs?limit=1')) as { runs: RunJson[] };
  await (await hub.repository()).push({
    by: asks,
    files: { 'train.py': badTraining() },
    message: 'Write a smaller model',
  });
  const run = await trainedAfter(runs[0]?.number ?? 0);
  const bad = await versionOf(run.number);
  const accuracy = bad.metrics.val_accuracy?.final;
  say(`\n  Run #${run.number} of that ${run.state}, val_accuracy ${accuracy}: version ${bad.version}.\n`);
  await type(asks, `/model promote ${model} ${bad.version}`);
  const second = await asked(bad.version);
  await press(teammate, 'Approve', second);
  const requests = traffic(service.modelUrl, images);
  const two = await rolledOut(second).finally(requests.stop);
  const tallies = await requests.stop();
  say('\n  Images were asked all the while:');
  for (const [version, tally] of [...tallies].sort(([a], [b]) => a - b))
    say(`  | Version ${version}: ${tally.answers} answers, ${tally.right} right, ${tally.errors} errors`);

  say('\n5. The same image again, and what is written down of all that.\n');
  const again = await ask(service.modelUrl, image);
  say(`${asWords(again)}\n`);
  const history = await answered(asks, `/model history ${model}`);
  show(history);

  const approvedBy = one.approvedBy[0]?.name ?? null;
  const rolledBack = two.state === 'halted' && again.version === good.version && again.right;
  const none: Tally = { answers: 0, errors: 0, right: 0 };
  const [ofGood, ofBad] = [tallies.get(good.version) ?? none, tallies.get(bad.version) ?? none];
  const facts: [fact: string, isSo: boolean][] = [
    ['nobody approves their own', refusal.includes('nobody approves their own')],
    ['the teammate approved it', one.approvedBy.length === 1 && approvedBy === teammate],
    ['it is live', one.state === 'live'],
    ['it reads the image', answer.version === good.version && answer.right],
    ['the bad one came of the bad commit', bad.version !== good.version && run.state === 'succeeded'],
    ['its gates hold', two.evidence?.gates.every(({ verdict }) => verdict === 'holds') === true],
    ['it was asked, and failed', ofBad.answers > 0 && ofBad.errors === ofBad.answers],
    ['the other one has answered meanwhile', ofGood.answers > ofBad.answers && ofGood.errors === 0],
    ['its check has halted it', two.state === 'halted' && two.said.includes('its check gave')],
    ['the one before answers again', rolledBack],
    ['its history says who approved', history.includes(`Approved by ${teammate}`)],
  ];
  const missing = facts.filter(([, isSo]) => !isSo).map(([fact]) => fact);
  if (missing.length > 0) say(`  Not so: ${missing.join('; ')}.`);
  return { ok: missing.length === 0, version: one.version, state: one.state, approvedBy, rolledBack };

  /** The version that a run has made. */
  async function versionOf(number: number): Promise<VersionJson> {
    return await until(`the version of #${number}`, async () => {
      const known = (await service.get(`/v1/models/${model}/versions`)) as { versions?: VersionJson[] };
      return known.versions?.find(version => version.run === number);
    });
  }

  async function trainedAfter(known: number): Promise<RunJson> {
    return await until('the end of a new run', async () => {
      const { runs } = (await service.get('/v1/runs?limit=1')) as { runs: RunJson[] };
      return runs.find(({ number, endedAt }) => number > known && endedAt !== null);
    });
  }

  /** The newest promotion of that version, shown once it waits for somebody. */
  async function asked(version: number): Promise<number> {
    const { number } = await until(`a promotion of version ${version}`, async () =>
      (await promotions()).find(found => found.version === version && found.state === 'awaiting-approval'),
    );
    show(facing(await titled(number, 'waits for approval')));
    return number;
  }

  /** How a promotion has ended, shown with each thing that it said on the way. */
  async function rolledOut(number: number): Promise<PromotionJson> {
    let said = '';
    const ended = await until(`the end of P${number}`, async () => {
      const now = await promotion(number);
      if (now.said !== said && shown.test(now.said)) say(`  | ... ${now.said}`);
      said = now.said;
      return ends.includes(now.state) && now;
    });
    show((await titled(number, endWords[ended.state] ?? ended.state)).split('\n').slice(0, 2).join('\n'));
    return ended;
  }

  async function promotion(number: number): Promise<PromotionJson> {
    const found = (await promotions()).find(one => one.number === number);
    if (!found) throw new Error(`There is no P${number}.`);
    return found;
  }

  async function promotions(): Promise<PromotionJson[]> {
    const body = await service.post('/v1/commands', { words: `model history ${model}` });
    return (body as { reply: { data: { promotions: PromotionJson[] } } }).reply.data.promotions;
  }

  /** Its message in the channel, once its title says so. */
  async function titled(number: number, says: string): Promise<string> {
    return await until(`the message of P${number} that it ${says}`, async () => {
      const texts = (await workspace.messages()).map(one => asText(one, workspace.names));
      return texts.find(text => text.split('\n')[0]?.match(`\\bP${number}: .* ${says}`));
    });
  }

  /** Presses a button of the channel, of a promotion where one is named; answers what only they are told where that is waited for. */
  async function press(name: Person, label: string, number?: number, isAnswered = false): Promise<string> {
    const { message, button } = await until(`a button ${label}`, async () => {
      const all = await workspace.messages();
      const those = all.filter(
        one => number === undefined || asText(one, workspace.names).includes(`P${number}: `),
      );
      return those.flatMap(one => buttonsOf(one, label).map(found => ({ message: one, button: found })))[0];
    });
    const { url, answers } = workspace.address();
    say(`  ${name} presses [${label}]${isAnswered ? '   (only they see the answer)' : ''}`);
    const { team, channel, people } = workspace;
    await signedPress(service.url, button, {
      ...{ team, channel, user: people[name], name, message, responseUrl: url },
    });
    if (!isAnswered) return '';
    return asText(await until(`an answer to ${label}`, () => answers[0]), workspace.names);
  }

  async function answered(name: Person, line: string): Promise<string> {
    const { url, answers } = workspace.address();
    await type(name, line, url);
    return asText(await until(`an answer to ${line}`, () => answers[0]), workspace.names);
  }

  async function type(name: Person, line: string, responseUrl?: string): Promise<void> {
    say(`  ${name} in #training:  ${line}${responseUrl ? '   (only they see the answer)' : ''}`);
    const { team, channel, people } = workspace;
    const answer = responseUrl ? { responseUrl } : {};
    await signedCommand(service.url, line, { team, channel, user: people[name], name, ...answer });
  }

  function show(text: string): void {
    say(text.trimEnd().replace(/^/gm, '  | '));
  }
}

const endWords: Record<string, string> = { live: 'is live', halted: 'was halted' };

/** Without what is of no weight here. */
function facing(text: string): string {
  return text
    .split('\n')
    .filter(line => !unshown.test(line))
    .join('\n');
}

function buttonsOf({ blocks = [] }: SlackMessage, label: string): Button[] {
  return blocks.flatMap(block => {
    const { type, block_id, elements } = block as { type?: string; block_id?: string; elements?: Button[] };
    if (type !== 'actions' || !elements) return [];
    const those = elements.filter(({ text }) => (text as { text?: string } | undefined)?.text === label);
    return those.map(one => ({ ...one, ...(block_id ? { block_id } : {}) }));
  });
}

function badTraining(): string {
  const code = readFileSync(join(import.meta.dirname, '../digits/train.py'), 'utf8');
  if (!code.includes(weights)) throw new Error(`train.py has no ${weights} any more.`);
  return code.replace(weights, smaller);
}

function keyLines(port: string): string {
  const lines = readFileSync(join(import.meta.dirname, file), 'utf8').split('\n');
  return lines
    .slice(lines.indexOf('targets:'))
    .filter(line => line !== '')
    .map(line => `  ${line.replace(/port: \d+/, `port: ${port}`)}`)
    .join('\n');
}
