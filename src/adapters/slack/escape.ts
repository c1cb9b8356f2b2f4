/** Text that Slack shows as it is where it reads its own markup: no mention, no link, no broadcast can come out of it. */
export function escapeMrkdwn(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
