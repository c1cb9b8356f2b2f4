/** Text that Slack shows as it is where it reads its own markup: no mention, no link, no broadcast can come out of it. */
export function escapeMrkdwn(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What a message's text shows, out of Slack's markup for it: `<https://a.b|a.b>` is `a.b`, `&lt;` is `<`. What it yields is not read again. */
export function unescapeMrkdwn(text: string): string {
  return text.replace(/<([^<>]*)>|&(?:amp|lt|gt);/g, (match, token: string | undefined) => {
    if (token === undefined) return entities[match] ?? match;
    const label = token.slice(token.indexOf('|') + 1);
    return label.replace(/&(?:amp|lt|gt);/g, entity => entities[entity] ?? entity);
  });
}

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };
