import { createHmac, randomUUID } from 'node:crypto';
import { usualEvents } from './shapes/user.ts';
import { iso, type Json, type World } from './world.ts';

export interface Event {
  event: string;
  action: string | null;
  installation: number | null;
  repository: number | null;
  payload: Json;
}

/** One attempt to tell the app something. */
export interface Delivery {
  id: number;
  guid: string;
  event: string;
  action: string | null;
  installation: number | null;
  repository: number | null;
  at: number;
  redelivery: boolean;
  /** Seconds. */
  duration: number;
  status: string;
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  response: { headers: Json; body: string };
}

/** "GitHub expects a 2xx within ten seconds." */
const patienceMs = 10_000;
/** "Payloads are capped at 25 MB." */
const mostBytes = 25 * 1024 * 1024;
/** How long a delivery can be listed and asked for again. */
const keptMs = 3 * 24 * 3_600_000;

/** Always told, whatever the app asked for. */
const unasked = new Set(['installation', 'installation_repositories', 'ping', 'github_app_authorization']);

type Order = (held: readonly Delivery[]) => readonly Delivery[];

/** What the app is told, when, and what GitHub remembers of it. Nothing is told again by itself. */
export function hooks(world: World, secret: string) {
  const kept: Delivery[] = [];
  let address = '';
  let held: Delivery[] | null = null;
  let losses: { event: string; how: 'lose' | 'vanish' }[] = [];
  let copies = 1;
  let line = Promise.resolve();
  let muted = new Set<string>();
  const under = new Set<Promise<void>>();

  function made(event: Event, guid: string, body: string, redelivery: boolean): Delivery {
    return {
      id: world.id(),
      guid,
      event: event.event,
      action: event.action,
      installation: event.installation,
      repository: event.repository,
      at: world.clock.now(),
      redelivery,
      duration: 0,
      status: 'pending',
      statusCode: 0,
      headers: {
        accept: '*/*',
        'content-type': 'application/json',
        'user-agent': `GitHub-Hookshot/${guid.slice(0, 7)}`,
        'x-github-delivery': guid,
        'x-github-event': event.event,
        'x-github-hook-id': String(world.app.id),
        'x-github-hook-installation-target-id': String(world.app.id),
        'x-github-hook-installation-target-type': 'integration',
        'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      },
      body,
      response: { headers: {}, body: '' },
    };
  }

  function emit(event: Event): void {
    if (!unasked.has(event.event) && (!usualEvents.includes(event.event) || muted.has(event.event))) return;
    const body = JSON.stringify(event.payload);
    if (Buffer.byteLength(body) > mostBytes) return;
    const lost = losses.find(one => one.event === '*' || one.event === event.event);
    losses = losses.filter(one => one !== lost);
    if (lost?.how === 'vanish') return;
    const delivery = made(event, randomUUID(), body, false);
    kept.push(delivery);
    if (lost) return void Object.assign(delivery, unreached);
    if (held) return void held.push(delivery);
    inLine([delivery]);
  }

  /** One after another, so that what happened first arrives first. GitHub promises no order: see `release`. */
  function inLine(deliveries: readonly Delivery[]): void {
    const times = copies;
    line = line.then(async () => {
      for (const delivery of deliveries) for (let time = 0; time < times; time += 1) await post(delivery);
    });
    const mine = line;
    under.add(mine);
    void mine.finally(() => under.delete(mine));
  }

  async function post(delivery: Delivery): Promise<void> {
    if (address === '') return void Object.assign(delivery, unreached);
    const started = performance.now();
    const silence = AbortSignal.timeout(patienceMs);
    try {
      const answer = await fetch(address, {
        method: 'POST',
        headers: delivery.headers,
        body: delivery.body,
        redirect: 'manual',
        signal: silence,
      });
      const body = await answer.text();
      delivery.statusCode = answer.status;
      delivery.status = answer.ok ? 'OK' : answer.statusText || `Invalid HTTP Response: ${answer.status}`;
      delivery.response = { headers: Object.fromEntries(answer.headers), body };
    } catch {
      Object.assign(delivery, silence.aborted ? tooLate : unreached);
    }
    delivery.duration = Math.round((performance.now() - started) / 10) / 100;
  }

  const recent = () => kept.filter(({ at }) => at > world.clock.now() - keptMs);

  return {
    emit,
    /** All of the last three days, newest first. */
    recent: () => recent().reverse(),
    all: () => [...kept] as readonly Delivery[],
    /** The very same content under the same GUID, as somebody asked for it. */
    redeliver(id: number): Delivery | null {
      const old = recent().find(one => one.id === id);
      if (!old) return null;
      const again = made({ ...old, payload: {} }, old.guid, old.body, true);
      kept.push(again);
      inLine([again]);
      return again;
    },
    /** The very same attempt once more, as a network repeats it. */
    async repeat(delivery: Delivery): Promise<void> {
      await post(delivery);
    },
    sendTo(url: string) {
      address = url;
    },
    /** Everything waits from now on. */
    hold() {
      held ??= [];
    },
    /** What waited is told, in the order given; without one, as it happened. */
    async release(order: Order = one => one): Promise<void> {
      const waiting = held ?? [];
      held = null;
      inLine(order(waiting));
      await settled();
    },
    /** The next `times` deliveries (`*`: of any event) fail, as the list then says. */
    lose(event = '*', times = 1) {
      losses.push(...Array.from({ length: times }, () => ({ event, how: 'lose' as const })));
    },
    /** The next `times` deliveries are never made, and no list knows of them. */
    vanish(event = '*', times = 1) {
      losses.push(...Array.from({ length: times }, () => ({ event, how: 'vanish' as const })));
    },
    /** Everything arrives so often from now on, under one GUID. */
    repeatAll(times: number) {
      copies = times;
    },
    /** The app did not ask for these events. */
    unsubscribe(...events: string[]) {
      muted = new Set(events);
    },
    settled,
  };

  async function settled(): Promise<void> {
    while (under.size > 0) await Promise.all(under);
  }
}

const unreached = { status: 'failed to connect to host', statusCode: 502 };
const tooLate = { status: 'timed out', statusCode: 504 };

export function deliveryItem(delivery: Delivery): Json {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: iso(delivery.at),
    redelivery: delivery.redelivery,
    duration: delivery.duration,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installation,
    repository_id: delivery.repository,
    throttled_at: null,
  };
}
