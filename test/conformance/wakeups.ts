import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { QueueConnection } from '../../src/adapters/bullmq/connection.ts';
import { createWakeWorker } from '../../src/adapters/bullmq/wake-worker.ts';
import { createWakeups } from '../../src/adapters/bullmq/wakeups.ts';
import type { Log, WakeSubject } from '../../src/core/ports.ts';

/** A server that wake-ups can go through. */
export interface WakeServer {
  /** The server, under a namespace that nobody used before. */
  connection(): Promise<QueueConnection>;
  away(): Promise<void>;
  back(): Promise<void>;
  /** Throws away all that it holds; absent where no operator would. */
  flush?(): Promise<void>;
  close(): Promise<void>;
}

/** What everything that carries wake-ups must do. Order is not promised, and a wake-up may come twice. */
export function wakeupsConformance(
  name: string,
  options: { skip: string | false; start: () => Promise<WakeServer> },
): void {
  describe(`wake-ups over ${name}`, { skip: options.skip }, () => {
    let server: WakeServer;
    before(async () => {
      server = await options.start();
    });
    after(() => server.close());

    /** One row: everything that it opens is closed at its end. */
    function row(title: string, body: (house: House, t: TestContext) => Promise<void>): void {
      test(title, { timeout: 60_000 }, async t => {
        const house = await openHouse(server);
        t.after(house.close);
        await body(house, t);
      });
    }

    row('each subject is handled', async house => {
      const { handled } = house.worker();
      const subjects: WakeSubject[] = [
        'plan',
        'surface:1',
        'surface:2',
        'surface:0b9d6c2e-0000-4000-8000-000000000000',
      ];
      house.wakeups().wake(subjects);
      for (const subject of subjects) await handled.reaches(subject, 1);
      assert.deepEqual([...handled.subjects()].sort(), [...subjects].sort());
    });

    row('two thousand subjects in one call are all handled', async house => {
      const { handled } = house.worker();
      const subjects = Array.from({ length: 2_000 }, (_, i): WakeSubject => `surface:${i}`);
      house.wakeups().wake(subjects);
      for (const subject of subjects) await handled.reaches(subject, 1);
    });

    row('what was woken before there was a worker is handled', async house => {
      await house.woken(['plan', 'surface:1']);
      const { handled } = house.worker();
      await handled.reaches('plan', 1);
      await handled.reaches('surface:1', 1);
    });

    row('a thousand wake-ups of one subject become one while nobody works', async house => {
      const wakeups = house.wakeups();
      for (let i = 0; i < 1_000; i++) {
        wakeups.wake(['plan']);
        if (i % 50 === 0) await sleep(1);
      }
      await wakeups.close();
      const { handled } = house.worker();
      await handled.reaches('plan', 1);
      await house.settled(handled);
      assert.equal(handled.count('plan'), 1);
    });

    row('one that comes while the subject is being handled is handled afterwards, once', async house => {
      const gate = makeGate();
      const { handled } = house.worker(async subject => {
        if (subject === 'plan') await gate.passes;
      });
      house.wakeups().wake(['plan']);
      await handled.reaches('plan', 1);
      await house.woken(['plan', 'surface:1']);
      await house.woken(['plan']);
      await handled.reaches('surface:1', 1);
      assert.equal(handled.count('plan'), 1, 'nobody else takes it meanwhile');
      gate.open();
      await handled.reaches('plan', 2);
      await house.settled(handled);
      assert.equal(handled.count('plan'), 2);
    });

    row('one that comes after the subject was handled is handled again', async house => {
      const { handled } = house.worker();
      const wakeups = house.wakeups();
      for (let times = 1; times <= 20; times++) {
        wakeups.wake(['plan']);
        await handled.reaches('plan', times);
      }
    });

    row('two workers never handle one subject at the same time', async house => {
      const subjects: WakeSubject[] = ['plan', 'surface:1', 'surface:2'];
      const busy = new Map<WakeSubject, number>();
      let most = 0;
      const handle = async (subject: WakeSubject) => {
        const now = (busy.get(subject) ?? 0) + 1;
        busy.set(subject, now);
        most = Math.max(most, now);
        await sleep(3);
        busy.set(subject, now - 1);
      };
      const one = house.worker(handle).handled;
      const two = house.worker(handle).handled;
      const wakeups = house.wakeups();
      while (one.total() < 30 || two.total() < 30) {
        wakeups.wake(subjects);
        await sleep(1);
      }
      assert.equal(most, 1);
    });

    row('a handler that throws is logged, and its subject can be woken again', async house => {
      let first = true;
      const { handled } = house.worker(async () => {
        if (!first) return;
        first = false;
        throw new Error('on purpose');
      });
      house.wakeups().wake(['surface:1']);
      await handled.reaches('surface:1', 1);
      await house.settled(handled);
      assert.equal(handled.count('surface:1'), 1, 'it is not tried again by itself');
      house.wakeups().wake(['surface:1']);
      await handled.reaches('surface:1', 2);
      assert.deepEqual(house.log.at('error'), ['a wake-up failed, the sweep tries again']);
    });

    row('closing waits for what is being handled and takes nothing more', async house => {
      const gate = makeGate();
      const order: string[] = [];
      const { handled, worker } = house.worker(async () => {
        await gate.passes;
        order.push('handled');
      });
      house.wakeups().wake(['plan']);
      await handled.reaches('plan', 1);
      const closing = worker.close().then(() => order.push('closed'));
      await house.woken(['surface:1']);
      gate.open();
      await closing;
      assert.deepEqual(order, ['handled', 'closed']);
      assert.equal(handled.count('surface:1'), 0);
    });

    row('closing waits no longer than its limit', async house => {
      const gate = makeGate();
      const { handled, worker } = house.worker(() => gate.passes, { closeWithinMs: 1 });
      house.wakeups().wake(['plan']);
      await handled.reaches('plan', 1);
      await worker.close();
      gate.open();
    });

    row(
      'the subject of a killed worker is handled by another, that of a living one is not',
      async (house, t) => {
        const program = fileURLToPath(new URL('./wakeups-stuck-worker.ts', import.meta.url));
        const child = spawn(process.execPath, [program, JSON.stringify(house.connection)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        house.also(() => end(child));
        house.wakeups().wake(['surface:7']);
        if (child.stdout === null) throw new Error('no output');
        const [line] = await once(createInterface(child.stdout), 'line');
        assert.equal(line, 'surface:7');
        const gate = makeGate();
        house.also(async () => gate.open());
        const { handled } = house.worker(async subject => {
          if (subject === 'plan') await gate.passes;
        });
        house.wakeups().wake(['plan']);
        await handled.reaches('plan', 1);
        await house.settled(handled);
        assert.equal(handled.count('surface:7'), 0);
        const killed = performance.now();
        await end(child);
        await handled.reaches('surface:7', 1);
        t.diagnostic(`taken over after ${((performance.now() - killed) / 1_000).toFixed(1)} s`);
        await house.settled(handled);
        assert.equal(
          handled.count('plan'),
          1,
          'its lock was taken before the killed one and would be over too',
        );
      },
    );

    row('a server that goes away and comes back', async house => {
      const { handled } = house.worker();
      const wakeups = house.wakeups();
      wakeups.wake(['plan']);
      await handled.reaches('plan', 1);
      await server.away();
      for (let i = 0; i < 1_000; i++) wakeups.wake([`surface:${i}`]);
      await house.log.until('warn', 'wake-ups were dropped, the sweep makes up for them');
      await server.back();
      await repeatedly(() => wakeups.wake(['surface:a']), handled.reaches('surface:a', 1));
    });

    row('a server that is away at the start', async house => {
      await server.away();
      const { handled } = house.worker();
      const wakeups = house.wakeups();
      wakeups.wake(['plan']);
      await house.log.until('warn', 'the queue for wake-ups has trouble');
      await house.log.until('warn', 'a queue has trouble');
      await server.back();
      await handled.reaches('plan', 1);
      assert.equal(house.log.at('warn').length, 2, 'once each, however often it is tried');
    });

    row('a server that is away at the end', async house => {
      const { handled, worker } = house.worker();
      const wakeups = house.wakeups();
      wakeups.wake(['plan']);
      await handled.reaches('plan', 1);
      await server.away();
      await Promise.all([wakeups.close(), worker.close()]);
      await server.back();
    });

    row('a flushed server: what comes later is handled', async (house, t) => {
      if (server.flush === undefined) return t.skip('there is no flush');
      const gate = makeGate();
      const { handled } = house.worker(async subject => {
        if (subject === 'plan') await gate.passes;
      });
      const wakeups = house.wakeups();
      wakeups.wake(['plan', 'surface:1']);
      await handled.reaches('plan', 1);
      await handled.reaches('surface:1', 1);
      await server.flush();
      gate.open();
      await repeatedly(() => wakeups.wake(['plan', 'surface:1']), handled.reaches('plan', 2));
      await handled.reaches('surface:1', 2);
    });
  });
}

type House = Awaited<ReturnType<typeof openHouse>>;

/** Workers and producers on one namespace of the server, and what they handled and logged. */
async function openHouse(server: WakeServer) {
  const connection = await server.connection();
  const log = recordingLog();
  const closes: (() => Promise<void>)[] = [];
  let marks = 0;

  const house = {
    connection,
    log,
    also: (close: () => Promise<void>) => {
      closes.push(close);
    },
    wakeups: () => {
      const wakeups = createWakeups(connection, { log });
      closes.push(wakeups.close);
      return wakeups;
    },
    worker: (
      handle: (subject: WakeSubject) => Promise<void> = async () => undefined,
      more: { closeWithinMs?: number } = {},
    ) => {
      const handled = tally<WakeSubject>();
      const counted = (subject: WakeSubject) => {
        handled.add(subject);
        return handle(subject);
      };
      const worker = createWakeWorker(connection, counted, { log, ...more });
      closes.push(worker.close);
      return { worker, handled };
    },
    /** Ends when the subjects are at the server. */
    woken: async (subjects: WakeSubject[]) => {
      const wakeups = createWakeups(connection, { log });
      wakeups.wake(subjects);
      await wakeups.close();
    },
    /** Ends when another subject went all the way, several times: what was to come before it came. */
    settled: async (handled: ReturnType<typeof tally<WakeSubject>>) => {
      for (let i = 0; i < 20; i++) {
        const mark: WakeSubject = `surface:settled-${++marks}`;
        await house.woken([mark]);
        await handled.reaches(mark, 1);
      }
    },
    close: async () => {
      for (const close of closes.reverse()) await close();
    },
  };
  return house;
}

/** Counts, and tells when a count is reached. */
function tally<T>() {
  const counts = new Map<T, number>();
  const waiting = new Set<{ key: T; count: number; resolve: () => void }>();
  const count = (key: T) => counts.get(key) ?? 0;
  return {
    count,
    subjects: () => counts.keys(),
    total: () => [...counts.values()].reduce((sum, one) => sum + one, 0),
    add: (key: T) => {
      counts.set(key, count(key) + 1);
      for (const waiter of waiting) {
        if (count(waiter.key) < waiter.count) continue;
        waiting.delete(waiter);
        waiter.resolve();
      }
    },
    reaches: (key: T, wanted: number): Promise<void> =>
      count(key) >= wanted
        ? Promise.resolve()
        : new Promise(resolve => {
            waiting.add({ key, count: wanted, resolve });
          }),
  };
}

/** A log that can be read, and waited for. */
export function recordingLog() {
  const lines: { level: keyof Log; message: string; fields: Record<string, unknown> }[] = [];
  const seen = tally<string>();
  const at = (level: keyof Log) => (fields: Record<string, unknown>, message: string) => {
    lines.push({ level, message, fields });
    seen.add(`${level} ${message}`);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    lines,
    at: (level: keyof Log) => lines.filter(line => line.level === level).map(line => line.message),
    until: (level: keyof Log, message: string) => seen.reaches(`${level} ${message}`, 1),
  };
}

function makeGate(): { passes: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passes: promise, open: resolve };
}

/** A wake-up that is sent while the connection comes back may be lost, so it is sent until it arrives. */
async function repeatedly(wake: () => void, arrived: Promise<void>): Promise<void> {
  const timer = setInterval(wake, 50);
  try {
    await arrived;
  } finally {
    clearInterval(timer);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
