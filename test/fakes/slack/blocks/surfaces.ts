import { isRecord } from '../args.ts';
import { badArguments, SlackError } from '../error.ts';
import { blockList } from './blocks.ts';
import { anything, boolean, type Check, object, type Scope, say, string, typed } from './check.ts';
import { plainText } from './objects.ts';

/** All markdown blocks of a message together. */
const mostMarkdown = 12_000;
/** All cells of a message's table together. */
const mostCells = 10_000;
/**
 * The whole of a message. Slack publishes no number; refusals were measured at about 13,200 characters, each escaped as Slack keeps it,
 * with about 100 more for each block (github.com/slackapi/bolt-js issues 2509 and 2867).
 */
const mostText = 13_200;
const perBlock = 100;
/** The reference of docs.rs/slack-morphism says so of the block's documentation. */
const mostCharts = 2;
const mostViewBytes = 250_000;

/** Throws what `chat.*` answers for these blocks. Not an array at all: `invalid_blocks_format`. */
export function checkMessageBlocks(
  blocks: unknown,
  charts: boolean,
  at = '/blocks',
): Record<string, unknown>[] {
  if (!Array.isArray(blocks) || !blocks.every(isRecord)) throw new SlackError('invalid_blocks_format');
  const scope: Scope = { surface: 'message', charts, problems: [] };
  blockList(blocks, at, scope);
  const tables = blocks.filter(({ type }) => type === 'table');
  const markdown = blocks.filter(({ type }) => type === 'markdown').map(({ text }) => String(text).length);
  if (sum(markdown) > mostMarkdown) say(scope, `must be less than ${mostMarkdown + 1} characters`, at);
  if (blocks.filter(({ type }) => type === 'data_visualization').length > mostCharts)
    say(scope, `no more than ${mostCharts} data_visualization blocks allowed`, at);
  if (textLength(tables) > mostCells) say(scope, `must be less than ${mostCells + 1} characters`, at);
  if (scope.problems.length > 0) throw invalidBlocks(scope.problems);
  if (tables.length > 1)
    throw new SlackError('invalid_attachments', {
      response_metadata: { messages: ['[ERROR] only_one_table_allowed'] },
    });
  const rest = blocks.filter(({ type }) => type !== 'table');
  if (textLength(rest) + (blocks.length - 1) * perBlock > mostText)
    throw new SlackError('msg_blocks_too_long');
  return blocks;
}

function invalidBlocks(problems: string[]): SlackError {
  const messages = problems.map(problem => `[ERROR] ${problem}`);
  return new SlackError('invalid_blocks', { errors: problems, response_metadata: { messages } });
}

const common = {
  type: anything,
  blocks: blockList,
  private_metadata: string(3000, 0),
  callback_id: string(255, 0),
  external_id: string(255, 0),
};
const view = typed(
  new Map<string, Check>([
    [
      'modal',
      object(
        {
          ...common,
          title: plainText(24),
          submit: plainText(24),
          close: plainText(24),
          clear_on_close: boolean,
          notify_on_close: boolean,
          submit_disabled: boolean,
        },
        ['title', 'blocks'],
      ),
    ],
    ['home', object(common, ['blocks'])],
  ]),
);

/** Throws what `views.*` answers for this view. */
export function checkView(
  given: unknown,
  surface: 'modal' | 'home',
  charts: boolean,
): Record<string, unknown> {
  const problems = viewProblems(given, surface, charts);
  if (problems.length > 0)
    throw badArguments('failed to match all allowed schemas [json-pointer:/view]', ...problems);
  if (!isRecord(given)) throw badArguments('missing required field: view');
  if (Buffer.byteLength(JSON.stringify(given)) > mostViewBytes) throw new SlackError('view_too_large');
  return given;
}

function viewProblems(given: unknown, surface: 'modal' | 'home', charts: boolean): string[] {
  const scope: Scope = { surface, charts, problems: [] };
  view(given, '/view', scope);
  if (!isRecord(given)) return scope.problems;
  if (given.type !== surface) say(scope, `unsupported type: ${String(given.type)}`, '/view/type');
  const blocks = Array.isArray(given.blocks) ? given.blocks.filter(isRecord) : [];
  const input = blocks.findIndex(({ type }) => type === 'input');
  if (surface === 'modal' && input >= 0 && given.submit === undefined)
    say(scope, 'must define `submit` to use an `input` block in modals', `/view/blocks/${input}/input`);
  const focused = blocks.filter(({ element }) => isRecord(element) && element.focus_on_load === true);
  if (focused.length > 1) say(scope, 'only one element may have focus_on_load', '/view/blocks');
  return scope.problems;
}

/** All that people read, as long as Slack keeps it. */
function textLength(value: unknown): number {
  if (Array.isArray(value)) return sum(value.map(textLength));
  if (!isRecord(value)) return 0;
  const own = typeof value.text === 'string' ? escaped(value.text).length : 0;
  return own + sum(Object.values(value).map(textLength));
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
