import { commentText } from './comment-text.ts';
import { type Hub, repositoryFile } from './hub.ts';
import type { Service } from './service.ts';
import { until } from './until.ts';

/** What happened, as the API and GitHub say it; `ok` where all of it did, and people were told. */
export interface PullRequest {
  ok: boolean;
  run: number;
  state: string;
  /** The run that it was held against. */
  against: number | null;
  verdict: string | null;
  mergeRun: number;
  mergeState: string;
}

interface RunJson {
  number: number;
  state: string;
  sha: string;
  trigger: string;
  endedAt: string | null;
}

/** A run beside what it is held against, which comes first. */
interface ComparisonJson {
  runs: number[];
  metrics: { name: string; values: { verdict: string | null }[] }[];
}

const person = 'octocat';
const command = '/train digits -p lr=0.3';
const metric = 'val_accuracy';
const reactions: Record<string, string> = { eyes: '👀', rocket: '🚀' };

/** A pull request is tried out by a comment, held against main, and merged, which trains main. Each step is told as GitHub shows it. */
export async function tryPullRequest(
  service: Service,
  hub: Hub,
  say: (text: string) => void,
): Promise<PullRequest> {
  say(
    '\nAct 3: a pull request on GitHub (emulated). The repository octo-org/digits has examples/digits in it.',
  );
  await service.configure('pull-requests.yml');
  await until('the new pool', async () => (await slots()) === 2);
  hub.tell(service.url);
  const repository = await hub.repository();
  const known = (await runs())[0]?.number ?? 0;

  say(`\n1. ${person} pushes a .signalbox.yml: from now on whatever comes to main is trained.\n`);
  show(repositoryFile(0.1));
  const first = { '.signalbox.yml': repositoryFile(0.1) };
  const pushed = await repository.push({ by: person, files: first, message: 'Train what is merged' });
  const base = await ended(await begun(known));
  say(`  That came to main itself: run #${base.number} trained it and ${base.state}.`);

  say(`\n2. ${person} opens a pull request that makes it lr: 0.3, and tries that out by a comment.\n`);
  const second = { '.signalbox.yml': repositoryFile(0.3) };
  const title = 'Learn faster';
  const head = await repository.push({ by: person, branch: 'faster', files: second, message: title });
  const pull = await repository.open({ by: person, from: 'faster', title });
  hub.later();
  say(`  ${person} at #${pull} "${title}":  ${command}`);
  const comment = await repository.comment(person, pull, command);
  const number = await begun(base.number);
  const signs = await until('a reaction', () => {
    const given = repository.state.comments.get(comment)?.reactions.map(one => one.content) ?? [];
    return given.includes('rocket') && given;
  });
  say(
    `  Signalbox reacts with ${signs.map(sign => reactions[sign] ?? sign).join(' ')}, and writes one comment, which it edits until the end:\n`,
  );
  const run = await ended(number);
  const result = await said(run);
  show(result);

  say(`\n3. The same is a check of its commit ${short(head)}. "signalbox" sums up, for branch protection.\n`);
  const checks = await until('the checks', () => {
    // Of several with one name the newest counts.
    const all = [...new Map(repository.checks(head).map(one => [one.name, one])).values()];
    const ofRun = all.some(({ name }) => name.includes(`run ${number}`));
    return ofRun && all.every(({ conclusion }) => conclusion && conclusion !== 'neutral') && all;
  });
  for (const { name, conclusion } of checks)
    say(`  | ${conclusion === 'success' ? '✓' : '✗'} ${name}: ${conclusion}`);

  say(`\n4. ${person} merges it. That starts a run of main, which is held against the one before.\n`);
  await repository.merge(person, pull);
  const main = await repository.head();
  const merged = await ended(await begun(number));
  const end = await said(merged);
  show(end.split('\n').slice(0, 3).join('\n'));

  const comments = repository.comments(pull).filter(one => one.viaApp);
  const all = (await runs()).filter(one => one.number > known);
  const { runs: compared, metrics } = await answer<ComparisonJson>(`train compare ${number}`);
  const against = compared[0] ?? null;
  const verdict = metrics.find(({ name }) => name === metric)?.values[1]?.verdict ?? null;
  const facts: [fact: string, isSo: boolean][] = [
    ['main was trained at what was pushed', base.sha === pushed && base.trigger === 'merge'],
    ['the run is of the head that was there', run.sha === head && run.trigger === 'pull-request'],
    ['all runs succeeded', [base, run, merged].every(({ state }) => state === 'succeeded')],
    ['it was held against that of main', against === base.number],
    ['people were told of which', result.includes(`Held against: #${against} on main`)],
    ['and how it did', verdict !== null && result.includes(`${verdict} than #${against}`)],
    ['each run that belongs there has one comment', comments.length === 2],
    ['its checks say so', checks.every(({ conclusion }) => conclusion === 'success')],
    ['the merge started one run, of what was merged', all.length === 3 && merged.sha === main],
    ['by the rule', merged.trigger === 'merge'],
  ];
  const missing = facts.filter(([, isSo]) => !isSo).map(([fact]) => fact);
  if (missing.length > 0) say(`  Not so: ${missing.join('; ')}.`);
  return {
    ok: missing.length === 0,
    ...{ run: number, state: run.state, against, verdict },
    ...{ mergeRun: merged.number, mergeState: merged.state },
  };

  async function runs(): Promise<RunJson[]> {
    return ((await service.get('/v1/runs?limit=20')) as { runs: RunJson[] }).runs;
  }

  /** The next run after that one. */
  async function begun(after: number): Promise<number> {
    return await until('a new run', async () => {
      const fresh = (await runs()).map(run => run.number).filter(number => number > after);
      return fresh.length > 0 && Math.min(...fresh);
    });
  }

  async function ended(number: number): Promise<RunJson> {
    return await until(`the end of #${number}`, async () => {
      const run = (await service.get(`/v1/runs/${number}`)) as RunJson;
      return run.endedAt !== null && run;
    });
  }

  /** Its comment at the pull request, once that says how it ended. */
  async function said({ number, state }: RunJson): Promise<string> {
    return await until(`the comment of #${number}`, () =>
      repository
        .comments(pull)
        .filter(one => one.viaApp)
        .map(one => commentText(one.body))
        .find(text => text.split('\n')[0]?.includes(`#${number} digits ${state}`)),
    );
  }

  async function slots(): Promise<number> {
    const { flavors } = await answer<{ flavors: { total: number }[] }>('gpu');
    return flavors.reduce((sum, { total }) => sum + total, 0);
  }

  /** The data of what a command answers. */
  async function answer<T>(words: string): Promise<T> {
    return ((await service.post('/v1/commands', { words })) as { reply: { data: T } }).reply.data;
  }

  function show(text: string): void {
    say(text.trimEnd().replace(/^/gm, '  | '));
  }
}

function short(sha: string): string {
  return sha.slice(0, 7);
}
