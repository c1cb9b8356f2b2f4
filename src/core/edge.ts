/**
 * An address that takes signed messages from outside, free of any HTTP framework: `adapters/http` reads at most `limitBytes` raw bytes
 * and hands them over; what comes back is the whole answer.
 */
export interface RawEdge {
  path: string;
  limitBytes: number;
  /** For a body that comes in chunks and does not say how long it will be; `limitBytes` unless given. */
  chunkedLimitBytes?: number;
  handle(request: RawRequest): Promise<RawResponse>;
}

export interface RawRequest {
  /** Lower-case names; a header that came twice is an array. */
  headers: Record<string, string | string[] | undefined>;
  body: Uint8Array;
  receivedAt: Date;
}

export interface RawResponse {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A small page for people's browsers, or a picture, on GET. What comes back is the whole answer. */
export interface Page {
  /** With `*` at its end for whatever follows. */
  path: string;
  handle(request: PageRequest): Promise<PageResponse>;
}

export interface PageResponse extends Omit<RawResponse, 'body'> {
  body?: string | Uint8Array;
}

export interface PageRequest {
  /** What stands in the path for its parameters. */
  params: Readonly<Record<string, string | undefined>>;
  query: URLSearchParams;
  /** The `Cookie` header as it came; empty where there is none. */
  cookie: string;
}
