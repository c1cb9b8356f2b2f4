import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openHouse } from './house.ts';
import type { Environment } from './process.ts';
import { until } from './until.ts';

const digits = join(import.meta.dirname, '../../examples/digits');

/** The first image of the data, whatever it shows. */
const image = gunzipSync(readFileSync(join(digits, 'data/digits.csv.gz')))
  .toString()
  .split('\n', 1)[0]
  ?.split(',')
  .slice(0, 64)
  .map(Number);

/** `good`: a model that was trained; `broken`: one that fails with every image; `dead`: one that cannot even be loaded. */
const make = `cd "$(dirname "$0")"
case "$SIGNALBOX_PARAM_KIND" in
  good) exec python3 train.py --epochs 1 --hidden 0 --seed "$SIGNALBOX_PARAM_SEED" ;;
  broken) echo '{"format": "signalbox-digits", "format_version": 1, "layers": [{"weights": [["x"]], "biases": [0]}]}' ;;
  dead) echo nothing ;;
esac > "$SIGNALBOX_OUTPUT_DIR/model.json"
`;

export interface PromotionJson {
  number: number;
  version: number;
  state: string;
  said: string;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(address)));
    });
  });
}

/** A service with a model of digits, two targets and nobody who has to approve anything. */
export async function openServingHouse({
  rollout,
  environment = {},
  more = {},
  targets = '',
  models = '',
}: {
  rollout: string;
  environment?: Environment;
  /** Further keys, as lines of flow mappings: of the project, of its live target, and of the model. */
  more?: {
    project?: string;
    target?: string;
    model?: string;
    serve?: string;
    files?: Record<string, string>;
  };
  /** Lines of signalbox.yml, beside what is here anyway. */
  targets?: string;
  models?: string;
}) {
  const [port, stuckPort] = [await freePort(), await freePort()];
  const files = Object.fromEntries(
    readdirSync(digits)
      .filter(name => name.endsWith('.py'))
      .map(name => [name, readFileSync(join(digits, name), 'utf8')]),
  );
  const policy = `
teams: { research: {} }
pools: { here: { slots: 8, accelerators: none } }
projects:
  digits:
    team: research
    source: repository
    grace: 2s
    command: [sh, make.sh]
    outputs: [model.json]
    ${more.project ?? ''}
    parameters:
      kind: { type: choice, default: good, choices: [good, broken, dead] }
      seed: { type: integer, default: 1 }
targets:
  live: { kind: process, pool: here, command: ${more.serve ?? '[python3, serve.py]'}, port: ${port}, ready: /healthz, readyWithin: 20s${more.target ?? ''} }
  stuck: { kind: process, pool: here, command: [python3, serve.py], port: ${stuckPort}, ready: /never, readyWithin: 2s }
${targets}models:
  digits:
    project: digits
    output: model.json
    ${more.model ?? ''}
    environments:
      production: { target: live, approvals: { count: 0 }, rollout: ${rollout} }
  never:
    project: digits
    output: model.json
    environments:
      production: { target: stuck, approvals: { count: 0 } }
${models}`;
  // The data are no text; they lie in the folder before its first commit.
  const house = await openHouse(environment, {
    files: { ...files, 'make.sh': make, ...more.files },
    policy,
    prepare: folder => {
      cpSync(join(digits, 'data'), join(folder, 'data'), {
        recursive: true,
        filter: path => statSync(path).isDirectory() || path.endsWith('.gz'),
      });
    },
  });
  const url = `http://127.0.0.1:${port}`;

  async function said(words: string): Promise<Record<string, unknown>> {
    const { status, body } = await house.command(words);
    if (status >= 300) throw new Error(JSON.stringify(body));
    return body;
  }
  async function promotions(): Promise<PromotionJson[]> {
    return await house.query<PromotionJson>(
      'select number::int, version, state, said from promotions order by number',
    );
  }
  async function newest(): Promise<PromotionJson> {
    const found = (await promotions()).at(-1);
    if (!found) throw new Error('there is no promotion');
    return found;
  }

  return {
    ...house,
    url,
    /** Trains one, and answers the version that came of it. */
    async version(kind: 'good' | 'broken' | 'dead', seed: number, model = 'digits'): Promise<number> {
      const { number } = await house.request({ project: 'digits', parameters: { kind, seed } });
      const run = await house.reaches(number, 'succeeded', 'failed');
      if (run.state !== 'succeeded') throw new Error(JSON.stringify(run.failure));
      return await until(`a version of ${model} from #${number}`, async () => {
        const rows = await house.query<{ number: number }>(
          `select number from model_versions where run = ${number} and model = '${model}'`,
        );
        return rows[0]?.number;
      });
    },
    said,
    newest,
    async promote(version: number, model = 'digits'): Promise<number> {
      await said(`model promote ${model} ${version}`);
      return (await newest()).number;
    },
    comes: (number: number, ...states: string[]) =>
      until(
        `P${number} to be ${states.join(' or ')}`,
        async () => {
          const one = (await promotions()).find(each => each.number === number);
          return one && states.includes(one.state) && one;
        },
        60,
      ),
    weights: async () =>
      Object.fromEntries(
        (
          await house.query<{ version: number; weight: number }>(
            "select version, weight from serving where model = 'digits' order by version",
          )
        ).map(row => [row.version, row.weight]),
      ),
    /** One image at the target: who answered, and how. */
    async ask(): Promise<{ status: number; version: number | null }> {
      try {
        const answer = await fetch(`${url}/predict`, { method: 'POST', body: JSON.stringify(image) });
        await answer.text();
        const version = answer.headers.get('x-signalbox-version');
        return { status: answer.status, version: version === null ? null : Number(version) };
      } catch {
        return { status: 0, version: null };
      }
    },
    async close() {
      // What serves outlives a service, and would outlive the test.
      await house.query('delete from serving_holds');
      await until('all that serves to end', async () => {
        const left = await house.query(
          "select 1 from runs where kind = 'serve' and state not in ('succeeded', 'failed', 'cancelled', 'timed-out')",
        );
        return left.length === 0;
      });
      await house.close();
    },
  };
}

export type ServingHouse = Awaited<ReturnType<typeof openServingHouse>>;

/** Asks again and again, one after the other, until it is stopped. */
export function traffic(house: Pick<ServingHouse, 'ask'>) {
  const answers: { status: number; version: number | null; at: number }[] = [];
  let going = true;
  const done = (async () => {
    while (going) answers.push({ ...(await house.ask()), at: Date.now() });
  })();
  return {
    answers,
    async stop() {
      going = false;
      await done;
      return answers;
    },
  };
}
