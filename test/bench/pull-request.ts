import { randomBytes, randomUUID } from 'node:crypto';
import { signGitHub } from '../../src/adapters/github/signature.ts';
import { githubExamples } from '../support/github-examples.ts';

const bodies = 64;

/** Merged pull requests as GitHub tells of them, whole: head and body, each under an id that no other has. 21 kB of body. */
export function pullRequests(secret: string, path: string): () => Buffer {
  const example = githubExamples().find(({ name }) => name === 'pull_request')?.examples[0];
  if (!example) throw new Error('there is no example of a pull_request');
  const signed = Array.from({ length: bodies }, (_, i) => signedBody(secret, example, i + 1));
  let sent = 0;
  return () => {
    const { body, signature } = signed[sent++ % bodies] ??
      signed[0] ?? { body: Buffer.alloc(0), signature: '' };
    const head = [
      `POST ${path} HTTP/1.1`,
      'Host: signalbox.example.com',
      'User-Agent: GitHub-Hookshot/044aadd',
      `Content-Length: ${body.length}`,
      'Accept: */*',
      'Content-Type: application/json',
      `X-GitHub-Delivery: ${randomUUID()}`,
      'X-GitHub-Event: pull_request',
      'X-GitHub-Hook-ID: 292430182',
      'X-GitHub-Hook-Installation-Target-ID: 79929171',
      'X-GitHub-Hook-Installation-Target-Type: integration',
      `X-Hub-Signature: sha1=${'0'.repeat(40)}`,
      `X-Hub-Signature-256: ${signature}`,
    ];
    return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
  };
}

function signedBody(secret: string, example: object, number: number): { body: Buffer; signature: string } {
  const text = JSON.stringify({ ...example, action: 'closed', number });
  const body = Buffer.from(
    text
      .replaceAll('"merged":false', '"merged":true')
      .replaceAll(/[0-9a-f]{40}/g, () => randomBytes(20).toString('hex')),
  );
  return { body, signature: signGitHub(secret, body) };
}
