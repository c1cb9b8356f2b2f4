import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { system } from '../../src/core/actor.ts';
import type { RunSpec } from '../../src/core/run.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';
import { openGitHubTown } from './github-town.ts';

describe('what a run of a pull request came to', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  type Town = Awaited<ReturnType<typeof openGitHubTown>>;

  /** A run that measures this and succeeds, or goes on. */
  async function run(town: Town, spec: Partial<RunSpec>, values: number[], { ends = true } = {}) {
    const source = `github:octo-org/digits#${town.repo.state.id}`;
    const known = { project: 'digits', source, primaryMetric: 'val_auc', gpus: 1, ...spec };
    const { place } = town;
    const isPull = spec.trigger === 'pull-request';
    const wanted = wish(`wish ${await town.runs.newestNumber()}`, isPull ? { place } : {}, known);
    const { number } = (await town.runs.create(wanted)).run;
    const at = new Date();
    const change = (what: Parameters<Town['runs']['change']>[1]) =>
      town.runs.change(number, what, at, system);
    await change({ type: 'start', actor: system, reason: '' });
    await change({ type: 'running', attempt: 1, at });
    const points = values.map((value, i) => ({ name: 'val_auc', step: i + 1, value }));
    await town.runs.addPoints(number, 1, points);
    const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at };
    if (ends) await change({ type: 'exited', attempt: 1, exit });
    await town.show();
    return number;
  }

  const ofPull = (town: Town): Partial<RunSpec> => ({
    trigger: 'pull-request',
    ref: 'wider',
    sha: town.sha,
    pull: { repo: town.repo.state.id, number: town.pull, base: 'main' },
  });

  test('is held against the newest run of its base, in the comment and the check', async t => {
    const town = await openGitHubTown(t, server);
    const main = await town.repo.git('rev-parse', 'main');
    await run(town, { trigger: 'merge', ref: 'main', sha: main }, [0.5, 0.8]);
    await run(town, { trigger: 'merge', ref: 'main', sha: main }, [0.7, 0.9]);
    await run(town, { trigger: 'merge', ref: 'release', sha: main }, [0.1, 0.2]);
    const number = await run(town, ofPull(town), [0.6, 0.96, 0.95]);
    const [said = ''] = town.answers();
    const title = new RegExp(`${number} digits succeeded, val.?_auc 0.95 \\(0.05 better than .*2\\)\n`);
    assert.match(said, title);
    assert.match(said, new RegExp(`Held against:</b> <b>.*2</b> on main, \`${main.slice(0, 7)}\``));
    assert.match(
      said,
      /\| 0\.95 \| better ▲ \\?\+0\.05 \(\+5\.6 %\) \| 0\.9 \| 0\.96 \(step 2\) \| 0\.9 \(step 2\) \|/,
    );
    assert.match(said, /```mermaid\n[^`]*line "#2 \(main\)" \[0\.7, [^`]*line "#4" \[0\.6, [^`]*```/);
    assert.match(said, /<details><summary>To repeat this run<\/summary>\n\n.*`\/train retry 4`/);
    assert.match(said, /\(<https:\/\/signalbox\.example\.com\/v1\/runs\/4\/logs>\)/);
    const [check] = town.repo.checks(town.sha).filter(one => one.name !== 'signalbox');
    assert.equal(check?.output.title, `#${number} digits succeeded, val_auc 0.95 (0.05 better than #2)`);
    assert.match(check?.output.summary ?? '', /better ▲/);
    assert.match(check?.output.summary ?? '', /```mermaid\n/);
  });

  test('while it runs there is a table and no verdict, and when there is no baseline it is said', async t => {
    const town = await openGitHubTown(t, server);
    await run(town, ofPull(town), [0.6, 0.5], { ends: false });
    const [said = ''] = town.answers();
    assert.match(said, /digits is running, last val.?_auc 0\.5\n/);
    assert.match(said, /\| Metric \| Last \| Best \|/);
    assert.match(said, /no run of digits has succeeded on main.*`\/train digits --ref main`/);
    assert.doesNotMatch(said, /mermaid|than|worse|To repeat/);
    assert.match(
      town.repo.checks(town.sha).filter(one => one.name !== 'signalbox')[0]?.output.summary ?? '',
      /\| Metric \| Last \|/,
    );
    const main = await town.repo.git('rev-parse', 'main');
    await run(town, { trigger: 'merge', ref: 'main', sha: main }, [0.4]);
    await town.runs.addPoints(1, 1, [{ name: 'val_auc', step: 3, value: 0.55 }]);
    await town.show();
    const [now = ''] = town.answers();
    assert.match(now, /\| Metric \| Last \| Against .*2 so far \|/);
    assert.doesNotMatch(now, /better than|worse than|\| better/);
  });

  test('what was asked for by hand counts where its commit is one of that branch', async t => {
    const town = await openGitHubTown(t, server);
    const main = await town.repo.git('rev-parse', 'main');
    const hand = { trigger: 'command' as const, ref: 'HEAD', source: 'github:octo-org/digits' };
    // Its name is known from here on.
    await town.work();
    const repository = {
      id: town.repo.state.id,
      name: 'octo-org/digits',
      installation: town.place.installation,
    };
    await town.repositories.seen(repository, [{ name: 'octo-org/digits', id: null }]);
    await run(town, { ...hand, sha: main }, [0.7]);
    await run(town, { ...hand, sha: town.sha }, [0.8]);
    await run(town, { ...hand, sha: 'c'.repeat(40) }, [0.85]);
    await run(town, ofPull(town), [0.9]);
    assert.match(town.answers()[0] ?? '', /Held against:<\/b> <b>.*1<\/b> on main/);
    await run(town, { ...ofPull(town), compare: 'previous' }, [0.9]);
    assert.match(town.answers()[1] ?? '', /Held against:<\/b> <b>.*4<\/b>, /);
  });
});
