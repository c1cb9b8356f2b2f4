import { Readable } from 'node:stream';
import { SignalboxError } from '../../core/errors.ts';
import { type ArtifactStore, ContentMismatch } from '../../core/ports.ts';
import { checked, placeOf } from './checked.ts';

export interface S3Options {
  bucket: string;
  /** Before all names, without slashes at its ends; may be empty. */
  prefix: string;
  /** Null: that of AWS. */
  endpoint: string | null;
  region: string;
  /** `endpoint/bucket/name` in place of `bucket.endpoint/name`. */
  pathStyle: boolean;
  /** Null: as the AWS SDK finds them (the role of the machine, a profile). */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | null;
}

/** Two parts in memory for each upload. */
const leastPartBytes = 8 * 1024 * 1024;
const partsAtOnce = 2;
/** Of one upload, as S3 has it. */
const mostParts = 10_000;

/** The size of the parts in which so many bytes are sent. */
export function partBytesFor(bytes: number): number {
  return Math.max(leastPartBytes, Math.ceil(bytes / mostParts));
}

/** Artifacts in a bucket of any S3-compatible store. An upload is completed only after all of it was compared: until then nobody finds it. */
export function s3Artifacts(options: S3Options): ArtifactStore {
  let connected: ReturnType<typeof connect> | null = null;
  const connection = () => {
    connected ??= connect(options);
    return connected;
  };
  const at = (sha256: string) => ({
    Bucket: options.bucket,
    Key: [options.prefix, placeOf(sha256)].filter(Boolean).join('/'),
  });

  return {
    async put(content, expected) {
      const place = at(expected.sha256);
      const { client, storage } = await connection();
      let mismatch: unknown = null;
      async function* watched() {
        try {
          yield* checked(content, expected);
        } catch (err) {
          mismatch = err;
          throw err;
        }
      }
      const upload = new storage.Upload({
        client,
        params: { ...place, Body: Readable.from(watched(), { objectMode: false }) },
        partSize: partBytesFor(expected.bytes),
        queueSize: partsAtOnce,
      });
      try {
        await upload.done();
      } catch (err) {
        if (mismatch instanceof ContentMismatch) throw mismatch;
        // Where the reading failed it is the sender's end.
        throw mismatch ?? unavailable(err);
      }
      return { ...expected };
    },
    async open(sha256) {
      const place = at(sha256);
      const { client, s3 } = await connection();
      try {
        const { Body, ContentLength } = await client.send(new s3.GetObjectCommand(place));
        if (!(Body instanceof Readable) || ContentLength === undefined)
          throw new Error('the store sent no content');
        return { bytes: ContentLength, content: Body };
      } catch (err) {
        if (isMissing(err)) return null;
        throw unavailable(err);
      }
    },
    async has(sha256) {
      const place = at(sha256);
      const { client, s3 } = await connection();
      try {
        await client.send(new s3.HeadObjectCommand(place));
        return true;
      } catch (err) {
        if (isMissing(err)) return false;
        throw unavailable(err);
      }
    },
    async remove(sha256) {
      const place = at(sha256);
      const { client, s3 } = await connection();
      try {
        await client.send(new s3.DeleteObjectCommand(place));
      } catch (err) {
        if (!isMissing(err)) throw unavailable(err);
      }
    },
  };
}

/** Whether the bucket is there and may be used; throws `ARTIFACTS_UNAVAILABLE`. */
export async function checkBucket(options: S3Options): Promise<void> {
  const { client, s3 } = await connect(options);
  try {
    await client.send(new s3.HeadBucketCommand({ Bucket: options.bucket }));
  } catch (err) {
    throw unavailable(err);
  } finally {
    client.destroy();
  }
}

/** Loaded by whoever uses it: it is large. */
async function connect({ endpoint, region, pathStyle, credentials }: S3Options) {
  const [s3, storage] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')]);
  const client = new s3.S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === null ? {} : { endpoint }),
    ...(credentials === null ? {} : { credentials }),
    // Other stores than that of AWS refuse the checksums that it would add by itself; content is compared by its digest anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
  });
  return { client, s3, storage };
}

function isMissing(err: unknown): boolean {
  return err instanceof Error && ['NotFound', 'NoSuchKey'].includes(err.name);
}

function unavailable(err: unknown): SignalboxError {
  const name = err instanceof Error ? err.name : 'an unknown error';
  const code = err instanceof Error && 'code' in err ? String(err.code) : name;
  const reason =
    name === 'NotFound' || name === 'NoSuchBucket'
      ? 'There is no such bucket.'
      : `The S3 store said ${code === 'Error' ? 'nothing that can be read' : code}.`;
  return new SignalboxError('ARTIFACTS_UNAVAILABLE', { reason }, { cause: err });
}
