import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RunJson } from '../../src/core/run-json.ts';
import type { House } from './house.ts';

/** What is asked for is what runs: the commit of that moment, the parameters as they were typed, and nothing of the service's own. */
export function training(house: () => House): void {
  describe('a ref', () => {
    let second = '';
    before(() => {
      const { repository, first } = house();
      repository.git('tag', 'v1', first);
      repository.git('branch', 'feature/wider', first);
      second = repository.commit('The second', { 'version.txt': 'second\n' });
      repository.git('push', '--quiet', 'origin', 'main', 'v1');
    });

    const rows: [name: string, project: string, ref: () => string, sha: () => string][] = [
      ['none', 'version', () => '', () => second],
      ['a branch', 'version', () => '--ref main', () => second],
      ['a branch with a slash', 'version', () => '--ref feature/wider', () => house().first],
      ['a tag', 'version', () => '--ref v1', () => house().first],
      ['a full commit', 'version', () => `--ref ${house().first}`, () => house().first],
      ['a branch of a repository at a URL', 'cloned', () => '--ref main', () => second],
      ['a tag of a repository at a URL', 'cloned', () => '--ref v1', () => house().first],
    ];
    for (const [name, project, ref, sha] of rows)
      test(name, async () => {
        const run = await asked(house(), `train ${project} ${ref()} --pool away`);
        assert.equal(run.sha, sha());
        await house().command(`train cancel ${run.number}`);
      });

    const refused: [name: string, ref: () => string, code: string, says: RegExp][] = [
      ['a short commit', () => house().first.slice(0, 10), 'REF_AMBIGUOUS', /beginning of a commit/],
      ['a commit that is none', () => 'f'.repeat(40), 'REF_UNKNOWN', /no branch, tag or commit/],
      ['a branch that is none', () => 'feature/widr', 'REF_UNKNOWN', /Did you mean feature\/wider\?/],
      ['an expression', () => 'main~1', 'VALUE_INVALID', /name of a branch or tag/],
    ];
    for (const [name, ref, code, says] of refused)
      test(`${name} is refused`, async () => {
        const { body } = await house().command(`train version --ref ${ref()}`);
        assert.equal(body.code, code);
        assert.match(`${body.title} ${body.detail} ${body.todo}`, says);
      });

    for (const project of ['version', 'cloned'])
      test(`a push after the request changes nothing (${project})`, async () => {
        const { people, repository, service, reaches, request, gate } = house();
        const gates = [gate(`${project}-1`), gate(`${project}-2`)];
        const held = await Promise.all(
          gates.map(({ path }) => request({ project: 'hold', parameters: { gate: path } })),
        );
        for (const { number } of held) await reaches(number, 'running');
        const newest = await house().newest();
        await people.says(service().url, `/train ${project} --ref main`);
        const queued = await reaches(newest + 1, 'queued');
        const before = repository.git('show', 'HEAD:version.txt');
        const sha = repository.commit('A push', { 'version.txt': `pushed after ${project}\n` });
        repository.git('push', '--quiet', '--force', 'origin', 'main');
        for (const one of gates) one.open();
        const done = await reaches(queued.number, 'succeeded');
        assert.notEqual(done.sha, sha);
        assert.equal((await house().log(queued.number)).trim(), before);
        for (const { number } of held) await reaches(number, 'succeeded');
      });
  });

  describe('parameters and environment', () => {
    const hostile = { a: '$(touch x)', b: '; touch x; --flag "\' \\ *' };
    const runs: RunJson[] = [];
    let log = '';
    before(async () => {
      const { people, service, reaches, request, newest, cli } = house();
      const number = await newest();
      await people.says(service().url, `/train show -p "a=$(touch x)" -p "b=; touch x; --flag \\"' \\\\ *"`);
      runs.push(await reaches(number + 1, 'succeeded'));
      const sent = await request({ project: 'show', parameters: hostile });
      const typed = await cli('train', 'show', '-p', `a=${hostile.a}`, '-p', `b=${hostile.b}`, '--json');
      for (const run of [sent, JSON.parse(typed.stdout) as RunJson])
        runs.push(await reaches(run.number, 'succeeded'));
      log = await house().log(runs[0]?.number ?? 0);
    });

    for (const [at, place] of ['Slack', 'HTTP', 'the command line'].entries())
      test(`each value is one argument, as it was typed: ${place}`, async () => {
        const run = runs[at];
        assert.deepEqual(run?.parameters, hostile);
        const lines = (await house().log(run.number)).split('\n').filter(line => line.startsWith('<'));
        assert.deepEqual(lines, [`<${hostile.a}>`, `<x${hostile.b}y>`, '<last>']);
      });

    test('nothing of the service is in the environment of a run', () => {
      const { settings } = house();
      for (const name of [
        'SLACK_BOT_TOKEN',
        'SLACK_SIGNING_SECRET',
        'SOMEBODYS_PASSWORD',
        'SIGNALBOX_DATA',
        'DATABASE_URL',
      ]) {
        assert.ok(!log.includes(`${name}=`), name);
        const value = settings[name];
        // The folder of the run lies below the data folder, which is no secret.
        if (value && name !== 'SIGNALBOX_DATA') assert.ok(!log.includes(value), `the value of ${name}`);
      }
    });

    test('what a run needs is', () => {
      for (const name of [
        'RUN',
        'METRICS_URL',
        'TOKEN',
        'CHECKPOINT_DIR',
        'OUTPUT_DIR',
        'RANK',
        'WORLD_SIZE',
        'PARAM_A',
      ])
        assert.match(log, new RegExp(`^SIGNALBOX_${name}=.`, 'm'), name);
      assert.match(log, /^CUDA_VISIBLE_DEVICES=$/m);
      assert.doesNotMatch(log, /sbx_|sbr_|SIGNALBOX_TOKEN=[\w-]{20}/, 'a token that is printed is redacted');
    });
  });

  describe('metrics from inside a run', () => {
    let run: RunJson;
    before(async () => {
      const asked = await house().request({ project: 'report' });
      run = await house().reaches(asked.number, 'succeeded', 'failed');
    });
    after(() => assert.equal(run.state, 'succeeded'));

    test('its own token stores them with its own run', async () => {
      assert.match(await house().log(run.number), /^own 200/m);
      const { metrics } = await house().run(run.number);
      assert.deepEqual(metrics?.score, { value: 0.75, step: 7, points: 1 });
    });

    test('and with no other', async () => {
      assert.match(await house().log(run.number), /^other 403 TOKEN_SCOPE/m);
      assert.deepEqual((await house().run(1)).metrics, {});
    });

    test('nor is a token of a person, or of an attempt that is over, good for it', async () => {
      const points = [{ name: 'score', step: 8, value: 1 }];
      const { token } = house();
      for (const as of [token, 'nonsense']) {
        const answer = await house().call(`/v1/runs/${run.number}/metrics`, { body: { points }, as });
        assert.equal(answer.status, 401);
      }
    });
  });
}

async function asked(house: House, words: string): Promise<RunJson> {
  const { status, body } = await house.command(words);
  assert.equal(status, 200, JSON.stringify(body));
  return (body.reply as { data: RunJson }).data;
}
