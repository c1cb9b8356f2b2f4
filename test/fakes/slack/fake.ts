import { webApi } from './api.ts';
import { viewMethods } from './api-views.ts';
import { type Clock, wallClock } from './clock.ts';
import { deliverer } from './deliver.ts';
import { eventStream } from './events.ts';
import { type FaultShare, faultPlan } from './faults.ts';
import { fileStore } from './files.ts';
import { installs } from './installs.ts';
import { interactions } from './interactions.ts';
import { openLine } from './line.ts';
import { botMethods } from './methods.ts';
import { modals } from './modals.ts';
import { people } from './people.ts';
import { rateLimits } from './rates.ts';
import { responseUrls } from './response-url.ts';
import type { Seed } from './seed.ts';
import { slashCommands } from './slash.ts';
import { socketHub } from './sockets.ts';
import { readers } from './state-readers.ts';
import { triggerIds } from './triggers.ts';
import { viewStore } from './views.ts';
import { createWorld } from './world.ts';

interface Options {
  seed: Seed;
  /** Default: the machine's. */
  clock?: Clock;
  /** Default: nothing goes wrong. */
  faults?: FaultShare;
}

/**
 * A Slack of its own on this machine, that keeps what it is told, says no where Slack says no, and in which a test can do what people
 * do. Sources of its rules are named where they are kept.
 */
export async function startFakeSlack({ seed, clock = wallClock, faults }: Options) {
  const world = createWorld(seed, clock);
  const plan = faultPlan(faults);
  const rates = rateLimits(clock);
  const triggers = triggerIds(world);
  const views = viewStore(world);
  let url = '';
  const origin = () => url;
  const files = fileStore(world, origin);
  const urls = responseUrls(world, origin);
  const oauth = installs(world);
  const sockets = socketHub(world, origin);
  const out = deliverer(world, sockets);
  const events = eventStream(world, out);
  const methods = botMethods({ views: viewMethods(views, triggers), files });
  const api = webApi({ world, methods, rates, openConnection: sockets.open, access: oauth.access });
  const parts = { world, views, triggers, urls, out };
  const { click, shortcut, messageShortcut } = interactions(parts);
  const line = await openLine(
    { api: api.call, responseUrl: urls.post, upload: files.upload, upgrade: sockets.upgrade },
    plan,
  );
  url = line.url;

  return {
    /** What `hooks.slack.com` is to the app. */
    url,
    /** What `https://slack.com/api/` is to the app. */
    apiUrl: `${url}/api/`,
    world,
    faults: plan,
    rates,
    sockets,
    /** Whether everything goes over sockets from now on. */
    setSocketMode(on: boolean) {
      world.app.socketMode = on;
    },
    sendTo: out.sendTo,
    replay: out.replay,
    slash: slashCommands(parts),
    click,
    shortcut,
    messageShortcut,
    ...modals(parts),
    ...people({ world, views, events }),
    approve: oauth.approve,
    issueTrigger: triggers.issue,
    calls: api.calls,
    /** How often a method was called. */
    count: (method: string) => api.calls.filter(call => call.method === method).length,
    events: events.all,
    files: files.all,
    ...readers(world, views),
    async close() {
      sockets.close();
      await line.close();
    },
  };
}
