import { randomUUID } from 'node:crypto';
import { installationShape } from './routes/app.ts';
import { appShape, userShape, usualPermissions } from './shapes/user.ts';
import type { Parts } from './tell.ts';
import { fullName, type Installation, type Json, nodeId, type Repo, type User } from './world.ts';

/** Where the app is let in, and what it then is told. */
export function installs({ world, out }: Parts) {
  const few = ({ id, name, ...repo }: Repo): Json => ({
    id,
    node_id: nodeId('Repository', id),
    name,
    full_name: fullName({ id, name, ...repo }),
    private: repo.private,
  });

  function emit(event: string, action: string, installation: Installation, by: User, more: Json): void {
    const payload = {
      action,
      installation: installationShape(world, installation),
      ...more,
      sender: userShape(world, by),
    };
    out.emit({ event, action, installation: installation.id, repository: null, payload });
  }

  const reposOf = ({ repos }: Installation) =>
    [...repos].flatMap(id => {
      const repo = world.repos.get(id);
      return repo ? [few(repo)] : [];
    });

  function named(id: number): Installation {
    const found = world.installations.get(id);
    if (!found) throw new Error(`There is no installation ${id}.`);
    return found;
  }

  function install(repo: Repo): Installation {
    const { owner } = repo;
    const known = [...world.installations.values()].find(({ account }) => account === owner);
    if (known) {
      if (known.repos.has(repo.id)) return known;
      known.repos.add(repo.id);
      const more = { repositories_added: [few(repo)], repositories_removed: [] };
      const rest = { repository_selection: 'selected', requester: null };
      emit('installation_repositories', 'added', known, owner, { ...more, ...rest });
      return known;
    }
    const made: Installation = {
      id: world.id(),
      account: owner,
      repos: new Set([repo.id]),
      permissions: { ...usualPermissions },
      createdAt: world.clock.now(),
      suspendedAt: null,
    };
    world.installations.set(made.id, made);
    emit('installation', 'created', made, owner, { repositories: reposOf(made), requester: null });
    return made;
  }

  return {
    install,
    /** The app is taken out of one repository. */
    async exclude(repo: Repo) {
      for (const installation of world.installations.values()) {
        if (!installation.repos.delete(repo.id)) continue;
        const more = { repositories_added: [], repositories_removed: [few(repo)] };
        const rest = { repository_selection: 'selected', requester: null };
        emit('installation_repositories', 'removed', installation, repo.owner, { ...more, ...rest });
      }
      await out.settled();
    },
    async uninstall(id: number) {
      const gone = named(id);
      const repositories = reposOf(gone);
      world.installations.delete(id);
      emit('installation', 'deleted', gone, gone.account, { repositories, requester: null });
      await out.settled();
    },
    async suspend(id: number, on = true) {
      const found = named(id);
      const more = () => ({ repositories: reposOf(found), requester: null });
      found.suspendedAt = on ? world.clock.now() : null;
      emit('installation', on ? 'suspend' : 'unsuspend', found, found.account, more());
      await out.settled();
    },
    /** Other rights from now on, for tokens already given out as well; `null` takes one away. */
    grant(id: number, rights: Record<string, 'read' | 'write' | null>) {
      const { permissions } = named(id);
      for (const [name, right] of Object.entries(rights)) {
        if (right === null) delete permissions[name];
        else permissions[name] = right;
      }
    },
    async ping() {
      const hook = {
        type: 'App',
        id: world.app.id,
        name: 'web',
        active: true,
        events: appShape(world).events,
        config: { content_type: 'json', insecure_ssl: '0', url: 'https://signalbox.example/webhooks/github' },
        updated_at: new Date(world.app.createdAt).toISOString(),
        created_at: new Date(world.app.createdAt).toISOString(),
        app_id: world.app.id,
        deliveries_url: `${world.origin()}/api/v3/app/hook/deliveries`,
      };
      const zen = `Keep it logically awesome. ${randomUUID()}`;
      const payload = { zen, hook_id: world.app.id, hook };
      out.emit({ event: 'ping', action: null, installation: null, repository: null, payload });
      await out.settled();
    },
  };
}
