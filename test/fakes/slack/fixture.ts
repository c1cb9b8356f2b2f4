import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { RawRequest } from '../../../src/core/edge.ts';
import type { Clock } from './clock.ts';
import { startFakeSlack } from './fake.ts';
import { type Seed, type SeedApp, usualScopes } from './seed.ts';

export const token = 'xoxb-bot';
export const team = 'T000000001';
export const channel = 'C000000001';
export const elsewhere = 'C000000002';
export const developer = 'U000000001';
export const operator = 'U000000002';
export const leaver = 'U000000003';
export const stranger = 'U000000009';

/** A workspace with a bot in one channel, one channel without it, a private one, an archived one, and some people. */
export function seedOf(app: Partial<SeedApp> = {}): Seed {
  const people = [developer, operator, leaver];
  return {
    app: { tokens: { 'xapp-1': ['connections:write'], 'xapp-narrow': [] }, ...app },
    workspaces: [
      {
        id: team,
        name: 'example',
        bot: { user: 'U00000BOT1', id: 'B000000001' },
        tokens: { [token]: usualScopes, 'xoxb-narrow': ['chat:write'] },
        users: [
          { id: developer, name: 'developer' },
          { id: operator, name: 'operator' },
          { id: leaver, name: 'leaver', deleted: true },
          { id: stranger, name: 'stranger', from: 'T000000009' },
        ],
        channels: [
          {
            id: channel,
            name: 'general',
            members: ['U00000BOT1', ...people, stranger],
            shared: ['T000000009'],
          },
          { id: elsewhere, name: 'elsewhere', members: people },
          { id: 'C000000003', name: 'secret', kind: 'private', members: people },
          { id: 'C000000004', name: 'old', members: ['U00000BOT1', ...people], archived: true },
        ],
        groups: [{ id: 'S000000001', handle: 'trainers', users: [developer] }],
      },
      {
        id: 'T000000002',
        enterprise: { id: 'E000000001', name: 'grid' },
        orgInstall: true,
        bot: { user: 'U00000BOT2', id: 'B000000002' },
        tokens: { 'xoxb-org': usualScopes },
        users: [{ id: 'U000000021' }],
        channels: [{ id: 'C000000021', members: ['U00000BOT2', 'U000000021'] }],
      },
      {
        id: 'T000000003',
        enterprise: { id: 'E000000001', name: 'grid' },
        orgInstall: true,
        bot: { user: 'U00000BOT3', id: 'B000000003' },
        users: [{ id: 'U000000031' }],
        channels: [{ id: 'C000000031', members: ['U00000BOT3', 'U000000031'] }],
      },
    ],
  };
}

export type FakeSlack = Awaited<ReturnType<typeof startFakeSlack>>;

/** Without limits of rate, which have tests of their own. */
export async function openFake(app: Partial<SeedApp> = {}, clock?: Clock): Promise<FakeSlack> {
  const fake = await startFakeSlack({ seed: seedOf(app), ...(clock && { clock }) });
  fake.rates.turn('off');
  return fake;
}

export type Said = { ok: boolean; error?: string } & Record<string, unknown>;

/** A call as JSON, with the usual token. */
export async function ask(fake: FakeSlack, method: string, args: object = {}, by = token): Promise<Said> {
  const answer = await fetch(`${fake.apiUrl}${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${by}`, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(args),
  });
  return (await answer.json()) as Said;
}

export interface AppAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** An app that answers what the test says, or nothing at all with `silent`. */
export async function openApp(first: AppAnswer | 'silent' = {}) {
  const requests: (RawRequest & { text: string })[] = [];
  let answer = first;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    requests.push({ headers: request.headers, body, receivedAt: new Date(), text: body.toString() });
    if (answer === 'silent') return;
    const { status = 200, headers = {}, body: said } = answer;
    const isText = said === undefined || typeof said === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
    response.end(isText ? said : JSON.stringify(said));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`,
    requests,
    answer(next: AppAnswer | 'silent') {
      answer = next;
    },
    /** The last payload of an interaction. */
    payload(): Record<string, unknown> {
      return JSON.parse(new URLSearchParams(requests.at(-1)?.text).get('payload') ?? '{}');
    },
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

export const markup = (text: string) => ({ type: 'mrkdwn', text });
export const words = (text: string) => ({ type: 'plain_text', text });
export const section = (text: string) => ({ type: 'section', text: markup(text) });

/** A small modal with a field, and more where it is given. */
export function modal(more: Record<string, unknown> = {}): Record<string, unknown> {
  const element = { type: 'plain_text_input', action_id: 'name' };
  return {
    type: 'modal',
    title: words('Train'),
    submit: words('Start'),
    blocks: [{ type: 'input', block_id: 'project', label: words('Project'), element }],
    ...more,
  };
}
