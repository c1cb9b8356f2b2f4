import type { RunJson } from '../../src/core/run-json.ts';
import { startGitHub } from '../fakes/github/fake.ts';
import { wallClock } from '../fakes/slack/clock.ts';
import { openHouse } from './house.ts';
import { until } from './until.ts';

const secret = 'a-secret-of-the-hook';

/** Says which commit it is of, and ends when somebody lets it. */
const files = {
  'train.sh':
    'echo "version $(cat version)"\necho "metric val_auc=$1 step=1"\nwhile [ ! -e "$2" ]; do sleep 0.1; done\n',
  version: 'first\n',
  '.signalbox.yml': 'rules:\n  main: { project: digits, on: { merge: { branches: [main] } } }\n',
};

const policy = `
teams: { research: {} }
pools: { sandbox: { slots: 1, accelerators: none, isolated: true } }
projects:
  digits:
    team: research
    github: octo-org/digits
    primaryMetric: val_auc
    grace: 1s
    command: [sh, train.sh, "{lr}", "{gate}"]
    parameters: { lr: { type: number, default: 1 }, gate: { type: text, default: /tmp } }
people:
  - { github: monalisa, name: An approver, role: approver }
`;

/** The whole service, and a GitHub with one repository whose pull requests it trains. */
export async function openGitHubHouse() {
  // People read for a while before they comment. The keys of an app are good at the time of either side, within minutes.
  let aheadMs = 0;
  const github = await startGitHub({ secret, clock: { ...wallClock, now: () => Date.now() + aheadMs } });
  const repo = await github.repo('octo-org/digits', {
    roles: { octocat: 'write', monalisa: 'write', hubot: 'read' },
    files,
  });
  const house = await openHouse(
    {
      GITHUB_APP_ID: String(github.app.id),
      GITHUB_PRIVATE_KEY: github.app.privateKey,
      GITHUB_WEBHOOK_SECRET: secret,
      GITHUB_API_URL: github.apiUrl,
      GITHUB_URL: github.url,
    },
    { policy },
  );
  const reach = () => github.sendTo(`${house.service().url}/webhooks/github`);
  reach();
  return {
    github,
    repo,
    house,
    later() {
      aheadMs += 90_000;
    },
    /** A pull request by somebody, of a branch with one commit that says its version. */
    async propose(by: string, branch: string, version = branch) {
      await repo.push({ by, branch, files: { version: `${version}\n` } });
      return await repo.open({ by, from: branch });
    },
    head: (pull: number) => repo.pull(pull).pull.head.sha,
    /** What Signalbox said at a pull request, oldest first, as people read it. */
    said: (pull: number) =>
      repo
        .comments(pull)
        .filter(one => one.viaApp)
        .map(one => one.body.replaceAll(/[\\\u2060]/g, '')),
    /** Of a commit, each of one run; the one that sums them up is left out. */
    runChecks: (sha: string) => repo.checks(sha).filter(one => one.name !== 'signalbox'),
    signs: (comment: number) =>
      [...(repo.state.comments.get(comment)?.reactions ?? [])].map(one => one.content).sort(),
    /** Run by run, as they were made after a moment: `begun(await newest())` is the next one. Some numbers are nobody's. */
    begun: (after: number, count = 1) =>
      until(`run ${count} after #${after}`, async () => {
        const answer = await house.call('/v1/runs?limit=100');
        const { runs } = (await answer.json()) as { runs: RunJson[] };
        const fresh = runs.map(run => run.number).filter(number => number > after);
        return fresh.sort((a, b) => a - b)[count - 1];
      }),
    /** Ends when every delivery that was stored is done, and everything is shown: what can wait may wait for GitHub's next minute. */
    settled: () =>
      until(
        'all that was told to be done and shown',
        async () => {
          const [left] = await house.query<{ count: number }>(`select
          (select count(*) from deliveries where done_at is null)::int +
          (select count(*) from surfaces where wanted_seq > seen_seq and not gave_up)::int as count`);
          return left?.count === 0;
        },
        120,
      ),
    async restart() {
      await house.restart();
      reach();
    },
    async close() {
      await house.close();
      await github.close();
    },
  };
}

export type GitHubHouse = Awaited<ReturnType<typeof openGitHubHouse>>;
