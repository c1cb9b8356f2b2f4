import { need, structure, text } from './args.ts';
import type { Answer, Call } from './call.ts';
import { badArguments } from './error.ts';
import type { triggerIds } from './triggers.ts';
import { showView, type View, type Views } from './views.ts';

/** The four methods for modals and Homes. A view that is not good does not use up its trigger. */
export function viewMethods(views: Views, triggers: ReturnType<typeof triggerIds>) {
  const given = ({ args }: Call) => structure(args, 'view', 'invalid_arguments');
  const show = ({ world, workspace }: Call, view: View): Answer => ({
    view: showView(world, workspace, view),
  });
  const admit = ({ args, workspace }: Call) => {
    const id = need(args, 'trigger_id');
    return () => triggers.take(id, workspace.id).user;
  };

  return {
    open: (call: Call) => show(call, views.openModal(call.workspace.id, given(call), admit(call))),
    push: (call: Call) => show(call, views.pushModal(call.workspace.id, given(call), admit(call))),
    update(call: Call) {
      const { args, workspace } = call;
      const external = text(args, 'external_id');
      const known = external ? views.byExternalId(workspace.id, external) : views.get(need(args, 'view_id'));
      const own = known?.team === workspace.id ? known : undefined;
      return show(call, views.update(own, given(call), text(args, 'hash')));
    },
    publish(call: Call) {
      const { args, workspace } = call;
      const user = need(args, 'user_id');
      if (!workspace.users.has(user)) throw badArguments('invalid `user_id`');
      return show(call, views.publish(workspace.id, user, given(call), text(args, 'hash')));
    },
  };
}
