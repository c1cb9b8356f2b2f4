import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const schema = z.array(z.object({ name: z.string(), examples: z.array(z.record(z.string(), z.unknown())) }));

/** Payloads that GitHub sent, by the names of their events. */
export function githubExamples(): z.infer<typeof schema> {
  const file = fileURLToPath(import.meta.resolve('@octokit/webhooks-examples'));
  return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
}
