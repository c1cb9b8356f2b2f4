import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { App, Octokit, RequestError } from 'octokit';
import { handClock } from '../slack/clock.ts';
import { type FakeGitHub, startGitHub } from './fake.ts';
import type { RepoOptions } from './repo-deeds.ts';

export const secret = 'a-secret-of-the-hook';

export interface Heard {
  event: string;
  guid: string;
  headers: Record<string, string>;
  body: string;
  payload: Record<string, unknown>;
}

/** A GitHub with one repository, the real client for it, and an app that writes down what it hears. */
export async function fixture(t: TestContext, options: RepoOptions = {}) {
  const clock = handClock();
  const github = await startGitHub({ secret, clock });
  t.after(() => github.close());
  const repo = await github.repo('octo-org/digits', {
    roles: { octocat: 'write', hubot: 'admin' },
    ...options,
  });
  const heard = await listener(t);
  github.sendTo(heard.url);
  const client = clientOf(github, repo.installation);
  return { clock, github, repo, heard, client, at: { owner: 'octo-org', repo: 'digits' } };
}

/** Octokit signs by the machine's clock; the fake's own may be another. */
export function clientOf(github: FakeGitHub, installation: number) {
  const Client = Octokit.defaults({
    baseUrl: github.apiUrl,
    retry: { enabled: false },
    throttle: { enabled: false },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const found = github.world.installations.get(installation);
  return new Client(found ? { auth: github.issue(installation) } : {});
}

export function appOf(github: FakeGitHub) {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  return new App({
    appId: github.app.id,
    privateKey: github.app.privateKey,
    Octokit: Octokit.defaults({
      baseUrl: github.apiUrl,
      retry: { enabled: false },
      throttle: { enabled: false },
      log: quiet,
    }),
  });
}

export async function listener(t: TestContext) {
  const all: Heard[] = [];
  let status = 202;
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const { 'x-github-event': event = '', 'x-github-delivery': guid = '' } = headers;
    all.push({ event, guid, headers, body, payload: JSON.parse(body) });
    response.writeHead(status).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/github`,
    all,
    /** `event.action` of each, in the order they came. */
    names: () => all.map(({ event, payload: { action } }) => (action ? `${event}.${action}` : event)),
    clear() {
      all.length = 0;
    },
    answer(code: number) {
      status = code;
    },
  };
}

/** What GitHub said no with. */
export async function refusal(asked: Promise<unknown>): Promise<RequestError> {
  const error = await asked.then(
    () => null,
    thrown => thrown,
  );
  if (error instanceof RequestError) return error;
  throw error ?? new Error('It was not refused.');
}
