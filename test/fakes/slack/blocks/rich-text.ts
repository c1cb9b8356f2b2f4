import {
  anything,
  boolean,
  type Check,
  integer,
  list,
  number,
  object,
  oneOf,
  pattern,
  string,
  typed,
} from './check.ts';
import { link } from './objects.ts';

/* https://docs.slack.dev/reference/block-kit/blocks/rich-text-block and @slack/types 3.2.0. */

/** No length is published for a piece of rich text; what holds is the limit of the whole message. */
const most = 40_000;
const style = object({ bold: boolean, italic: boolean, strike: boolean, code: boolean, underline: boolean });
const styled = { type: anything, style };
const id = pattern(/^[A-Z][A-Z0-9]*$/, 'id');
const text = object({ ...styled, text: string(most) }, ['text']);
const linked = object({ ...styled, url: link, text: string(most, 0), unsafe: boolean }, ['url']);

const piece = typed(
  new Map<string, Check>([
    ['text', text],
    ['link', linked],
    ['user', object({ ...styled, user_id: id }, ['user_id'])],
    ['usergroup', object({ ...styled, usergroup_id: id }, ['usergroup_id'])],
    ['channel', object({ ...styled, channel_id: id }, ['channel_id'])],
    ['team', object({ ...styled, team_id: id }, ['team_id'])],
    ['broadcast', object({ ...styled, range: oneOf('here', 'channel', 'everyone') }, ['range'])],
    ['color', object({ ...styled, value: pattern(/^#[0-9a-fA-F]{6}$/, 'color') }, ['value'])],
    ['emoji', object({ ...styled, name: string(255), unicode: string(255), url: link }, ['name'])],
    [
      'date',
      object({ ...styled, timestamp: number, format: string(most), url: link, fallback: string(most) }, [
        'timestamp',
        'format',
      ]),
    ],
  ]),
);
const verbatim = typed(
  new Map<string, Check>([
    ['text', text],
    ['link', linked],
  ]),
);
const pieces = list(piece, 10_000);
const section = object({ type: anything, elements: pieces }, ['elements']);
const border = oneOf(0, 1);

/** A whole `rich_text` block. Its parts may be many; Slack refuses an empty list of them. */
export const richText: Check = object(
  {
    type: oneOf('rich_text'),
    block_id: string(255),
    elements: list(
      typed(
        new Map<string, Check>([
          ['rich_text_section', section],
          ['rich_text_quote', object({ type: anything, elements: pieces, border }, ['elements'])],
          [
            'rich_text_preformatted',
            object({ type: anything, elements: list(verbatim, 10_000), border, language: string(255) }, [
              'elements',
            ]),
          ],
          [
            'rich_text_list',
            object(
              {
                type: anything,
                elements: list(typed(new Map([['rich_text_section', section]])), 10_000),
                style: oneOf('bullet', 'ordered'),
                indent: integer(0, 8),
                offset: integer(0, 10_000),
                border,
              },
              ['elements', 'style'],
            ),
          ],
        ]),
      ),
      10_000,
    ),
  },
  ['elements'],
);
