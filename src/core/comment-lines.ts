/** The first words of all commands. A test holds it equal to the commands: what else begins with a slash is said to somebody else. */
export const commandHeads: readonly string[] = ['train', 'gpu', 'model', 'signalbox'];

export interface CommandLine {
  /** From 1. */
  line: number;
  /** Without the slash. */
  words: string;
}

const fence = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const quote = /^ {0,3}>/;
const blank = /^\s*$/;
/** What ends a paragraph, so that a line after it is no part of a quote above. */
const endsParagraph = /^ {0,3}(?:#{1,6}(?:\s|$)|(?:[-_*]\s*){3,}$|`{3,}|~{3,})/;
/** Parts of HTML whose text is shown as code or as somebody else's words, or not at all. */
const hiding = /<!--|<(pre|code|blockquote|script|style|textarea)(?=[\s>])/i;

/**
 * The commands in a comment: lines that begin with a slash and a command's first word, as whoever reads the comment sees them. Quotes, code
 * and what is hidden in HTML are somebody else's words, or an example.
 */
export function commandLines(body: string): CommandLine[] {
  const lines = body.split(/\r\n|\n|\r/);
  const ends = endsBelow(lines);
  const found: CommandLine[] = [];
  /** The line that ends a fenced block. */
  let fenced: RegExp | null = null;
  /** What ends a part of HTML. */
  let until: RegExp | null = null;
  let quoted = false;
  lines.forEach((line, index) => {
    if (fenced) {
      if (fenced.test(line)) fenced = null;
      return;
    }
    if (until) {
      until = openAfter(line, until, ends[index] ?? false);
      return;
    }
    if (quote.test(line)) {
      quoted = true;
      return;
    }
    // A paragraph of a quote goes on where it is not begun anew.
    if (quoted && !blank.test(line) && !endsParagraph.test(line)) return;
    quoted = false;
    const opened = fence.exec(line)?.[1];
    if (opened !== undefined) {
      fenced = new RegExp(`^ {0,3}\\${opened[0]}{${opened.length},}\\s*$`);
      return;
    }
    const words = wordsIn(line);
    until = openAfter(line, null, ends[index] ?? false);
    if (words !== null) found.push({ line: index + 1, words });
  });
  return found;
}

/** What ends the part of HTML that is open at the end of a line; null: none is. */
function openAfter(line: string, open: RegExp | null, endsLater: boolean): RegExp | null {
  const lastEnd = line.lastIndexOf('-->');
  let rest = line;
  let until = open;
  for (;;) {
    if (until) {
      const end = until.exec(rest);
      if (!end) return until;
      rest = rest.slice(end.index + end[0].length);
      until = null;
    }
    const begin = hiding.exec(rest);
    if (!begin) return null;
    const isComment = begin[1] === undefined;
    const end = isComment ? /-->/ : new RegExp(`</${begin[1]}\\s*>`, 'i');
    const startsLine = /^ {0,3}$/.test(line.slice(0, line.length - rest.length + begin.index));
    rest = rest.slice(begin.index + begin[0].length);
    // In the middle of a line it hides nothing where its paragraph does not end it.
    if (isComment && !startsLine && !endsLater && lastEnd < line.length - rest.length) continue;
    // `<!-->` and `<!--->` are whole already.
    if (isComment && /^-?>/.test(rest)) continue;
    until = end;
  }
}

/** Of each line, whether a comment of HTML ends below it in the same paragraph. */
function endsBelow(lines: readonly string[]): boolean[] {
  const found: boolean[] = [];
  let below = false;
  for (const [i, line] of [...lines.entries()].reverse()) {
    found[i] = below;
    below = !blank.test(line) && (below || line.includes('-->'));
  }
  return found;
}

function wordsIn(line: string): string | null {
  const said = /^\/(\S+)(?:\s|$)/.exec(line);
  if (!said?.[1] || !commandHeads.includes(said[1])) return null;
  return line.slice(1).trim();
}
