import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { commands } from '../../commands/index.ts';
import { chartPictures } from '../../src/adapters/charts/charts.ts';
import { auditLog } from '../../src/adapters/postgres/audit.ts';
import { baselineStore, runCosts } from '../../src/adapters/postgres/baselines.ts';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { deliveryStore } from '../../src/adapters/postgres/deliveries.ts';
import { elevationStore } from '../../src/adapters/postgres/elevations.ts';
import { freezeStore } from '../../src/adapters/postgres/freezes.ts';
import { githubUsers } from '../../src/adapters/postgres/github-users.ts';
import { groupStore } from '../../src/adapters/postgres/groups.ts';
import { installationStore } from '../../src/adapters/postgres/installations.ts';
import { linkStore } from '../../src/adapters/postgres/links.ts';
import { logStore } from '../../src/adapters/postgres/logs.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { modelStore } from '../../src/adapters/postgres/models.ts';
import { onceStore } from '../../src/adapters/postgres/once.ts';
import { planStore } from '../../src/adapters/postgres/plan.ts';
import { promotionStore } from '../../src/adapters/postgres/promotions.ts';
import { rateBudget } from '../../src/adapters/postgres/rates.ts';
import { recordStore } from '../../src/adapters/postgres/records.ts';
import { registryStore } from '../../src/adapters/postgres/registry.ts';
import { repositoryStore } from '../../src/adapters/postgres/repositories.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { servingStore } from '../../src/adapters/postgres/serving.ts';
import { signer } from '../../src/adapters/postgres/signer.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { sweepStore } from '../../src/adapters/postgres/sweeps.ts';
import { tokenStore } from '../../src/adapters/postgres/tokens.ts';
import { usageStore } from '../../src/adapters/postgres/usage.ts';
import { slackForms } from '../../src/adapters/slack/instant.ts';
import { slackReceiver } from '../../src/adapters/slack/receive.ts';
import { deliver, faultReply } from '../../src/app/deliver.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import { homeOf } from '../../src/app/home.ts';
import { registryView } from '../../src/app/keep-registries.ts';
import { lookAt } from '../../src/app/promotion-evidence.ts';
import { promotionMessage } from '../../src/app/promotion-message.ts';
import { publish } from '../../src/app/publish.ts';
import { rejectDesk } from '../../src/app/reject-desk.ts';
import { rollbackDesk } from '../../src/app/rollback-desk.ts';
import { runCharts } from '../../src/app/run-charts.ts';
import { groupChanged, syncGroups } from '../../src/app/sync-groups.ts';
import { trainDesk } from '../../src/app/train-desk.ts';
import { loadConfig } from '../../src/config.ts';
import { type Place, type SlackPlace, system } from '../../src/core/actor.ts';
import type { Fault } from '../../src/core/errors.ts';
import { sweepCost } from '../../src/core/find-sweep.ts';
import { groupsIn } from '../../src/core/groups.ts';
import type { Intent } from '../../src/core/intent.ts';
import type { Policy } from '../../src/core/project.ts';
import type { SweepMember } from '../../src/core/sweep.ts';
import type { GroupChange } from '../../src/core/webhook.ts';
import { openGitHub } from '../../src/roles/github.ts';
import { openGroups } from '../../src/roles/groups.ts';
import { messengers } from '../../src/roles/messengers.ts';
import { inPerson, openSlack } from '../../src/roles/slack.ts';
import { openStepUp, openStepUpPages } from '../../src/roles/step-up.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { channel, developer, openApp, openFake, token } from '../fakes/slack/fixture.ts';
import { memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { startOf } from '../support/plan.ts';
import type { TestServer } from '../support/postgres.ts';

/** A workspace and Signalbox, from what Slack says to what Slack shows; only the projects' sources are made up. */
export async function openTown(t: TestContext, server: TestServer, env: Record<string, string> = {}) {
  const fake = await openFake();
  const app = await openApp();
  fake.sendTo(app.url);
  const database = openDatabase(await server.database(), { onError: () => {} });
  await migrate(database.pool);
  const pictures = chartPictures();
  t.after(async () => {
    await pictures.close();
    await database.close();
    await app.close();
    await fake.close();
  });
  const config = loadConfig({
    SLACK_SIGNING_SECRET: 'signing-secret',
    SLACK_API_URL: fake.apiUrl,
    SLACK_BOT_TOKEN: token,
    ...env,
  });
  const { db } = database;
  const sweeps = sweepStore(db);
  const { log, lines } = recordingLog();
  const clock = () => new Date();
  const slack = openSlack(config, installationStore(db, []), signer(db), log, clock, undefined, pictures);
  const [runs, surfaces, deliveries, audit] = [
    runStore(db),
    surfaceStore(db),
    deliveryStore(db, database.pool),
    auditLog(db),
  ];
  const [freezes, elevations, groups] = [freezeStore(db), elevationStore(db), groupStore(db)];
  let now = Date.now();
  const github = openGitHub(
    config,
    {
      repositories: repositoryStore(db),
      users: githubUsers(db),
      once: onceStore(db),
      signer: signer(db),
      audit,
      budget: rateBudget(db),
    },
    log,
    () => new Date(now),
  );
  const { source, pulls } = memoryPorts(memory());
  const charts = runCharts({
    ...{ runs, source, log, baselines: baselineStore(db), signer: signer(db) },
    address: 'https://signalbox.example.com',
  });
  /** The content that the store has. */
  const artifacts = { kept: new Set<string>(), has: async (sha256: string) => artifacts.kept.has(sha256) };
  const evidence = {
    ...{ runs, artifacts, promotions: promotionStore(db), models: modelStore(db), records: recordStore(db) },
    modelPolicies: { all: async () => new Map(Object.entries(said.policy.models)) },
    costs: runCosts(db),
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
    policy,
    ports: {
      runs,
      logs: logStore(db),
      plan: planStore(db, ['local']),
      source,
      pulls,
      audit,
      links: linkStore(db),
      groups,
      github: github.linking,
      freezes,
      elevations,
      tokens: tokenStore(db),
      usage: usageStore(db),
      records: recordStore(db),
      ...models,
      stepUp: openStepUp(config, { database, signer: signer(db) }, () => new Date(now)),
      charts,
      registry: registryView(registryStore(db), null, null),
      sweeps,
      ...{
        costs: runCosts(db),
        baselines: memoryPorts(memory()).baselines,
        pages: memoryPorts(memory()).pages,
      },
    },
  };
  const stepUp = openStepUpPages({
    ...{ config, database, signer: signer(db), groups, audit, log, links: said.ports.links },
    promotions: evidence.promotions,
    policy: () => said.policy,
    dispatch: intent => dispatch(intent, said, new Date(now)),
    clock: () => new Date(now),
  });
  const sync = { groups, outside: openGroups(slack, github), log };
  const deliverPorts = {
    ...{ deliveries, surfaces, audit, log, unpack: slack.unpack },
    wakeups: { wake: () => {} },
    dispatch: (intent: Intent) => dispatch(intent, said, clock()),
    standing: github.standing,
    repositoryChanged: async () => {},
    registryChanged: async () => {},
    reviewed: async () => null,
    toPromote: async () => null,
    toRepeat: async () => null,
    groupChanged: (change: GroupChange) => groupChanged(change, said.policy, sync, clock),
  };
  const publishPorts = {
    ...{ surfaces, runs, log },
    messenger: messengers({
      slack: slack.messenger,
      ...(github.messenger ? { github: github.messenger } : {}),
    }),
    hash: (content: unknown) => JSON.stringify(content),
    outputOf: () => null,
    promotionOf: (number: number, place: Place) =>
      promotionMessage(number, place, { ...evidence, serving: servingStore(db), charts, id: randomUUID }),
    versionsOf: async () => [],
    sweeps,
    sweepCost: (members: readonly SweepMember[], now: Date) => sweepCost(members, runCosts(db), 'USD', now),
    resultOf: async () => null,
    charts,
    home: (place: SlackPlace, now: Date) =>
      homeOf(
        place,
        {
          commands,
          policy: said.policy,
          runs,
          plan: said.ports.plan,
          links: said.ports.links,
          groups,
          elevations,
        },
        now,
      ),
  };

  /** What the workspace said last (or `text`) is stored and worked on, and what comes of it is shown. */
  async function work(text = app.requests.at(-1)?.text ?? ''): Promise<string[]> {
    const outcomes: string[] = [];
    const stored: number[] = [];
    const ingest: Parameters<typeof slackReceiver>[0]['ingest'] = async one => {
      const { id, outcome } = await deliveries.store(one);
      outcomes.push(outcome);
      stored.push(id);
      return { outcome };
    };
    const instant = slackForms({
      ...{
        tokens: slack.tokens,
        apiUrl: fake.apiUrl,
        ingest,
        refused: () => {},
        tell: async (asked: Place, said: Fault) => {
          const place = await inPerson(asked, slack.messenger);
          const content = faultReply(said);
          await slack.messenger.send({ place, content, nonce: randomUUID(), remote: null, thread: null });
        },
        log,
        clock,
      },
      desks: {
        'model rollback': rollbackDesk({
          ...{ commands, policy: said.policy, signer: signer(db), promotions: evidence.promotions },
          ...{ links: said.ports.links, groups, elevations, audit },
        }),
        'model reject': rejectDesk({ signer: signer(db), promotions: evidence.promotions }),
        train: trainDesk({
          commands,
          policy: said.policy,
          runs,
          plan: said.ports.plan,
          links: said.ports.links,
          groups,
          elevations,
          repositories: repositoryStore(db),
          audit,
          log,
        }),
      },
    });
    await slackReceiver({ ingest, instant, log })(text, clock());
    for (const id of stored) await deliver(id, deliverPorts, clock);
    await show();
    return outcomes;
  }
  async function show(): Promise<void> {
    await database.pool.query(
      "update surfaces set next_at = now() where next_at < now() + interval '1 minute'",
    );
    for (const id of await surfaces.due(20)) await publish(id, publishPorts, clock);
  }
  return {
    fake,
    evidence,
    artifacts,
    said,
    dispatch: (intent: Intent, at: Date) => dispatch(intent, said, at),
    freezes,
    elevations,
    log,
    runs,
    charts,
    pictures,
    surfaces,
    database,
    work,
    /** Somebody looks at their Home. */
    async look(user = developer) {
      await fake.openHome({ user }).done;
      return await work();
    },
    /** Homes are looked at as the sweep does, as if their pause were over. */
    async sweepHomes() {
      await database.pool.query(
        "update surfaces set next_at = now() where kind = 'home' and next_at > now()",
      );
      await surfaces.wantHomes();
      await show();
    },
    show,
    last: (part = '') => app.requests.findLast(request => request.text.includes(part))?.text ?? '',
    givenUp: async () =>
      (await database.pool.query('select error from surfaces where gave_up order by key desc')).rows.map(
        row => row.error,
      ),
    /** Who is who from now on, as when `signalbox.yml` was changed. */
    people(people: Policy['people'], defaultRole: Policy['defaultRole'] = 'trainer') {
      said.policy = { ...said.policy, people, defaultRole };
    },
    /** What groups are worth from now on, as when `signalbox.yml` was changed; they are read at once. */
    async groups({ teams, roles, defaultRole }: Pick<Policy, 'teams' | 'roles' | 'defaultRole'>) {
      said.policy = { ...said.policy, teams, roles, defaultRole };
      await syncGroups(said.policy, sync, clock);
    },
    /** Time goes by, as far as what was read of groups is concerned. */
    async age(hours: number) {
      await database.pool.query(
        'update synced_groups set read_at = read_at - make_interval(hours => $1), next_at = to_timestamp(0)',
        [hours],
      );
    },
    github,
    stepUp,
    /** As Signalbox signs what it puts into addresses. */
    sign: signer(db).sign,
    /** Later, for those who link a GitHub account or show a second factor. */
    wait(ms: number) {
      now += ms;
    },
    sync: () => syncGroups(said.policy, sync, clock),
    groupStates: () => groups.states(groupsIn(said.policy)),
    logged: lines,
    /** Somebody types a command, and everything that comes of it is shown. */
    async say(user: string, command: string, text: string) {
      await fake.slash({ user, channel, command, text });
      await work();
    },
    async ask(user = developer, where = channel) {
      await fake.slash({ user, channel: where, command: '/train', text: 'digits' });
      await work();
    },
    async press(
      actionId: string,
      more: {
        user?: string;
        channel?: string;
        ts: string;
        alter?: (payload: Record<string, unknown>) => Record<string, unknown>;
      },
    ) {
      const { user = developer, channel: where = channel, ts, alter } = more;
      await fake.click({ user, in: { channel: where, ts }, actionId, ...(alter ? { alter } : {}) });
      return await work();
    },
    shown: (where = channel) => fake.messages({ channel: where }),
    whispers: (user = developer, where = channel) =>
      fake.ephemerals({ channel: where, user }).map(one => one.text),
    refusals: async () =>
      (
        await database.pool.query(
          "select details->>'code' as code from audit where outcome = 'refused' order by seq",
        )
      ).rows.map(row => row.code),
    /** The plan finds that it has to wait. */
    async waits(run: number, sentence: string) {
      const plan = planStore(db, ['local']);
      const decision = { type: 'hold', run, code: 'flavor-full', sentence } as const;
      await plan.commit(await plan.snapshot(clock()), [decision], clock());
    },
    async works(number: number) {
      const run = await runs.get(number);
      assert.ok(run);
      const plan = planStore(db, ['local']);
      const start = startOf(number, 'local', [number]);
      await plan.commit(await plan.snapshot(clock()), [start], clock());
      await runs.change(number, { type: 'running', attempt: run.attempt + 1, at: clock() }, clock(), system);
      await show();
    },
  };
}
