import { isRecord } from './args.ts';
import { type Check, list, object, type Scope } from './blocks/check.ts';
import { optionGroup, plainOption } from './blocks/objects.ts';
import type { Delivery } from './deliver.ts';
import { SlackError } from './error.ts';
import { blocksOf, type InteractionParts, interactions, lenient } from './interactions.ts';
import { actorOf, interactionBase, type Who } from './payload.ts';
import { elementsOf, type Filled, stateOf } from './state.ts';
import { showView, type View } from './views.ts';
import type { Workspace } from './world.ts';

/** What came of a submission, as the person sees it. `failed`: "We had some trouble connecting. Try again?", and the modal stays. */
export interface Submitted {
  delivery: Delivery;
  outcome: 'closed' | 'errors' | 'updated' | 'pushed' | 'failed';
  /** At their fields, by `block_id`. */
  errors: Record<string, string>;
  /** The view on top now. */
  view: View | null;
  /** Why what the app answered was not taken. */
  refused: string | null;
}

/** What a menu offers after something was typed into it. Empty and `refused` where the answer is late or wrong. */
export interface Suggested {
  delivery: Delivery;
  options: { text: string; value: string }[];
  refused: string | null;
}

/** Modals: what somebody fills in and sends, what they close, what a menu suggests while they type. */
export function modals(parts: InteractionParts) {
  const { world, views, triggers } = parts;
  const { send } = interactions(parts);

  function top(workspace: Workspace, user: string): View {
    const view = views.open(workspace.id, user).at(-1);
    if (!view) throw new Error(`${user} has no modal open.`);
    return view;
  }

  /** Sends the modal on top. Throws where Slack's own client would not send it. */
  async function submit({ filled = {}, ...who }: Who & { filled?: Filled }): Promise<Submitted> {
    const { workspace } = actorOf(world, who);
    const view = top(workspace, who.user);
    if (view.given.submit === undefined) throw new Error('The modal has nothing to send it with.');
    const values = stateOf(blocksOf(view.given), filled);
    const delivery = await send({
      type: 'view_submission',
      ...interactionBase(world, who),
      trigger_id: triggers.issue(workspace.id, who.user, view.id),
      view: showView(world, workspace, view, values),
      response_urls: [],
    });
    return { delivery, ...answered(view, delivery) };
  }

  function answered(view: View, { ack }: Delivery): Omit<Submitted, 'delivery'> {
    const { team, user } = view;
    const failed = (refused: string) => ({ outcome: 'failed' as const, errors: {}, view, refused });
    if (ack.problem) return failed(ack.problem);
    const above = () => views.open(team, user).at(-1) ?? null;
    const done = (outcome: Submitted['outcome'], shown: View | null) => ({
      outcome,
      errors: {},
      view: shown,
      refused: null,
    });
    if (ack.body === undefined || ack.body === '') {
      views.close(team, user, 'top');
      return done('closed', above());
    }
    if (!isRecord(ack.body)) return failed('the answer is no JSON object');
    const { response_action: action, view: given, errors } = ack.body;
    try {
      if (action === 'clear') {
        views.close(team, user, 'all');
        return done('closed', null);
      }
      if (action === 'update') return done('updated', views.update(view, given, ''));
      if (action === 'push')
        return done(
          'pushed',
          views.pushModal(team, given, () => user),
        );
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      return failed(`${error.code} ${JSON.stringify(error.more)}`);
    }
    if (action !== 'errors') return failed(`no response_action ${String(action)}`);
    if (!isRecord(errors) || Object.keys(errors).length === 0) return failed('errors without any');
    const inputs = blocksOf(view.given).filter(({ type }) => type === 'input');
    const foreign = Object.keys(errors).find(id => !inputs.some(({ block_id }) => block_id === id));
    if (foreign !== undefined) return failed(`there is no input ${foreign}`);
    const texts = Object.entries(errors).map(([id, text]): [string, string] => [id, String(text)]);
    return { ...done('errors', view), errors: Object.fromEntries(texts) };
  }

  /** Closes the modal on top, with its cross; the app hears of it where the view says `notify_on_close`. */
  async function dismiss(who: Who): Promise<Delivery | null> {
    const { workspace } = actorOf(world, who);
    const view = top(workspace, who.user);
    const isCleared = view.given.clear_on_close === true;
    views.close(workspace.id, who.user, isCleared ? 'all' : 'top');
    if (view.given.notify_on_close !== true) return null;
    const payload = { type: 'view_closed', ...interactionBase(world, who), is_cleared: isCleared };
    return send({ ...payload, view: showView(world, workspace, view) });
  }

  /** Types into a menu whose options the app gives, in the modal on top or in the view given. */
  async function suggest(
    asked: Who & { actionId: string; query: string; view?: string; filled?: Filled },
  ): Promise<Suggested> {
    const { workspace } = actorOf(world, asked);
    const view = asked.view ? views.get(asked.view) : top(workspace, asked.user);
    if (!view) throw new Error(`There is no view ${asked.view ?? ''}.`);
    const blocks = blocksOf(view.given);
    const block = blocks.find(one => elementsOf(one).some(({ action_id }) => action_id === asked.actionId));
    const menu = block && elementsOf(block).find(({ action_id }) => action_id === asked.actionId);
    if (!block || !String(menu?.type).includes('external_select'))
      throw new Error(`${asked.actionId} is no external menu.`);
    if (asked.query.length < Number(menu?.min_query_length ?? 3))
      throw new Error('Slack asks only after more letters.');
    const delivery = await send({
      type: 'block_suggestion',
      ...interactionBase(world, asked),
      container: { type: 'view', view_id: view.id },
      view: showView(world, workspace, view, lenient(blocks, asked.filled ?? {})),
      action_id: asked.actionId,
      block_id: block.block_id,
      value: asked.query,
    });
    const { problem, body } = delivery.ack;
    if (problem) return { delivery, options: [], refused: problem };
    const problems = suggestionProblems(body);
    if (problems.length > 0) return { delivery, options: [], refused: problems.join('; ') };
    return { delivery, options: offered(body), refused: null };
  }

  return { submit, dismiss, suggest };
}

const plainList: Check = object({ options: list(plainOption, 100, 0) }, ['options']);
const grouped: Check = object({ option_groups: list(optionGroup, 100, 0) }, ['option_groups']);

function suggestionProblems(body: unknown): string[] {
  const scope: Scope = { surface: 'modal', charts: false, problems: [] };
  const check = isRecord(body) && body.option_groups !== undefined ? grouped : plainList;
  check(body, '', scope);
  return scope.problems;
}

function offered(body: unknown): { text: string; value: string }[] {
  if (!isRecord(body)) return [];
  const groups = Array.isArray(body.option_groups) ? body.option_groups.filter(isRecord) : [];
  const all = [body.options, ...groups.map(({ options }) => options)].flat().filter(isRecord);
  return all.map(({ text, value }) => ({
    text: isRecord(text) ? String(text.text) : '',
    value: String(value),
  }));
}
