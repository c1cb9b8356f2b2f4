import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { commands } from '../../commands/index.ts';
import { createGitSource } from '../../src/adapters/git/source.ts';
import { GitHubError } from '../../src/adapters/github/errors.ts';
import { auditLog } from '../../src/adapters/postgres/audit.ts';
import { baselineStore, runCosts } from '../../src/adapters/postgres/baselines.ts';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { deliveryStore } from '../../src/adapters/postgres/deliveries.ts';
import { elevationStore } from '../../src/adapters/postgres/elevations.ts';
import { freezeStore } from '../../src/adapters/postgres/freezes.ts';
import { githubUsers } from '../../src/adapters/postgres/github-users.ts';
import { groupStore } from '../../src/adapters/postgres/groups.ts';
import { linkStore } from '../../src/adapters/postgres/links.ts';
import { lookStore } from '../../src/adapters/postgres/looks.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { modelStore } from '../../src/adapters/postgres/models.ts';
import { onceStore } from '../../src/adapters/postgres/once.ts';
import { promotionStore } from '../../src/adapters/postgres/promotions.ts';
import { rateBudget } from '../../src/adapters/postgres/rates.ts';
import { recordStore } from '../../src/adapters/postgres/records.ts';
import { repositoryStore } from '../../src/adapters/postgres/repositories.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { servingStore } from '../../src/adapters/postgres/serving.ts';
import { signer } from '../../src/adapters/postgres/signer.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { sweepStore } from '../../src/adapters/postgres/sweeps.ts';
import { deliver } from '../../src/app/deliver.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import { lookAround } from '../../src/app/look-around.ts';
import { promoteWishes } from '../../src/app/promote-wishes.ts';
import { lookAt } from '../../src/app/promotion-evidence.ts';
import { promotable, promotionMessage } from '../../src/app/promotion-message.ts';
import { publish } from '../../src/app/publish.ts';
import { pullHeads } from '../../src/app/pull-head.ts';
import { wishOfReview } from '../../src/app/pull-review.ts';
import { repeatCommit } from '../../src/app/repeat-commit.ts';
import { repositoryChanged } from '../../src/app/repository-changed.ts';
import { resultOf } from '../../src/app/result-of.ts';
import { loadConfig } from '../../src/config.ts';
import type { GitHubPlace, Place } from '../../src/core/actor.ts';
import { sweepCost } from '../../src/core/find-sweep.ts';
import type { Intent } from '../../src/core/intent.ts';
import type { MetricSummary } from '../../src/core/ports.ts';
import type { Policy } from '../../src/core/project.ts';
import type { RepositoryEvent } from '../../src/core/repository-event.ts';
import type { Run } from '../../src/core/run.ts';
import type { SweepMember } from '../../src/core/sweep.ts';
import type { Translation } from '../../src/core/webhook.ts';
import { readRepositoryFile } from '../../src/files/repository-file.ts';
import { openGitHub } from '../../src/roles/github.ts';
import { messengers } from '../../src/roles/messengers.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { startGitHub } from '../fakes/github/fake.ts';
import { listener, secret } from '../fakes/github/fixture.ts';
import type { RepoOptions } from '../fakes/github/repo-deeds.ts';
import { memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { noCharts } from '../support/no-charts.ts';
import type { TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';

/** A GitHub with a pull request, and Signalbox from what GitHub says to what it is told. */
export async function openGitHubTown(t: TestContext, server: TestServer, options: RepoOptions = {}) {
  const fake = await startGitHub({ secret });
  const heard = await listener(t);
  fake.sendTo(heard.url);
  const database = openDatabase(await server.database(), { onError: () => {} });
  await migrate(database.pool);
  t.after(async () => {
    await database.close();
    await fake.close();
  });
  const repo = await fake.repo('octo-org/digits', { roles: { octocat: 'write', hubot: 'read' }, ...options });
  await repo.push({ by: 'octocat', branch: 'wider', files: { 'net.py': 'wide = True\n' } });
  const pull = await repo.open({ by: 'octocat', from: 'wider' });
  const sha = repo.pull(pull).pull.head.sha;

  const { db } = database;
  const sweeps = sweepStore(db);
  const { log, lines } = recordingLog();
  const clock = () => new Date();
  const cacheDir = await mkdtemp(join(tmpdir(), 'talk-'));
  t.after(() => rm(cacheDir, { recursive: true, force: true }));
  const config = loadConfig({
    GITHUB_APP_ID: String(fake.app.id),
    GITHUB_PRIVATE_KEY: fake.app.privateKey,
    GITHUB_WEBHOOK_SECRET: secret,
    GITHUB_API_URL: fake.apiUrl,
    GITHUB_URL: fake.url,
  });
  const [runs, surfaces, deliveries, audit, links] = [
    runStore(db),
    surfaceStore(db),
    deliveryStore(db, database.pool),
    auditLog(db),
    linkStore(db),
  ];
  const repositories = repositoryStore(db);
  const stores = { repositories, users: githubUsers(db), once: onceStore(db), signer: signer(db), audit };
  const github = openGitHub(config, { ...stores, budget: rateBudget(db) }, log, clock);
  const source = createGitSource({ cacheDir, log, github: github.remotes });
  const { digits, ...others } = policy.projects;
  if (!digits) throw new Error('there is no project to train');
  const own = { ...digits, source: 'github:octo-org/digits', trusted: true };
  const ours: Policy = { ...policy, projects: { ...others, digits: own }, defaultRole: 'trainer' };
  const pullRequests = github.pullRequests;
  /** The content that the store has. */
  const artifacts = { kept: new Set<string>(), has: async (sha256: string) => artifacts.kept.has(sha256) };
  const evidence = {
    ...{ runs, artifacts, promotions: promotionStore(db), models: modelStore(db), records: recordStore(db) },
    modelPolicies: { all: async () => new Map(Object.entries(said.policy.models)) },
    costs: runCosts(db),
    currency: () => said.policy.currency,
    policy: () => said.policy,
    hash: (text: string) => createHash('sha256').update(text).digest('hex'),
  };
  const models = {
    ...{ models: evidence.models, modelPolicies: evidence.modelPolicies, promotions: evidence.promotions },
    promotionDesk: {
      look: (number: number, at: Date) => lookAt(number, evidence, at),
      reaches: () => true,
    },
  };
  const said = {
    commands,
    policy: ours,
    ports: {
      ...memoryPorts(memory()),
      ...models,
      sweeps,
      costs: runCosts(db),
      ...{ runs, audit, links, groups: groupStore(db), freezes: freezeStore(db) },
      elevations: elevationStore(db),
      pulls: pullHeads({ repositories, pullRequests, source, readFile: readRepositoryFile }),
    },
  };
  const changed = {
    repositories,
    pullRequests,
    source,
    runs,
    surfaces,
    freezes: said.ports.freezes,
    audit,
    log,
  };
  const toldOf = (event: RepositoryEvent) =>
    repositoryChanged(event, said.policy, { ...changed, readFile: readRepositoryFile }, clock());
  const { lists } = github;
  if (!lists) throw new Error('the app is not configured');
  const waitFor = (err: unknown) => (err instanceof GitHubError ? err.afterMs : null);
  const lookPorts = { looks: lookStore(db), repositories, lists, changed: toldOf, waitFor, log };
  const deliverPorts = {
    ...{ deliveries, surfaces, audit, log, unpack: github.unpack, standing: github.standing },
    wakeups: { wake: () => {} },
    dispatch: (intent: Intent) => dispatch(intent, said, clock()),
    repositoryChanged: toldOf,
    waitFor,
    groupChanged: async () => {},
    registryChanged: async () => {},
    reviewed: (review: Translation & { kind: 'review' }) =>
      wishOfReview(review, { ...evidence, pullRequests, log }, clock()),
    toPromote: (asked: Translation & { kind: 'promote' }) =>
      promoteWishes(asked, said.policy, { ...evidence, repositories, rollout: models.promotionDesk }),
    toRepeat: (again: Translation & { kind: 'repeat' }, before: Date) =>
      repeatCommit(again, { runs }, before),
  };
  const results = {
    ...{ runs, source, log, baselines: baselineStore(db), costs: runCosts(db) },
    currency: () => 'USD',
    address: 'https://signalbox.example.com',
  };
  const publishPorts = {
    ...{ surfaces, runs, log },
    messenger: messengers(github.messenger ? { github: github.messenger } : {}),
    hash: (content: unknown) => JSON.stringify(content),
    outputOf: () => null,
    promotionOf: (number: number, at: Place) =>
      promotionMessage(number, at, {
        ...evidence,
        ...{ serving: servingStore(db), charts: noCharts, id: randomUUID },
      }),
    versionsOf: (run: Run) => promotable(run, { ...evidence, rollout: models.promotionDesk }),
    sweeps,
    sweepCost: (members: readonly SweepMember[], now: Date) => sweepCost(members, runCosts(db), 'USD', now),
    charts: noCharts,
    resultOf: (run: Run, metrics: readonly MetricSummary[], now: Date) =>
      resultOf(run, metrics, results, now),
    home: () => Promise.reject(new Error('there are no Homes on GitHub')),
  };

  /** Everything that is due is shown, as if its pause were over. */
  async function show(): Promise<void> {
    await database.pool.query(
      "update surfaces set next_at = now() where next_at < now() + interval '2 minutes'",
    );
    // What was said first is answered first, and then the next.
    for (let round = 0; round < 12; round++)
      for (const id of await surfaces.due(50)) await publish(id, publishPorts, clock);
  }
  /** What the app was told since is stored and worked on, and what comes of it is shown. */
  async function work({ twice = false } = {}): Promise<void> {
    const told = heard.all.splice(0);
    const ids: number[] = [];
    for (const { event: kind, guid: deliveryId, body } of twice ? [...told, ...told] : told) {
      const { id } = await deliveries.store({ source: 'github', kind, deliveryId, body });
      ids.push(id);
    }
    for (const id of ids) await deliver(id, deliverPorts, clock);
    await show();
  }
  const place: GitHubPlace = {
    kind: 'github',
    installation: repo.installation,
    repo: repo.state.id,
    name: 'octo-org/digits',
    isPublic: !options.private,
    issue: pull,
    pull: true,
    user: 'octocat',
  };
  return {
    ...{
      fake,
      repo,
      source,
      pull,
      sha,
      place,
      runs,
      surfaces,
      links,
      database,
      heard,
      lines,
      said,
      repositories,
      evidence,
      artifacts,
      show,
      work,
    },
    /** Looks at what nobody told, as a worker does now and then. */
    look: (everyMs = 0) => lookAround(said.policy, lookPorts, everyMs, clock()),
    /** A run of the pull request's head that has ended, for others to repeat. */
    async ended(by = 'octocat') {
      const requestedBy = { kind: 'github' as const, id: by, name: by };
      const made = await runs.create(wish('ended', { place, requestedBy }, { sha, trigger: 'pull-request' }));
      const { number } = made.run;
      const stop = { type: 'stop', actor: requestedBy, why: 'cancel', reason: '' } as const;
      await runs.change(number, stop, clock(), requestedBy);
      await show();
      return number;
    },
    /** What Signalbox said at the pull request, oldest first. */
    answers: () =>
      repo
        .comments(pull)
        .filter(one => one.viaApp)
        .map(one => one.body),
    signs: (comment: number) =>
      [...(repo.state.comments.get(comment)?.reactions ?? [])].map(one => one.content).sort(),
    refused: async () =>
      (await database.pool.query("select details->>'code' as code from audit where outcome = 'refused'")).rows
        .map(row => row.code)
        .filter(Boolean),
  };
}
