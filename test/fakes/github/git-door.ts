import type { IncomingMessage, ServerResponse } from 'node:http';
import { refMoved } from './acts/push.ts';
import { allows, sees } from './auth.ts';
import { Refusal } from './error.ts';
import { branches } from './git.ts';
import { gitBackend } from './git-http.ts';
import type { Services } from './route.ts';
import { fullName, type Repo, repoNamed } from './world.ts';

const paths = /^\/([^/]+)\/([^/]+?)(?:\.git)?(\/(?:info\/refs|git-upload-pack|git-receive-pack))$/;

/** Git over HTTP, with a token of the app as the password. Whether the request was for it. */
export function gitDoor(services: Services) {
  const { world, auth } = services;

  function enter(repo: Repo, writes: boolean, header: string): void {
    const password = passwordOf(header);
    if (password === null) {
      if (!repo.private && !writes) return;
      throw new Refusal(401, 'Repository not found.', {}, { 'www-authenticate': 'Basic realm="GitHub"' });
    }
    const token = auth.live(password);
    if (!sees(token, repo)) {
      if (!repo.private && !writes) return;
      throw new Refusal(404, 'Repository not found.');
    }
    const { installation, permissions } = token;
    const level = writes ? 'write' : 'read';
    if (!allows(permissions, 'contents', level) || !allows(installation.permissions, 'contents', level))
      throw new Refusal(403, 'Write access to repository not granted.');
  }

  return async (url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, owner = '', name = '', rest = ''] = paths.exec(url.pathname) ?? [];
    const repo = repoNamed(world, owner, name);
    const moved = world.repos.get(world.moved.get(`${owner}/${name}`.toLowerCase()) ?? 0);
    const writes = rest.endsWith('receive-pack') || url.searchParams.get('service') === 'git-receive-pack';
    try {
      const found = repo ?? moved;
      if (!found) throw new Refusal(404, 'Repository not found.');
      enter(found, writes, request.headers.authorization ?? '');
      if (!repo) {
        const location = `${world.origin()}/${fullName(found)}.git${rest}${url.search}`;
        throw new Refusal(301, 'Moved Permanently', {}, { location });
      }
      const before = writes ? await branches(repo.dir) : null;
      await gitBackend(repo, rest, url.search.slice(1), request, response);
      if (before) await tellMoves(repo, before, await branches(repo.dir));
      response.end();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const status = error.message === 'Bad credentials' ? 401 : error.status;
      response.writeHead(status, { 'content-type': 'text/plain', ...error.headers }).end(error.message);
    }
  };

  async function tellMoves(repo: Repo, before: Map<string, string>, after: Map<string, string>) {
    for (const ref of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(ref) ?? null, after.get(ref) ?? null];
      if (was !== is) await refMoved(services, repo, world.bot, ref, was, is);
    }
  }
}

export const isGit = (url: URL) => paths.test(url.pathname);

function passwordOf(header: string): string | null {
  const [, encoded] = /^Basic (.+)$/i.exec(header) ?? [];
  if (encoded === undefined) return null;
  return Buffer.from(encoded, 'base64')
    .toString()
    .replace(/^[^:]*:/, '');
}
