import { cleanLine } from '../format.ts';
import type { FailureClass } from '../run.ts';
import { failingLine } from './failing-line.ts';

/** How a command ended, as its machine saw it. */
export interface Ending {
  code: number | null;
  signal: string | null;
  /** The end of its log. */
  lines: readonly string[];
}

const shownWord = 300;

/**
 * Why a command failed that ended by itself: by the error that it ended with, else by its last words, else by its exit code. What the log
 * says before its end (an error that was caught, a sentence about memory) counts for nothing.
 */
export function failureOf(ending: Ending, run: number): { class: FailureClass; message: string } {
  const lines = ending.lines.map(line => line.replace(rankPrefix, '').trimEnd());
  const error = lastError(lines);
  const end = endingOf(ending);
  // What was said after the last error stands nearer to the end.
  const said = lastWords(lines.slice(error ? error.at + 1 : 0), ending, error !== null);
  const found = said ?? (error && { class: classOf(error), word: error.text });
  if (!found)
    return { class: ending.code === null || signalOf(ending) ? 'killed' : 'code-error', message: end };
  const line = found === said ? null : failingLine(ending.lines, run);
  const where = line ? ` (${line.path}, line ${line.line})` : '';
  return { class: found.class, message: `${end.slice(0, -1)}: ${cleanLine(found.word, shownWord)}${where}` };
}

/** What launchers of several processes put before each line. */
const rankPrefix = /^\[(?:rank|default)?\d+\]:\s?/;

/** `RuntimeError: shapes do not fit`, `torch.OutOfMemoryError: ...`, `KeyboardInterrupt` */
const errorLine =
  /^(?:Uncaught )?((?:[A-Za-z_]\w*\.)*)([A-Z_]\w*(?:Error|Exception|Interrupt|Exit|Failure)|Error)(?: \[\w+\])?(?::\s*(.*))?$/;

/** Whatever Python raises may be called anything: `StopIteration`, `__main__.BadConfig: no such layer`. */
const raisedLine = /^((?:[A-Za-z_]\w*\.)*)([A-Za-z_]\w*)(?::\s(.*))?$/;

interface FoundError {
  /** Without the modules that it is defined in. */
  name: string;
  message: string;
  text: string;
  at: number;
}

/** Launchers fail because what they launched failed, which stands before. */
const launchers = new Set(['ChildFailedError', 'CalledProcessError', 'ProcessRaisedException']);

/** A message may have more lines than its first. */
const messageLines = 8;

/** The last error that nobody caught: one that stands below the frames of a traceback, or above those of a stack. */
function lastError(lines: readonly string[]): FoundError | null {
  const errors = lines.flatMap((line, at): FoundError[] => {
    const raised = endsTraceback(lines, at) ? raisedLine.exec(line) : null;
    const [text, , name = '', message = ''] = raised ?? errorLine.exec(line) ?? [];
    if (text === undefined) return [];
    const before = lines.slice(0, at).findLast(one => one !== '') ?? '';
    const isBelowFrames = /^\s/.test(before) || before.startsWith('Traceback ');
    const isAboveStack = lines.slice(at + 1, at + 1 + messageLines).some(one => /^\s+at /.test(one));
    return isBelowFrames || isAboveStack ? [{ name, message, text, at }] : [];
  });
  const last = errors.at(-1);
  if (!last) return null;
  const own = launchers.has(last.name) ? errors.findLast(one => !launchers.has(one.name)) : last;
  const found = own ?? last;
  const cause = causeOf(found, errors, lines);
  return cause && classOf(cause) !== 'code-error' ? { ...cause, at: last.at } : { ...found, at: last.at };
}

/** Whether it stands right below the frames of a whole traceback, where Python names what was raised. */
function endsTraceback(lines: readonly string[], at: number): boolean {
  const begins = lines.slice(0, at).findLastIndex(line => !/^\s/.test(line));
  return begins >= 0 && begins < at - 1 && lines[begins] === 'Traceback (most recent call last):';
}

const isCause = 'The above exception was the direct cause of the following exception:';

/** The error that this one was raised from; one that merely happened before was dealt with. */
function causeOf(
  error: FoundError,
  errors: readonly FoundError[],
  lines: readonly string[],
): FoundError | undefined {
  const before = errors.findLast(one => one.at < error.at);
  const between = before ? lines.slice(before.at + 1, error.at) : [];
  return between.includes(isCause) ? before : undefined;
}

const noMemoryNames = /(?:OutOfMemory|Memory|ResourceExhausted)Error$/;
const noMemory =
  /^(?:(?:CUDA|HIP|MPS backend) out of memory\b|CUDA (?:driver )?error: out of memory|CUDA_ERROR_OUT_OF_MEMORY|RESOURCE_EXHAUSTED: |\[Errno 12\]|.*DefaultCPUAllocator: (?:not enough|can't allocate) memory|.*CUBLAS_STATUS_ALLOC_FAILED|.*out of shared memory)/;
const noSpace = /^(?:\[Errno (?:28|122)\]|ENOSPC\b|EDQUOT\b)/;
const notThereNames = /^(?:FileNotFound|ModuleNotFound)Error$/;
const notThere = /^(?:ENOENT\b|Cannot find (?:module|package) ')/;
/** Of a process that the error speaks of. */
const wasKilled = /\bkilled by signal: Killed\b/;

function classOf({ name, message }: FoundError): FailureClass {
  if (noMemoryNames.test(name) || noMemory.test(message)) return 'out-of-memory';
  if (noSpace.test(message)) return 'disk-full';
  if (notThereNames.test(name) || notThere.test(message)) return 'missing';
  return name === 'KeyboardInterrupt' || wasKilled.test(message) ? 'killed' : 'code-error';
}

/** Behind this many lines of another kind, something is no last word. */
const lastLines = 3;

/** What stands below a last word and says nothing by itself. */
const belowIt =
  /^\s+at |^\s*\.\.\. \d+ more$|^\s*\d+: 0x|^-+ .*stack ?trace.* -+$|^(?:\S+: line \d+:\s+\d+ )?(?:Aborted|Segmentation fault)\b|^Node\.js v/i;

const words: readonly { class: FailureClass; pattern: RegExp; codes?: readonly number[] }[] = [
  {
    class: 'out-of-memory',
    pattern: /^(?:Exception in thread ".*" |Caused by: )?java\.lang\.OutOfMemoryError\b/,
  },
  { class: 'out-of-memory', pattern: /^FATAL ERROR: .*JavaScript heap out of memory$/ },
  { class: 'out-of-memory', pattern: /^\s*what\(\):\s+std::bad_alloc$/ },
  { class: 'out-of-memory', pattern: /^memory allocation of \d+ bytes failed$/ },
  // As scripts and loggers repeat it word by word before they give up.
  {
    class: 'out-of-memory',
    pattern: /(?:CUDA|HIP|MPS backend) out of memory\b.*\bTried to allocate [\d.]+ [KMGT]?i?B/i,
  },
  {
    class: 'out-of-memory',
    pattern:
      /RESOURCE_EXHAUSTED: (?:Out of memory (?:while trying to allocate|allocating)|Failed to allocate)/,
  },
  // The end of the list of buffers that JAX prints, which is longer than what is kept of a log.
  { class: 'out-of-memory', pattern: /^\s+XLA Label: / },
  // As shells say it of what they started.
  {
    class: 'out-of-memory',
    pattern: /^(?:\S+: (?:line \d+:\s+)?)?(?:\d+ )?Killed(?:\s{2,}|$)/,
    codes: [137],
  },
  { class: 'disk-full', pattern: /: (?:No space left on device|Disk quota exceeded)$/ },
  { class: 'missing', pattern: /: (?:command )?not found$/, codes: [127] },
  { class: 'missing', pattern: /: No such file or directory$/, codes: [126, 127] },
  {
    class: 'missing',
    pattern: /: can't open file '.*': \[Errno 2\] No such file or directory$/,
    codes: [2],
  },
  { class: 'missing', pattern: /: No module named \S+$/, codes: [1] },
  // As the launcher of PyTorch says it of what it started.
  { class: 'killed', pattern: /^\s+traceback : Signal 9 \(SIGKILL\) received by PID \d+$/ },
];

/** Said after an error that was caught and told of, it is why the command gave up. */
const anotherError = /^(?:\S+: ){0,2}(?:fatal|error|usage):? /i;
/** Programs that only repeat that what they started has failed. */
const wrapper = /^(?:make(?:\[\d+\])?:|npm |error: (?:Recipe|script) |srun:|wandb:)/;

function lastWords(
  lines: readonly string[],
  ending: Ending,
  isAfterError: boolean,
): { class: FailureClass; word: string } | null {
  const code = codeOf(ending);
  const last = lines.filter(line => line.trim() !== '' && !belowIt.test(line)).slice(-lastLines);
  for (const line of last.toReversed()) {
    const known = words.find(
      ({ pattern, codes }) => pattern.test(line) && (!codes || codes.includes(code ?? -1)),
    );
    if (known) return { class: known.class, word: line.trim() };
  }
  const other = isAfterError
    ? last.findLast(line => anotherError.test(line) && !wrapper.test(line))
    : undefined;
  if (other !== undefined) return { class: 'code-error', word: other.trim() };
  return null;
}

const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

/** A shell tells the signal that ended what it ran by an exit code of 128 and its number. */
function signalOf({ code, signal }: Ending): string | null {
  if (signal !== null || code === null) return signal;
  return signals[code - 128] ?? null;
}

/** The exit code that a shell would have given. */
function codeOf({ code, signal }: Ending): number | null {
  if (code !== null) return code;
  const number = Object.entries(signals).find(([, name]) => name === signal)?.[0];
  return number === undefined ? null : 128 + Number(number);
}

function endingOf({ code, signal }: Ending): string {
  if (signal !== null) return `The command was ended by ${signal}.`;
  if (code === null) return 'The command ended, and how is not known.';
  const by = signals[code - 128];
  return `The command ended with exit code ${code}${by === undefined ? '' : ` (${by})`}.`;
}
