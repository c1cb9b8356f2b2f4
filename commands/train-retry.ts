import { denied, mayTrainAs } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import { evaluationMeant, leaseMeant } from '../src/core/find-lease.ts';
import { findRun } from '../src/core/find-run.ts';
import { githubSource } from '../src/core/github-source.ts';
import { leaseRequestLine } from '../src/core/lease.ts';
import { isEnd } from '../src/core/run.ts';
import { repeatRun } from '../src/core/run-request.ts';
import { storeRun } from '../src/core/store-run.ts';

/** Repeats a run that has ended, as a new one: the same commit, parameters and resources, except for the parameters given. */
export const trainRetry = defineCommand({
  path: ['train', 'retry'],
  summary: 'Run something again, from the same commit.',
  access: 'trainer',
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [{ name: 'parameters', kind: 'pairs', summary: 'A parameter that changes.', short: 'p' }],
  examples: ['train retry 42', 'train retry 42 -p lr=0.03'],
  needs: ['runs', 'freezes', 'pulls'],
  async run(values, context, { runs, freezes, pulls }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { number, state, spec, priority } = found.run;
    const lease = leaseMeant(found.run, leaseRequestLine(spec));
    if (lease) return lease;
    const evaluation = evaluationMeant(found.run);
    if (evaluation) return evaluation;
    if (!isEnd(state)) {
      const example = `train cancel ${number}`;
      return { ok: false, code: 'RUN_NOT_ENDED', details: { word: number, number, state, example } };
    }
    const access = mayTrainAs(spec.project, context);
    if (!access.ok) return denied(`train retry ${number}`, access);
    const overrides = values.parameters ?? {};
    const { project, source, sha, trigger } = spec;
    const isAnew = Object.keys(overrides).length > 0 && githubSource(source) !== null;
    const there = isAnew
      ? await pulls.commit({ project, source, sha, proposed: trigger === 'pull-request' }, context.policy)
      : { ok: true as const, policy: context.policy };
    if (!there.ok) return there;
    const repeated = repeatRun(number, spec, overrides, there.policy);
    if (!repeated.ok) return repeated;
    return { ok: true, reply: await storeRun(repeated.spec, priority, context, { runs, freezes }) };
  },
});
