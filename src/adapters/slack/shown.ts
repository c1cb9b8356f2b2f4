/** Terminal colours and the like: logs are full of them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with a control character
const escapeSequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g;
/** Characters that have no shape, or turn the direction of what follows and so make text look like another. Newline and tab stay. */
const shapeless = /(?![\n\t])\p{Cc}|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Text without what a reader could not see or would be deceived by. */
export function shown(text: string): string {
  return text.toWellFormed().replace(escapeSequences, '').replace(shapeless, '·');
}

/** The same for text of many lines, where a line that was written over (as progress bars do) shows its last state. */
export function shownLines(text: string): string {
  const lines = text.split('\n').map(line => line.replace(/\r+$/, ''));
  const last = lines.map(line => line.slice(line.lastIndexOf('\r') + 1));
  return shown(last.join('\n')).replace(/\n+$/, '');
}

/** At most `limit` UTF-16 units from the start, never half a character, `…` where something is missing. */
export function cutEnd(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const kept = text.slice(0, limit - 1);
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}

/** At most `limit` UTF-16 units from the end, from the start of a line where there is one. */
export function cutStart(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const kept = text.slice(-limit);
  const line = kept.indexOf('\n');
  if (line >= 0 && line < kept.length - 1) return kept.slice(line + 1);
  return /^[\udc00-\udfff]/.test(kept) ? kept.slice(1) : kept;
}
