import type { FailureClass } from '../run.ts';

/** What each class of failure is called, means and asks for. `docs/errors.md` is held equal to it by a test. */
export const failureKinds: Readonly<Record<FailureClass, { title: string; means: string; todo: string }>> = {
  'code-error': {
    title: 'Code error',
    means: 'The command ended with an exit code other than 0, for no reason that has a class of its own.',
    todo: 'Correct the line that is named, or the last lines of the log say why.',
  },
  'out-of-memory': {
    title: 'Out of memory',
    means: 'The accelerator or the machine had no memory left for it.',
    todo: 'Make the batch or the model smaller, or ask for an accelerator or a machine with more memory.',
  },
  missing: {
    title: 'Something is missing',
    means: 'A command, a file or a module that it needs is not there.',
    todo: 'Add it to the repository or to the environment of the machine, or correct its name in the command.',
  },
  'disk-full': {
    title: 'Disk full',
    means: 'It could write no more: no space was left, or its quota was used up.',
    todo: 'Keep fewer checkpoints, or ask the operator of the pool to make room on that disk.',
  },
  'start-error': {
    title: 'Start error',
    means: 'The command never began.',
    todo: 'Correct what the message names, then start it again.',
  },
  'output-missing': {
    title: 'Output missing',
    means: 'The command ended well and left none of a file that it is to put out.',
    todo: 'Write it below $SIGNALBOX_OUTPUT_DIR, or correct `outputs` of the project.',
  },
  'node-lost': {
    title: 'Node lost',
    means: 'Its machine was lost as often as it may be.',
    todo: 'Start it again once the machine is well; save checkpoints, from which it goes on.',
  },
  'time-limit': {
    title: 'Time limit',
    means: 'It ran longer than it may.',
    todo: 'Give it more time with `--time`, or go on from its last checkpoint.',
  },
  'stopped-by-rule': {
    title: 'Stopped by a rule',
    means: 'A rule of the project over what its runs report held, and says `do: stop`.',
    todo: 'Look at its curve; where the rule is wrong, change it under `alerts` of the project.',
  },
  killed: {
    title: 'Killed',
    means: 'A signal ended it that Signalbox has not sent.',
    todo: 'SIGKILL is most often the kernel where memory runs out, SIGSEGV and SIGABRT are errors in native code: look at the last lines of the log.',
  },
};
