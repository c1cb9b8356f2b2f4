import type { HomeView, KnownBlock } from '@slack/types';
import type { Reply, ReplyBlock } from '../../core/reply.ts';
import { type ButtonValue, slackButtons, slackFormButton } from './buttons.ts';
import { richBlock } from './render.ts';
import { cutEnd, shown } from './shown.ts';

/** What Slack takes. */
const most = { blocks: 100, heading: 150 };

/** A reply as somebody's Home. Other than in a message, buttons stand below what they belong to, and the title is not shown. */
export function renderHome(reply: Reply, buttonValue: ButtonValue): HomeView & { blocks: KnownBlock[] } {
  const blocks = reply.blocks.flatMap(block => homeBlocks(block, buttonValue));
  return { type: 'home', blocks: blocks.slice(0, most.blocks) };
}

function homeBlocks(block: ReplyBlock, buttonValue: ButtonValue): KnownBlock[] {
  switch (block.kind) {
    case 'heading':
      return [
        {
          type: 'header',
          text: { type: 'plain_text', text: cutEnd(shown(block.text), most.heading), emoji: false },
        },
      ];
    case 'actions':
      return slackButtons(block.actions, buttonValue);
    case 'form':
      return [slackFormButton(block)];
    default: {
      // Slack has no tables in a Home; as text they are richBlock's.
      const made = richBlock(block);
      return made ? [made] : [];
    }
  }
}
