import type { PolicyProblem } from '../check-policy.ts';
import { betterOf } from '../metric-direction.ts';
import type { Project } from '../project.ts';
import { directedIn } from './judge-alert.ts';
import { readAlert } from './read-alert.ts';

/**
 * What is wrong with the rules of a project. `path`: of their list, or of what lets them have no meaning. `isWhole`: all that is said of its metrics
 * is known, so that a rule can be held to it.
 */
export function* alertProblems(
  { alerts, primaryMetric, metrics }: Pick<Project, 'alerts' | 'primaryMetric' | 'metrics'>,
  path: readonly PropertyKey[],
  isWhole = true,
): Generator<PolicyProblem, void> {
  for (const [i, { when }] of alerts.entries()) {
    const at = path.at(-1) === 'alerts' ? [...path, i, 'when'] : path;
    const read = readAlert(when);
    if (!read.ok) {
      const allowed = read.meant === undefined ? {} : { allowed: [read.meant] };
      yield { path: at, word: when, reason: read.reason, within: read.at, ...allowed };
      continue;
    }
    if (!isWhole) continue;
    const { alert } = read;
    if (alert.kind === 'no-improvement' && alert.metric === null && primaryMetric === undefined)
      yield {
        ...{ path: at, word: when },
        reason: 'The project has no `primaryMetric`: name one, or say `no improvement of METRIC`.',
      };
    const vague = directedIn(alert, primaryMetric ?? null).find(
      name => betterOf(name, metrics ?? {}) === null,
    );
    if (vague !== undefined)
      yield {
        ...{ path: at, word: when },
        reason: `Nobody knows which way ${vague} gets better: say it under \`metrics\`.`,
      };
  }
}
