import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Clock, wallClock } from '../slack/clock.ts';
import { restApi } from './api.ts';
import { auth } from './auth.ts';
import { description } from './description/index.ts';
import { faultPlan } from './faults.ts';
import { gitDoor } from './git-door.ts';
import { hooks } from './hooks.ts';
import { installs } from './installs.ts';
import { rateLimits } from './limits.ts';
import { openLine } from './line.ts';
import { makeRepo, type RepoOptions, repoDeeds } from './repo-deeds.ts';
import { createWorld } from './world.ts';

let made: { publicKey: string; privateKey: string } | null = null;

/** Making a pair takes a while: one is enough for a process. */
function keys() {
  made ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return made;
}

interface Options {
  /** What deliveries are signed with. */
  secret: string;
  /** Default: the machine's. */
  clock?: Clock;
}

/**
 * A GitHub of its own on this machine, with one App: it keeps what it is told, says no where GitHub says no, has real Git repositories, and
 * a test can do in it what people do. Sources of its rules are named where they are kept.
 */
export async function startGitHub({ secret, clock = wallClock }: Options) {
  const { publicKey, privateKey } = keys();
  const folder = await mkdtemp(path.join(tmpdir(), 'github-'));
  let url = '';
  const world = createWorld(clock, folder, () => url, publicKey);
  const out = hooks(world, secret);
  const parts = { world, out };
  const limits = rateLimits(clock);
  const faults = faultPlan();
  const services = { ...parts, limits, auth: auth(world) };
  const api = restApi(services);
  const { install, exclude, ...installations } = installs(parts);
  const reach = { install, exclude };
  const line = await openLine({ api, git: gitDoor(services) }, faults);
  url = line.url;

  async function stop(): Promise<void> {
    await out.settled();
    await line.close().finally(() => rm(folder, { recursive: true, force: true }));
  }

  return {
    /** What `https://github.com` is to Git. */
    url,
    /** What `https://api.github.com` is to the app. */
    apiUrl: `${url}/api/v3`,
    app: { id: world.app.id, slug: world.app.slug, login: world.bot.login, privateKey },
    world,
    /** A repository by its full name. The first commit is pushed by its owner. */
    async repo(name: string, options: RepoOptions = {}) {
      const [login = '', short = ''] = name.split('/');
      const owner = world.user(login, options.ownerType ?? 'Organization');
      const made = await makeRepo(parts, owner, short, options);
      const deeds = repoDeeds(parts, made, reach);
      const files = options.files ?? { 'README.md': `# ${short}\n` };
      await deeds.push({ by: login, files, message: 'Begin' });
      if (options.installed ?? true) install(made);
      await out.settled();
      return deeds;
    },
    /** The address of the app to which everything is posted. */
    sendTo: out.sendTo,
    deliveries: out,
    installations,
    /** A token of an installation without the way through the app's key. */
    issue(installation: number): string {
      const found = world.installations.get(installation);
      if (!found) throw new Error(`There is no installation ${installation}.`);
      return services.auth.issue(found, {}).value;
    },
    tokens: services.auth.tokens,
    limits,
    faults,
    requests: api.requests,
    routes: api.routes,
    /** How often a route was asked. */
    count: (route: string) => api.requests.filter(one => one.route === route).length,
    /**
     * What of all that it took GitHub would not know, by GitHub's own description; null where that cannot be had. What it refused is not
     * asked about: who sent it has been told.
     */
    async strays(): Promise<string[] | null> {
      const published = await description();
      if (typeof published === 'string') return null;
      return api.requests.filter(({ status }) => status < 400).flatMap(published.request);
    },
    stop,
    /** Throws where something was asked that GitHub does not know. */
    async close() {
      await stop();
      const strays = await this.strays();
      if (strays?.length) throw new Error(`GitHub does not know this:\n${[...new Set(strays)].join('\n')}`);
    },
  };
}

export type FakeGitHub = Awaited<ReturnType<typeof startGitHub>>;
