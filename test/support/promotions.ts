import assert from 'node:assert/strict';
import { environmentOf } from '../../src/app/promotion-evidence.ts';
import { promotionMessage } from '../../src/app/promotion-message.ts';
import { type Actor, type Place, system } from '../../src/core/actor.ts';
import type { Chart } from '../../src/core/chart.ts';
import type { Live, PromotionStore, RunCharts } from '../../src/core/ports.ts';
import { type Evidence, evidenceOf, evidenceText, verdictOf } from '../../src/core/promotion/evidence.ts';
import { type ModelPolicy, modelSchema } from '../../src/core/promotion/model-keys.ts';
import {
  changed,
  type Promotion,
  type PromotionChange,
  type PromotionEvent,
} from '../../src/core/promotion/promotion.ts';
import type { Serving } from '../../src/core/promotion/serving.ts';
import type { ModelVersion } from '../../src/core/promotion/version.ts';
import type { Reply } from '../../src/core/reply.ts';
import type { Run } from '../../src/core/run.ts';
import { baseline, points, run as runCurve } from './charts.ts';
import { later, liveRun } from './live-run.ts';
import { summaryOf } from './summary.ts';
import { versionOf } from './version.ts';

const octocat: Actor = { kind: 'slack', id: 'T1/U1', name: 'octocat' };
const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
export const monalisa: Actor = { kind: 'slack', id: 'T1/U3', name: 'monalisa' };
export const operator: Actor = { kind: 'slack', id: 'T1/U4', name: 'operator' };
export const slackPlace: Place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U2' };
export const pullPlace: Place = {
  ...{ kind: 'github', installation: 1, repo: 1, name: 'octo-org/digits', isPublic: true },
  ...{ issue: 5, pull: true, user: 'hubot' },
};

/** How production is declared, unless a scene says otherwise. */
const declared = {
  target: 'digits-live',
  gates: ['val_accuracy >= production.val_accuracy - 0.005', 'val_loss < 0.25', 'age < 14d'],
  approvals: { count: 2, from: 'approver' },
  rollout: { steps: [10, 50, 100], bake: '5m', check: 'signalbox.errors', holds: '< 0.01' },
};
const source = 'github:octo-org/digits';
const shas = { 7: '9f2c41d07be3a5518c6b0d9e4f7a21c3d5e6f708', 6: '4be1c9d07be3a5518c6b0d9e4f7a21c3d5e6f708' };

/** What serves, and what is to serve. */
const before = versionOf({
  ...{ number: 6, run: 38, source, sha: shas[6], sha256: `sha256:${'3c'.repeat(32)}` },
  metrics: [
    summaryOf('val_accuracy', 25, 0.9188),
    summaryOf('val_loss', 25, 0.2496),
    summaryOf('learning_rate', 25, 0.003),
  ],
});
const candidate = versionOf({ source, sha: shas[7], trainedBy: octocat });
const parameters = { lr: 0.1, epochs: 25, hidden: 64 };

const chart: Chart = {
  ...{ title: 'val_accuracy of #42 beside #38 (production)', metric: 'val_accuracy', better: 'higher' },
  xTitle: 'epoch',
  series: [
    runCurve(points(25, i => 0.9312 - 0.4 * (Math.exp(-i / 5) - Math.exp(-24 / 5)), 1, 1)),
    baseline(
      points(25, i => 0.9188 - 0.4 * (Math.exp(-i / 7) - Math.exp(-24 / 7)), 1, 1),
      '#38 (production)',
    ),
  ],
};
const charts: RunCharts = { of: async () => chart, pictures: async () => null };

export interface Scene {
  kind?: Promotion['kind'];
  /** Beside what is declared. */
  production?: Record<string, unknown>;
  version?: Partial<ModelVersion>;
  /** Null: nothing serves there yet. */
  serving?: ModelVersion | null;
  asked?: Partial<Pick<Promotion, 'requestedBy' | 'reason' | 'version' | 'before' | 'number'>>;
  /** What became of it, each so many seconds after it was asked for. */
  steps?: [seconds: number, change: PromotionChange | 'judge', by?: Actor][];
  /** What it is judged by from the second time on. */
  later?: Pick<Scene, 'production' | 'version'>;
  /** What serves there now, where it is not this. */
  live?: Live;
  /** What its target was told last. */
  hold?: { stage: number; weight: number; seconds: number };
  /** The version that served before what serves now; null: none. */
  servedBefore?: number | null;
}

function policyOf(production: Scene['production'] = {}): ModelPolicy {
  return modelSchema.parse({
    ...{ project: 'digits', output: 'model.json' },
    environments: { production: { ...declared, ...production } },
  });
}

/** A promotion that has lived so, with what it is decided on. */
export function lived(scene: Scene) {
  const { kind = 'promote', asked = {}, steps = [[1, 'judge']] } = scene;
  let promotion: Promotion = {
    ...{ number: 12, kind, model: 'digits', version: 7, environment: 'production', before: 6 },
    ...{ requestedBy: hubot, place: slackPlace, reason: 'fewer mistakes on 4 and 9' },
    ...{
      state: 'evaluating',
      evaluation: null,
      evidence: null,
      needed: 2,
      answers: [],
      step: null,
      stepAt: null,
    },
    ...{ said: 'It is being looked at.', createdAt: later(0), expiresAt: later(86_400), endedAt: null },
    ...asked,
  };
  const known = new Map<string, Evidence>();
  const events: (PromotionEvent & { seq: number; evidence: string | null })[] = [];
  const gather = (at: Date, { production = {}, version = {} }: Pick<Scene, 'production' | 'version'>) => {
    const environment = environmentOf(promotion, new Map([['digits', policyOf(production)]]));
    assert.ok(environment);
    const serving = scene.serving === undefined ? before : scene.serving;
    const of = (parameters: Run['spec']['parameters']) => liveRun({}, { parameters });
    return evidenceOf(
      promotion,
      environment,
      {
        ...{
          version: { ...candidate, at: later(-7_200), number: promotion.version, ...version },
          isKept: true,
        },
        run: of(parameters),
        evaluated: null,
        serving: serving && {
          version: serving,
          evaluated: null,
          run: of({ ...parameters, lr: 0.3, seed: 1 }),
        },
        ...{ cost: { hours: 1.683, money: 4.2 }, currency: 'EUR' },
      },
      at,
    );
  };
  let looks = 0;
  for (const [seconds, step, by = system] of steps) {
    const at = later(seconds);
    const changes =
      step === 'judge' ? judging(gather(at, looks++ > 0 ? { ...scene, ...scene.later } : scene)) : [step];
    for (const change of changes) {
      const after = changed(promotion, change, at, by);
      assert.ok(after.ok, `a ${change.type} that cannot be`);
      promotion = after.promotion;
      for (const event of after.events)
        events.push({ ...event, seq: events.length + 1, evidence: promotion.evidence });
    }
  }
  function judging(evidence: Evidence): PromotionChange[] {
    const text = evidenceText(evidence);
    known.set(text, evidence);
    const { holds, reason } = verdictOf(evidence);
    const judged = { type: 'judged' as const, evidence: text, holds, needed: evidence.policy.count, reason };
    const isAnew = promotion.evidence !== null && promotion.evidence !== text;
    const changedReason = 'What it is decided on has changed: the metrics.';
    return isAnew ? [{ ...judged, reason: changedReason }, judged] : [judged];
  }
  return { promotion, events, evidence: known.get(promotion.evidence ?? '') ?? null };
}

/** An answer to what a promotion is decided on at that moment. */
function answer(scene: Scene, by: Actor, says: 'approve' | 'reject', reason = ''): PromotionChange {
  const { promotion } = lived(scene);
  const at = later(60);
  assert.ok(promotion.evidence !== null);
  return {
    type: 'answer',
    answer: { says, by, person: by.id, evidence: promotion.evidence, reason, at },
  };
}

/** Its message, as the service makes it. */
export async function shownAt(scene: Scene, place: Place): Promise<Reply> {
  const { promotion, events, evidence } = lived(scene);
  const { number, model, version, environment } = promotion;
  const { hold } = scene;
  const live = scene.live ?? { environment, version, promotion: number, since: later(0) };
  const serving: Serving = {
    ...{ model, environment },
    hold: hold
      ? { promotion: number, stage: hold.stage, at: later(hold.seconds), before: 6, target: 'digits-live' }
      : null,
    rows: hold
      ? [
          {
            model,
            environment,
            version,
            weight: hold.weight,
            settled: false,
            promotion: number,
            since: later(0),
          },
        ]
      : [],
  };
  const promotions: Pick<PromotionStore, 'get' | 'evidence' | 'events' | 'button' | 'live' | 'servedBefore'> =
    {
      get: async () => promotion,
      evidence: async () => evidence,
      events: async () => events,
      button: async ({ id }) => id,
      live: async () => [live],
      servedBefore: async () => (scene.servedBefore === undefined ? 6 : scene.servedBefore),
    };
  const ports = {
    ...{ promotions, charts, serving: { of: async () => serving }, id: () => 'an-id-that-is-opaque' },
    models: { version: async () => candidate },
    modelPolicies: { all: async () => new Map([['digits', policyOf(scene.production)]]) },
    runs: { get: async () => liveRun({}) },
  };
  const said = await promotionMessage(number, place, ports);
  assert.ok(said);
  return said.content;
}

const usual: Scene = {};
const yes = (by: Actor, reason = '') => answer(usual, by, 'approve', reason);
const approved: NonNullable<Scene['steps']> = [
  [1, 'judge'],
  [60, yes(monalisa, 'looks good on rotated images'), monalisa],
  [120, yes(operator), operator],
];
const step = (number: number, reason: string): PromotionChange => ({ type: 'step', step: number, reason });
const waitFor = (reason: string): PromotionChange => ({ type: 'wait', reason });
const begun: NonNullable<Scene['steps']> = [...approved, [130, step(0, 'Version 7 is being made ready.')]];
const atTen: NonNullable<Scene['steps']> = [
  ...begun,
  [150, waitFor('It gets 10 % of the requests, for 5 min in all.')],
];
const lost = 'At 10 % of the requests its check gave 0.0825, and < 0.01 must hold.';
const isLive: NonNullable<Scene['steps']> = [
  ...begun,
  [900, { type: 'live', reason: 'Version 7 answers all requests.' }],
];
const metrics = (accuracy: number) => [
  summaryOf('val_accuracy', 25, accuracy),
  summaryOf('val_loss', 25, 0.2217),
];

/** Every promotion that people see, by what becomes of it. */
export const scenes: Record<string, Scene> = {
  waiting: usual,
  first: {
    serving: null,
    asked: { before: null },
    production: { gates: ['age < 14d'], approvals: { count: 1, from: 'team:vision' } },
  },
  'low-gate': { version: { metrics: metrics(0.9127) } },
  'nan-gate': { version: { metrics: metrics(Number.NaN) } },
  'unknown-gate': { production: { gates: ['val_acc >= 0.9', 'age < 14d'] } },
  'one-of-two': { steps: approved.slice(0, 2) },
  rejected: {
    steps: [
      [1, 'judge'],
      [60, answer(usual, monalisa, 'reject', 'worse on 4; see the confusion matrix of #42'), monalisa],
    ],
  },
  voided: {
    steps: [...approved.slice(0, 2), [90, 'judge']],
    later: { version: { metrics: metrics(0.9255) } },
  },
  quiet: {
    steps: [...approved, [125, waitFor('It waits for the end of its quiet hours, 2026-01-02 06:00 UTC.')]],
  },
  frozen: {
    steps: [
      ...approved,
      [125, waitFor('Project digits is frozen by operator since 11:40 UTC: an incident.')],
    ],
  },
  preparing: {
    steps: [...begun, [135, waitFor('Version 7 has been started and is not ready yet.')]],
    hold: { stage: 0, weight: 0, seconds: 130 },
  },
  rolling: { steps: atTen, hold: { stage: 1, weight: 10, seconds: 150 } },
  live: { steps: isLive },
  'live-first': {
    ...{ servedBefore: null, serving: null, asked: { before: null } },
    production: { gates: ['age < 14d'], approvals: { count: 0 } },
    steps: [
      [1, 'judge'],
      [2, step(0, 'Version 7 is being made ready.')],
      [900, { type: 'live', reason: 'Version 7 answers all requests.' }],
    ],
  },
  'no-longer': {
    steps: isLive,
    live: { environment: 'production', version: 8, promotion: 13, since: later(2_000) },
  },
  'going-back': {
    steps: [
      ...atTen,
      [300, { type: 'halt', reason: lost }],
      [302, waitFor('Version 6 is to serve again, and is not ready yet.')],
    ],
    hold: { stage: 1_000, weight: 0, seconds: 300 },
  },
  halted: {
    steps: [
      ...atTen,
      [300, { type: 'halt', reason: lost }],
      [310, { type: 'restored', reason: `${lost} Version 6 answers all requests again.` }],
    ],
  },
  failed: {
    steps: [
      ...atTen,
      [300, { type: 'halt', reason: lost }],
      [
        900,
        {
          type: 'failed',
          reason: `${lost} Version 6, which served before, is not ready either. Run #44 has ended.`,
        },
      ],
    ],
  },
  passed: {
    steps: [
      [1, 'judge'],
      [
        60,
        {
          ...{ type: 'pass', evidence: lived(usual).promotion.evidence ?? '' },
          reason: 'operator passed its approvals under breakglass 3: the old one answers nonsense',
        },
        operator,
      ],
    ],
  },
  expired: {
    steps: [
      ...approved.slice(0, 2),
      [86_400, { type: 'expire', reason: 'It was not approved by 2 persons in time.' }],
    ],
  },
  superseded: {
    steps: [
      [1, 'judge'],
      [400, { type: 'supersede', reason: 'A newer promotion of version 8 takes its place.' }, octocat],
    ],
  },
  rollback: {
    ...{ kind: 'rollback', servedBefore: 5, version: before, serving: candidate },
    asked: { number: 13, version: 6, before: 7, requestedBy: monalisa, reason: 'it confuses 3 and 8' },
    steps: [
      [1, 'judge'],
      [5, step(0, 'Version 6 is being made ready.')],
      [20, { type: 'live', reason: 'Version 6 answers all requests.' }],
    ],
  },
  hostile: {
    version: {
      metrics: [
        summaryOf('<!channel> *acc*', 25, 0.9),
        summaryOf('@octocat #1 `x` | y', 25, 0.5),
        summaryOf('[x](javascript:x())', 25, 1),
      ],
      directions: { '<!channel> *acc*': { better: 'higher' } },
      ...{ primaryMetric: '<!channel> *acc*', trainedBy: { ...octocat, name: '<@U1> **octocat**' } },
    },
    serving: null,
    asked: {
      requestedBy: { ...hubot, kind: 'github', id: 'hubot', name: '<!here> _hubot_' },
      ...{
        before: null,
        reason: '<!channel> @octocat ```now``` <script>alert(1)</script> [x](javascript:x())',
      },
    },
    production: { gates: ['age < 14d'], approvals: { count: 1 } },
  },
};
