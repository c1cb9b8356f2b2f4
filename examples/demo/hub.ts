import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGitHub } from '../../test/fakes/github/fake.ts';
import { wallClock } from '../../test/fakes/slack/clock.ts';

const secret = 'the-webhook-secret-of-the-demo';
const folder = join(import.meta.dirname, '../digits');

/** The file by which the repository says what a merge trains. */
export const repositoryFile = (lr: number) =>
  `rules:\n  main: { project: digits, on: { merge: { branches: [main] } }, parameters: { lr: ${lr} } }\n`;

/** An emulated GitHub with the GitHub App of Signalbox, and real Git repositories. */
export async function startHub() {
  // People look at a pull request for a while before they say something; nobody wants to wait for that here.
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const github = await startGitHub({ secret, clock: { ...wallClock, now } });
  let made: ReturnType<typeof github.repo> | undefined;
  return {
    /** What Signalbox is to be told of it. */
    environment: {
      GITHUB_APP_ID: String(github.app.id),
      GITHUB_PRIVATE_KEY: github.app.privateKey,
      GITHUB_WEBHOOK_SECRET: secret,
      GITHUB_API_URL: github.apiUrl,
      GITHUB_URL: github.url,
    },
    url: github.url,
    /** Tells Signalbox what happens from now on. */
    tell: (signalbox: string) => github.sendTo(`${signalbox}/webhooks/github`),
    /** `octo-org/digits` with `examples/digits` in it, in which octocat may write. */
    repository() {
      made ??= github.repo('octo-org/digits', { roles: { octocat: 'write' }, files: filesOf(folder) });
      return made;
    },
    /** A minute and a half later, as GitHub has it. */
    later() {
      aheadMs += 90_000;
    },
    close: github.stop,
  };
}

export type Hub = Awaited<ReturnType<typeof startHub>>;

function filesOf(dir: string): Record<string, Uint8Array> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(one => one.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(dir.length + 1), readFileSync(path)];
    }),
  );
}
