import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asText } from './as-text.ts';
import type { Service } from './service.ts';
import { signedCommand } from './sign.ts';
import { until } from './until.ts';
import type { Person, Workspace } from './workspace.ts';

/** What happened, as the API says it; `ok` where all of it did, and people were told. */
export interface Sharing {
  ok: boolean;
  teams: number;
  /** Slots that a team had beyond its quota. */
  borrowed: number;
  /** Runs that were stopped to give them back. */
  reclaimed: number;
  preemptedBy: number | null;
  rule: string | null;
  resumedFromStep: number | null;
  /** What people were told about why: in the answer of `/train why`, and in the thread of the run that was stopped. */
  explained: string[];
}

interface RunJson {
  number: number;
  state: string;
  attempt: number;
  maxAttempts: number;
  preemptions: number;
  preemptedBy: { run: number; rule: string; reason: string } | null;
  waiting: { code: string; sentence: string } | null;
  endedAt: string | null;
}

interface GpuJson {
  flavors: { flavor: string; free: number; total: number }[];
  teams: { team: string; held: number; quota: number | null; borrowed: number }[];
}

/** Three teams fill a pool; what one has borrowed is taken back for its owner. Each step is told, with what people see of it. */
export async function shareThePool(
  service: Service,
  workspace: Workspace,
  say: (text: string) => void,
): Promise<Sharing> {
  const file = 'three-teams.yml';
  say(
    `\nAct 2: three teams, one pool. signalbox.yml now says this, and is read again while everything runs:\n`,
  );
  say(`${quotaLines(file).join('\n')}\n`);
  say('No GPU is needed: a CPU slot stands for one, and a run only counts steps. The rules are the same.');
  await service.configure(file);
  await until('the new pool', async () => {
    const { flavors, teams } = await gpuNow();
    return teams.length === 3 && flavors.some(({ flavor, total }) => flavor === 'slot' && total === 4);
  });

  const begun: number[] = [];
  say('\n1. Team vision fills its quota of 2.\n');
  const own = [await train('octocat', 'pictures'), await train('octocat', 'pictures')];
  for (const number of own) show(await message(number, 'is running'), 1);

  say('\n2. Team speech has a quota of 1. Its second run borrows what nlp leaves unused.\n');
  const words = [await train('hubot', 'words'), await train('hubot', 'words')];
  for (const number of words) show(await message(number, 'is running'), 1);
  // Its checkpoint is to be one of a run that has begun.
  for (const number of words)
    await until(`steps of #${number}`, async () => (await stepIn(number, 1, /from step (\d+)/)) === 0);

  say('\n3. Team vision wants a third. Its run waits, and says why to whoever asks.\n');
  const third = await train('octocat', 'pictures');
  const { sentence } = await until(`#${third} to wait`, async () => (await runNow(third)).waiting);
  const why = await answer('octocat', `/train why ${third}`);
  show(
    why,
    why.split('\n').findIndex(line => line.startsWith('- ')),
  );

  say('\n4. Who has what?\n');
  show(await answer('octocat', '/gpu'));
  const { teams } = await gpuNow();
  const borrowed = teams.reduce((sum, team) => sum + team.borrowed, 0);

  say(
    '\n5. Team nlp wants its own. What speech has borrowed is taken back, and its owner is told for whom and by which rule.\n',
  );
  const owner = await train('monalisa', 'texts');
  const victim = await until('a run to be stopped', async () => {
    const runs = await Promise.all(begun.map(runNow));
    return runs.find(run => run.preemptedBy !== null);
  });
  const stopped = victim.number;
  const told = await message(stopped, 'was preempted for .+');
  show(told, 2);
  show(await message(owner, 'is running'), 1);
  show(await message(stopped, 'is queued'), 1);

  say(
    `\n6. The others end, and there is room: #${third} starts, and #${stopped} goes on from its checkpoint.\n`,
  );
  const runs = await Promise.all(begun.map(number => until(`the end of #${number}`, () => ended(number))));
  const saved = await stepIn(stopped, 1, /saved step (\d+)/);
  const from = await stepIn(stopped, 2, /goes on from step (\d+)/);
  show(await message(third, 'succeeded'), 1);
  const end = await message(stopped, 'succeeded');
  const attempts = end.split('\n').filter(line => line.startsWith('Attempt'));
  show([...end.split('\n').slice(0, 1), ...attempts].join('\n'));
  say(`  Its log: saved step ${saved}, goes on from step ${from}.`);

  const reclaimed = runs.filter(run => run.preemptions > 0);
  const { preemptedBy } = victim;
  const said = preemptedBy?.reason ?? '';
  const facts: [fact: string, isSo: boolean][] = [
    ['three teams, of which one has borrowed one slot', teams.length === 3 && borrowed === 1],
    ['a run of speech was stopped, and no other', words.includes(stopped) && reclaimed.length === 1],
    ['by the run of nlp', preemptedBy?.run === owner && preemptedBy.rule === 'reclaim'],
    ['all runs succeeded', runs.every(({ state }) => state === 'succeeded')],
    ['in one attempt that counts', runs.every(one => one.attempt - one.preemptions === 1)],
    ['from where it had stopped', from !== null && from > 0 && from === saved],
    ['what waited said why', why.includes(sentence)],
    ['its owner was told', told.includes('@hubot') && said !== '' && told.includes(said)],
    ['its message counts the attempt apart', attempts.length === 1],
  ];
  const missing = facts.filter(([, isSo]) => !isSo).map(([fact]) => fact);
  if (missing.length > 0) say(`  Not so, as the API has it: ${missing.join('; ')}.`);
  return {
    ok: missing.length === 0,
    teams: teams.length,
    borrowed,
    reclaimed: reclaimed.length,
    preemptedBy: preemptedBy?.run ?? null,
    rule: preemptedBy?.rule ?? null,
    resumedFromStep: from,
    explained: [sentence, said],
  };

  /** Lets a run end that is at work: its steps are counted until there is such a file. */
  async function ended(number: number): Promise<RunJson | null> {
    const run = await runNow(number);
    const checkpoints = join(service.dataDir, 'agent/local/runs', String(number), 'checkpoints');
    if (run.state === 'running') writeFileSync(join(checkpoints, 'enough'), '');
    return run.endedAt === null ? null : run;
  }

  async function stepIn(number: number, attempt: number, words: RegExp): Promise<number | null> {
    const found = words.exec(await service.read(`/v1/runs/${number}/logs?attempt=${attempt}`));
    return found ? Number(found[1]) : null;
  }

  async function gpuNow(): Promise<GpuJson> {
    const { reply } = (await service.post('/v1/commands', { words: 'gpu' })) as { reply: { data: GpuJson } };
    return reply.data;
  }

  async function runNow(number: number): Promise<RunJson> {
    return (await service.get(`/v1/runs/${number}`)) as RunJson;
  }

  /** Types it in the channel, and answers with the number of the run. */
  async function train(name: Person, project: string): Promise<number> {
    const newest = async () => {
      const { runs } = (await service.get('/v1/runs?limit=1')) as { runs: { number: number }[] };
      return runs[0]?.number ?? 0;
    };
    const before = await newest();
    await type(name, `/train ${project}`);
    const number = await until('a new run', async () => {
      const now = await newest();
      return now > before && now;
    });
    begun.push(number);
    return number;
  }

  /** What only the one who types it is told. */
  async function answer(name: Person, line: string): Promise<string> {
    const { url, answers } = workspace.address();
    await type(name, line, url);
    const found = await until(`an answer to ${line}`, async () => answers[0]);
    return asText(found, workspace.names);
  }

  async function type(name: Person, line: string, responseUrl?: string): Promise<void> {
    say(`  ${name} in #training:  ${line}${responseUrl ? '   (only they see the answer)' : ''}`);
    const { team, channel, people } = workspace;
    await signedCommand(service.url, line, {
      ...{ team, channel, user: people[name], name },
      ...(responseUrl ? { responseUrl } : {}),
    });
  }

  /** A message of the run, or in its thread, once there is one of which the first line says so and no more. */
  async function message(number: number, says: string): Promise<string> {
    return await until(`the message of #${number} that it ${says}`, async () => {
      const texts = (await workspace.messages()).map(one => asText(one, workspace.names));
      return texts.find(text => text.split('\n')[0]?.match(`#${number} \\w+ ${says}$`));
    });
  }

  function show(text: string, lines = Number.POSITIVE_INFINITY): void {
    const shown = text.split('\n').slice(0, lines).join('\n');
    say(shown.replace(/^/gm, '  | '));
  }
}

function quotaLines(file: string): string[] {
  const lines = readFileSync(join(import.meta.dirname, file), 'utf8').split('\n');
  return lines.filter(line => /slots:|quotas:/.test(line)).map(line => `  ${line.trim()}`);
}
