/** Terminal colours and the like: logs are full of them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with a control character
const escapeSequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g;
/** Characters that have no shape, or turn the direction of what follows and so make text look like another. Newline and tab stay. */
const shapeless =
  /(?![\n\t])\p{Cc}|[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;
/** GitHub looks for mentions and references in the text that is left when Markdown is done, so that only a sign between ends them. */
const joiner = '\u2060';

/** Text without what a reader could not see or would be deceived by. */
export function shown(text: string): string {
  return text.toWellFormed().replace(escapeSequences, '').replace(shapeless, '·');
}

/**
 * Text of one line that GitHub shows as it is: no mention, no reference, no link, no HTML, no table and no formatting can come out of it,
 * wherever in a line it stands.
 */
export function escapeMarkdown(text: string): string {
  return (
    oneLine(text)
      .replace(/[&<>|]/g, sign => named[sign] ?? sign)
      .replace(/[\\`*_[\]!~$#]/g, '\\$&')
      // What makes a list, a rule or a heading only where a line begins with it.
      .replace(/^(\s*)([-+=])/, '$1\\$2')
      .replace(/^(\s*\d+)([.)])(?=\s|$)/, '$1\\$2')
      .replace(/@|#(?=\d|$)/g, `$&${joiner}`)
      .replace(/(:)(?=\/\/)|\b(www)(?=\.)|\b(gh)(?=-\d)/gi, `$&${joiner}`)
  );
}

/** Text between tags on a line where GitHub reads no Markdown: as little can come out of it. */
export function escapeHtml(text: string): string {
  return oneLine(text)
    .replace(/@|#(?=\d|$)/g, `$&${joiner}`)
    .replace(/(:)(?=\/\/)|\b(www)(?=\.)|\b(gh)(?=-\d)/gi, `$&${joiner}`)
    .replace(/[&<>"'`|]/g, entity);
}

const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '|': '&vert;' };

function entity(sign: string): string {
  return `&#${sign.codePointAt(0)};`;
}

/** Text inside the quotes of an attribute. */
export function escapeAttribute(text: string): string {
  return oneLine(text).replace(/[&<>"'`|]/g, entity);
}

/** Inline code, of any text. */
export function codeSpan(text: string): string {
  const line = oneLine(text);
  if (line === '') return '';
  // A bar would end the cell of a table, and a backtick the code.
  if (/[|`]/.test(line)) return `<code>${line.replace(/[!-/:-@[-`{-~]/g, entity)}</code>`;
  return `\`${line}\``;
}

/** A block of code whose end is nowhere inside. */
export function codeBlock(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

/** A link where the address is one of the web; else its words alone. */
export function link(address: string, text: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return escapeMarkdown(text);
  return `[${escapeMarkdown(text)}](<${url.href.replace(/[<>\\|`]/g, encodeURIComponent)}>)`;
}

function oneLine(text: string): string {
  return shown(text).replace(/\s+/g, ' ');
}

/** Text of many lines, where a line that was written over (as progress bars do) shows its last state. */
export function shownLines(text: string): string {
  const lines = text.split('\n').map(line => line.replace(/\r+$/, ''));
  return shown(lines.map(line => line.slice(line.lastIndexOf('\r') + 1)).join('\n')).replace(/\n+$/, '');
}

/** At most `limit` UTF-16 units from the start, never half a character, `…` where something is missing. */
export function cutEnd(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** At most `limit` UTF-16 units from the end, from the start of a line where there is one. */
export function cutStart(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const kept = text.slice(-limit);
  const line = kept.indexOf('\n');
  if (line >= 0 && line < kept.length - 1) return kept.slice(line + 1);
  return kept.replace(/^[\udc00-\udfff]/, '');
}
