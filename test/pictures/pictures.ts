import { forms } from './forms.ts';
import { levers } from './levers.ts';
import { dialogHtml, modalHtml } from './modal.ts';
import { models } from './models.ts';
import { promotionForms, promotionRefusals, promotions } from './promotions.ts';
import { replies, type Shown } from './replies.ts';
import { drawn, type Look, messageHtml, pageHtml, shownHtml } from './slack.ts';

/** Something that people see. */
export interface Picture {
  /** What it says, without its frame. The same on every machine: no clock, time zone or font is in it. */
  html: string;
  /** A whole page with it. */
  page(look: Look): string;
  /** How wide it is on a desktop, in pixels. */
  desktop: number;
}

/** Every picture by its name. */
export async function pictures(): Promise<Record<string, Picture>> {
  const said = {
    ...(await replies()),
    ...(await levers()),
    ...(await models()),
    ...(await promotions()),
    ...(await promotionRefusals()),
  };
  const asked = Object.entries({ ...(await forms()), ...(await promotionForms()) }).map(
    ([name, one]) => [name, modal(modalHtml(one))] as const,
  );
  return {
    ...Object.fromEntries(Object.entries(said).map(([name, one]) => [name, message(one)])),
    ...Object.fromEntries(asked),
    ...(said.running ? { 'cancel-asked': modal(dialogHtml(drawn(said.running))) } : {}),
  };
}

function message(shown: Shown): Picture {
  return {
    html: messageHtml(drawn(shown), { theme: 'light', now: shown.now }),
    page: look => pageHtml(shownHtml(shown, look.theme), look),
    desktop: 760,
  };
}

function modal(html: string): Picture {
  return { html, page: look => pageHtml(html, look), desktop: 520 };
}
