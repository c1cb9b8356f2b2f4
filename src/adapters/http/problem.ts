import { z } from 'zod';
import { type ErrorCode, errors, type Fault, fault, SignalboxError } from '../../core/errors.ts';

const codes = Object.keys(errors) as ErrorCode[];

/** An error as `application/problem+json` (RFC 9457): `title` is what happened, `detail` why, `todo` what to do about it. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(codes),
  todo: z.string(),
  example: z.string().optional().describe('The command that `todo` shows.'),
});

export const problemType = 'application/problem+json';

/** The wire form of a fault. */
export function problem(f: Fault): z.infer<typeof problemSchema> {
  return {
    type: `urn:signalbox:error:${f.code}`,
    title: f.what,
    status: f.status,
    detail: f.why,
    code: f.code,
    todo: f.todo,
    ...(f.example === undefined ? {} : { example: f.example }),
  };
}

/** Headers that go with a fault: what was refused for a while may be tried again, and where a token belongs is said. */
export function problemHeaders(f: Fault): Record<string, string> {
  if (f.status === 503) return { 'retry-after': f.code === 'BUSY' ? '2' : '5' };
  if (f.status === 401) return { 'www-authenticate': 'Bearer' };
  return {};
}

/** What somebody may see of anything that was thrown; null when it was not foreseen and belongs into the log. */
export function faultOf(err: unknown, bodyLimit = 0): Fault | null {
  if (err instanceof SignalboxError) return err.fault;
  if (!(err instanceof Error) || !('statusCode' in err) || typeof err.statusCode !== 'number') return null;
  if (err.statusCode === 413) return fault('BODY_TOO_LARGE', { limit: bodyLimit });
  if (err.statusCode === 415) return fault('BODY_ENCODING');
  if (err.statusCode < 400 || err.statusCode >= 500) return null;
  return fault('BODY_INVALID', { word: 'it is not JSON', reason: oneLine(err.message) });
}

/** Reads `value` with a schema, or throws BODY_INVALID with the first field that does not fit. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where =
    issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
  throw new SignalboxError('BODY_INVALID', {
    word: where.map(String).join('.') || 'its content',
    reason: oneLine(issue?.message ?? 'It has another shape.'),
  });
}

/** Messages of libraries repeat what was sent. */
function oneLine(message: string): string {
  const clean = message.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u00b7').slice(0, 200);
  return /[.?!]$/.test(clean) ? clean : `${clean}.`;
}
