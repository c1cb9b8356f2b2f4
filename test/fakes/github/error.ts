import type { z } from 'zod';
import type { Json } from './world.ts';

/** What GitHub answers instead: `{"message":...,"documentation_url":...}`. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  readonly more: Json;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, more: Json = {}, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.more = more;
    this.headers = headers;
  }
}

export const notFound = () => new Refusal(404, 'Not Found');
export const noAccess = () => new Refusal(403, 'Resource not accessible by integration');

/** 422 in the words of "Validation Failed": which field of what is wrong, and how. */
export function invalid(resource: string, field: string, code: string, message?: string): Refusal {
  const errors = [message === undefined ? { resource, field, code } : { resource, field, code, message }];
  return new Refusal(422, 'Validation Failed', { errors });
}

/** The body of a request, or 422 as GitHub says it about the first thing that is wrong. */
export function bodyOf<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const read = schema.safeParse(body ?? {});
  if (read.success) return read.data;
  const at = read.error.issues[0];
  const field = at?.path.join('.') ?? '';
  throw new Refusal(422, `Invalid request.\n\nFor '${field}', ${at?.message ?? 'it is wrong'}.`);
}
