import { isRecord } from './args.ts';
import { checkView } from './blocks/surfaces.ts';
import { SlackError } from './error.ts';
import { named } from './messages.ts';
import type { Workspace, World } from './world.ts';

/** A modal or a Home as it is kept: the app's own part under `given`. */
export interface View {
  id: string;
  team: string;
  user: string;
  hash: string;
  root: string;
  previous: string | null;
  given: Record<string, unknown>;
}

const mostPushed = 3;

/** All modals and Homes. The open modals of a person lie upon each other, the last on top. */
export function viewStore(world: World) {
  const views = new Map<string, View>();
  const stacks = new Map<string, string[]>();
  const homes = new Map<string, string>();
  let hashes = 0;

  const hash = () => `${Math.floor(world.clock.now() / 1000)}.${(hashes++).toString(16).padStart(8, '0')}`;
  const key = (team: string, user: string) => `${team}/${user}`;

  function prepare(
    given: unknown,
    surface: 'modal' | 'home',
    team: string,
    self?: string,
  ): Record<string, unknown> {
    const view = checkView(given, surface, world.app.charts);
    const taken = [...views.values()].some(
      other =>
        other.id !== self &&
        other.team === team &&
        view.external_id &&
        other.given.external_id === view.external_id,
    );
    if (taken) throw new SlackError('duplicate_external_id');
    const blocks = Array.isArray(view.blocks) ? view.blocks.filter(isRecord) : [];
    return { ...view, blocks: blocks.map(block => named(world, block)) };
  }

  function add(team: string, user: string, given: Record<string, unknown>, below: View | null): View {
    const id = world.id('V');
    const view = {
      id,
      team,
      user,
      hash: hash(),
      root: below?.root ?? id,
      previous: below?.id ?? null,
      given,
    };
    views.set(id, view);
    return view;
  }

  return {
    get: (id: string) => views.get(id),
    byExternalId: (team: string, id: string) =>
      [...views.values()].find(view => view.team === team && view.given.external_id === id),
    /** A person's open modals, the lowest first. */
    open: (team: string, user: string) =>
      (stacks.get(key(team, user)) ?? []).flatMap(id => views.get(id) ?? []),
    home: (team: string, user: string) => views.get(homes.get(key(team, user)) ?? ''),
    /** Opens the first modal; throws as `views.open` answers. `admit` uses up the trigger, after the view is found good. */
    openModal(team: string, given: unknown, admit: () => string): View {
      const checked = prepare(given, 'modal', team);
      const user = admit();
      for (const id of stacks.get(key(team, user)) ?? []) views.delete(id);
      const view = add(team, user, checked, null);
      stacks.set(key(team, user), [view.id]);
      return view;
    },
    pushModal(team: string, given: unknown, admit: () => string): View {
      const checked = prepare(given, 'modal', team);
      const user = admit();
      const stack = stacks.get(key(team, user)) ?? [];
      const top = views.get(stack.at(-1) ?? '');
      if (!top) throw new SlackError('not_found');
      if (stack.length >= mostPushed) throw new SlackError('push_limit_reached');
      const view = add(team, user, checked, top);
      stacks.set(key(team, user), [...stack, view.id]);
      return view;
    },
    update(view: View | undefined, given: unknown, wantedHash: string): View {
      if (!view) throw new SlackError('not_found');
      const checked = prepare(given, view.given.type === 'home' ? 'home' : 'modal', view.team, view.id);
      if (wantedHash !== '' && wantedHash !== view.hash) throw new SlackError('hash_conflict');
      Object.assign(view, { given: checked, hash: hash() });
      return view;
    },
    publish(team: string, user: string, given: unknown, wantedHash: string): View {
      const known = views.get(homes.get(key(team, user)) ?? '');
      const checked = prepare(given, 'home', team, known?.id);
      if (wantedHash !== '' && wantedHash !== (known?.hash ?? '')) throw new SlackError('hash_conflict');
      if (known) return Object.assign(known, { given: checked, hash: hash() });
      const view = add(team, user, checked, null);
      homes.set(key(team, user), view.id);
      return view;
    },
    /** Takes the view on top away, or all of them. */
    close(team: string, user: string, which: 'top' | 'all'): void {
      const stack = stacks.get(key(team, user)) ?? [];
      const gone = which === 'all' ? stack : stack.slice(-1);
      for (const id of gone) views.delete(id);
      stacks.set(key(team, user), stack.slice(0, stack.length - gone.length));
    },
  };
}

export type Views = ReturnType<typeof viewStore>;

/** A view as Slack shows it in answers and payloads. */
export function showView(
  world: World,
  workspace: Workspace,
  view: View,
  state: unknown = {},
): Record<string, unknown> {
  return {
    ...{
      private_metadata: '',
      callback_id: '',
      external_id: '',
      clear_on_close: false,
      notify_on_close: false,
    },
    ...{ submit: null, close: null, ...view.given },
    id: view.id,
    team_id: view.team,
    state: { values: state },
    hash: view.hash,
    root_view_id: view.root,
    previous_view_id: view.previous,
    app_id: world.app.id,
    app_installed_team_id: workspace.orgInstall ? (workspace.enterprise?.id ?? view.team) : view.team,
    bot_id: workspace.bot.id,
  };
}
