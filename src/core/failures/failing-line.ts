/** A line of the project's own code, as its repository has it. */
export interface CodeLine {
  path: string;
  line: number;
}

/** How Python names a frame of a traceback, the innermost last; launchers put the process before it. */
const pythonFrame = /^(?:\[\w+\]:)?\s*File "([^"]+)", line (\d+)/;
/** How Node names one, the innermost first. */
const nodeFrame = /^\s+at (?:.*\()?(?:file:\/\/)?(\/[^():]+):(\d+):\d+\)?(?: \{)?$/;
/** What is not the project's own, though it may lie below its folder. */
const foreign = /(?:^|\/)(?:site-packages|dist-packages|node_modules|\.venv|venv)\//;

/** The innermost line of the project's own code in the last traceback; null: there is none. */
export function failingLine(lines: readonly string[], run: number): CodeLine | null {
  const stacks = lines.map(line => nodeFrame.test(line));
  const begins = stacks.findLastIndex((isFrame, i) => isFrame && stacks[i - 1] !== true);
  const inNode = begins < 0 ? [] : lines.slice(begins);
  const known = [
    ...lines.toReversed().map(line => pythonFrame.exec(line)),
    ...inNode.map(line => nodeFrame.exec(line)),
  ];
  for (const found of known) {
    const [, file, line] = found ?? [];
    const path = file === undefined ? null : ownPath(file, run);
    if (path !== null) return { path, line: Number(line) };
  }
  return null;
}

/** As the repository has it: below the folder in which an attempt works; null for what is elsewhere. */
function ownPath(file: string, run: number): string | null {
  const inside = new RegExp(`/runs/${run}/(?:[^/]+/)*?work/(.+)$`).exec(file)?.[1];
  const path = inside ?? (file.startsWith('/') ? null : file);
  if (path === null || foreign.test(path) || path.startsWith('<')) return null;
  const parts = path.split('/').filter(part => part !== '' && part !== '.');
  return parts.length === 0 || parts.includes('..') ? null : parts.join('/');
}
