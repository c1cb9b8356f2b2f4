import { z } from 'zod';

/** A message that people may see; it names no address. */
class PrometheusError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PrometheusError';
  }
}

const timeoutMs = 10_000;
const mostBytes = 1024 * 1024;

/** Time and value; the value as text, which may be `NaN`, `+Inf` or `-Inf`. */
const sampleSchema = z.tuple([z.number(), z.string()]);

/** https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
const answerSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('scalar'), result: sampleSchema }),
      z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: sampleSchema })) }),
      z.object({ resultType: z.literal('matrix') }),
      z.object({ resultType: z.literal('string') }),
    ]),
  }),
  z.object({ status: z.literal('error'), error: z.string() }),
]);

/** Instant queries that give one number. Throws PrometheusError. */
export function prometheusMetrics({ url, token }: { url: string; token: string | null }) {
  return {
    /** Null: there is no such series now. */
    async query(text: string): Promise<number | null> {
      const answer = answerSchema.safeParse(await send(`${url}/api/v1/query`, text, token));
      if (!answer.success) throw new PrometheusError('its answer cannot be read');
      if (answer.data.status === 'error')
        throw new PrometheusError(`it refused the query: ${answer.data.error.slice(0, 300)}`);
      const { data } = answer.data;
      if (data.resultType === 'scalar') return numberOf(data.result[1]);
      if (data.resultType !== 'vector') throw new PrometheusError('the query gives no number');
      const [first, second] = data.result;
      if (second)
        throw new PrometheusError(`the query gives ${data.result.length} numbers, and must give one`);
      return first ? numberOf(first.value[1]) : null;
    },
  };
}

async function send(url: string, query: string, token: string | null): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: new URLSearchParams({ query, timeout: `${timeoutMs / 1_000}s` }),
      // The token goes where it was meant to.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await readText(answer);
    return JSON.parse(text);
  } catch (err) {
    if (err instanceof PrometheusError) throw err;
    const why = err instanceof SyntaxError ? 'its answer is no JSON' : 'it does not answer';
    throw new PrometheusError(why, { cause: err });
  }
}

async function readText(answer: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body ?? []) {
    length += piece.length;
    if (length > mostBytes) throw new PrometheusError('its answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  const value = Number(text);
  return text.trim() === '' ? Number.NaN : value;
}
