import type { z } from 'zod';
import { mlflowAddress, mlflowTags } from '../../core/mlflow.ts';
import { MlflowError, type MlflowPort, type MlflowRun } from '../../core/ports.ts';
import { experimentsAnswer, historyAnswer, mlflowRunOf, runAnswer, runsAnswer } from './answers.ts';
import { type MlflowClientOptions, mlflowAsk } from './ask.ts';

const experimentsPerPage = 1_000;
const mostPages = 20;

/** The part of MLflow's REST API that Signalbox uses. It tries nothing again by itself. */
export function mlflowClient(options: MlflowClientOptions): MlflowPort & { check(): Promise<void> } {
  const { trackingUri } = options;
  const ask = mlflowAsk(options);

  return {
    async find(key, most) {
      const found: MlflowRun[] = [];
      let token: string | null = null;
      for (let page = 0; page < mostPages; page++) {
        const wanted: object = {
          max_results: experimentsPerPage,
          ...(token === null ? {} : { page_token: token }),
        };
        const listed: z.infer<typeof experimentsAnswer> | null = await ask(
          experimentsAnswer,
          'experiments/search',
          { body: wanted },
        );
        const ids = listed?.experiments.map(one => one.experiment_id) ?? [];
        // Without experiments nothing is searched.
        const body = {
          experiment_ids: ids,
          filter: `tags.\`${mlflowTags.key}\` = '${key}'`,
          max_results: most,
          order_by: ['attributes.start_time ASC'],
        };
        const answer = ids.length === 0 ? null : await ask(runsAnswer, 'runs/search', { body });
        found.push(...(answer?.runs ?? []).flatMap(run => mlflowRunOf(run) ?? []));
        token = listed?.next_page_token ?? null;
        if (token === null) break;
      }
      return found.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, most);
    },
    async get(id) {
      const answer = await ask(runAnswer, 'runs/get', { query: { run_id: id } });
      return answer && mlflowRunOf(answer.run);
    },
    async history(id, name, token, most) {
      const query = {
        run_id: id,
        metric_key: name,
        max_results: String(most),
        ...(token === null ? {} : { page_token: token }),
      };
      const answer = await ask(historyAnswer, 'metrics/get-history', { query });
      if (!answer) return { points: [], next: null };
      const points = answer.metrics.map(({ value, timestamp, step }) => ({ value, timestamp, step }));
      return { points, next: answer.next_page_token };
    },
    address: run => mlflowAddress(trackingUri, run),
    async check() {
      const answer = await ask(experimentsAnswer, 'experiments/search', { body: { max_results: 1 } });
      if (!answer) throw new MlflowError('experiments/search: it knows no such thing', 'odd');
    },
  };
}
