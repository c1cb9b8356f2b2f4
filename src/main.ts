import { commandLine } from './adapters/terminal/render.ts';
import { type Fault, faultLine, SignalboxError } from './core/errors.ts';
import { nearest } from './core/nearest.ts';
import { version } from './roles/version.ts';

/** Each verb of the command line, loaded only when it is used: `--version` needs no database driver. */
const verbs: Record<string, (args: string[]) => Promise<number>> = {
  serve: async args => (await import('./cli/serve.ts')).serve(args),
  doctor: async args => (await import('./cli/doctor.ts')).doctor(args),
  migrate: async args => (await import('./cli/admin.ts')).migrateCommand(args),
  token: async args => (await import('./cli/admin.ts')).token(args),
  audit: async args => (await import('./cli/audit.ts')).audit(args),
  gpu: async args => (await import('./cli/gpu.ts')).gpu(args),
};
const remoteVerbs = ['train', 'model', 'signalbox'];
/** `signalbox list` is short for `signalbox train list`. */
const shortForms = [
  'list',
  'status',
  'why',
  'logs',
  'cancel',
  'retry',
  'extend',
  'compare',
  'artifacts',
  'chart',
  'bump',
  'approve',
];
const helpWords = ['help', '--help', '-h'];

const usage = `signalbox ${version}

  signalbox serve [--role web|worker|agent|front|all] [--pool NAME]
  signalbox train PROJECT [--ref REF] [-p NAME=VALUE] ...   (train --help shows all)
  signalbox list | status N | why N | logs N [--follow] | chart N [METRIC] | cancel N | retry N | whoami
  signalbox gpu | gpu request 2 --for 4h | gpu usage | ...  (gpu help shows all)
  signalbox model list | model show MODEL [VERSION]         (model help shows all)
  signalbox model promote MODEL VERSION | approve P12 | reject P12 --reason WHY | history MODEL | ...
  signalbox gpu shell N                                     a shell on a lease that this machine holds
  signalbox doctor                                          what works, what is off, what is missing
  signalbox token create --name NAME --scope SCOPE ... | list | revoke NAME
  signalbox migrate
  signalbox audit [SUBJECT] [--by PERSON] [--since 7d]      who did what, and what was refused
  signalbox audit verify [--file audit.jsonl] | export [--since 7d]

--json prints JSON. Configuration: signalbox.yml and the environment (.env.example).
`;

async function main(args: string[]): Promise<number> {
  const [verb = '--help', ...rest] = args;
  if (verb === '--version') return print(`${version}\n`);
  if (helpWords.includes(verb)) return print(usage);
  const local = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  // All but `gpu shell` is asked of the service, whose own help says more.
  const helps = verb !== 'gpu' && rest.some(word => helpWords.includes(word));
  if (local) return helps ? print(usage) : await local(rest);
  if (remoteVerbs.includes(verb)) return await (await import('./cli/remote.ts')).remote(args);
  if (shortForms.includes(verb)) return await (await import('./cli/remote.ts')).remote(['train', ...args]);
  if (verb === 'whoami') return await (await import('./cli/remote.ts')).remote(['signalbox', ...args]);
  const known = ['train', 'model', ...shortForms, ...Object.keys(verbs), 'whoami'];
  throw new SignalboxError('COMMAND_UNKNOWN', {
    word: verb,
    allowed: known,
    nearest: nearest(verb, known),
    example: '--help',
  });
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** With its example as it is typed here. */
function lineOf(fault: Fault): string {
  const { code, todo, example } = fault;
  const typed = example === undefined ? todo : todo.replace(example, () => commandLine(example));
  return `${code}: ${faultLine({ ...fault, todo: typed })}\n`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (err) {
  // What was not foreseen is shown whole.
  if (!(err instanceof SignalboxError)) throw err;
  process.stderr.write(lineOf(err.fault));
  process.exitCode = 1;
}
