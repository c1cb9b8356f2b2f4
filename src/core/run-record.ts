import { z } from 'zod';
import { cleanLine, counted, formatDuration, formatNumber, secondsBetween } from './format.ts';
import { formatMoney } from './money.ts';
import type { FileDigest, MachineFacts, RunRecord } from './ports.ts';
import type { ParameterValue } from './project.ts';
import type { Inline, ReplyBlock } from './reply.ts';
import { isLease, type Run } from './run.ts';

const fileJson = z.object({ name: z.string(), sha256: z.string(), bytes: z.int() });

/** What makes a run repeatable, beside its commit and its parameters, and what it took. */
export const recordJsonSchema = z.object({
  inputs: z.array(fileJson).describe('The declared inputs, digested before the command started.'),
  artifacts: z.array(fileJson).describe('The declared outputs that are kept.'),
  seed: z
    .union([z.string(), z.number(), z.boolean()])
    .nullable()
    .describe('The parameter of that name; null where there is none.'),
  environment: z
    .object({ sha256: z.string(), locks: z.array(fileJson) })
    .nullable()
    .describe(
      'The files at the top of the source that say what is installed, with one digest for all of them.',
    ),
  machine: z
    .object({
      node: z.string(),
      system: z.string(),
      cpus: z.int(),
      memoryMb: z.int(),
      accelerators: z.array(z.object({ model: z.string(), count: z.int() })),
      driver: z.string().nullable(),
      python: z.string().nullable(),
    })
    .nullable()
    .describe('Of the last attempt; null before its agent has said it.'),
  seconds: z.number().nullable().describe('From the start of the last attempt to its end.'),
  acceleratorHours: z.number().describe('Over all attempts, by now.'),
  cost: z.number().describe('The same by the prices of the policy.'),
});
export type RecordJson = z.infer<typeof recordJsonSchema>;

export function recordJson(run: Run, record: RunRecord): RecordJson {
  const { machine, held } = record;
  const { startedAt, endedAt } = run;
  return {
    inputs: record.inputs.map(fileOf),
    artifacts: record.artifacts.map(fileOf),
    seed: seedOf(run),
    environment:
      machine?.environment === undefined || machine.environment === null
        ? null
        : { sha256: machine.environment, locks: machine.locks.map(fileOf) },
    machine: machine && machineJson(machine),
    seconds: startedAt && endedAt ? secondsBetween(startedAt, endedAt) : null,
    acceleratorHours: held.acceleratorHours,
    cost: held.cost,
  };
}

function fileOf({ name, sha256, bytes }: FileDigest) {
  return { name, sha256, bytes };
}

function machineJson({ node, system, cpus, memoryMb, accelerators, driver, python }: MachineFacts) {
  return { node, system, cpus, memoryMb, accelerators, driver, python };
}

function seedOf({ spec: { parameters } }: Run): ParameterValue | null {
  const name = Object.keys(parameters).find(key => key.toLowerCase() === 'seed');
  return name === undefined ? null : (parameters[name] ?? null);
}

const shownFiles = 5;

/** The same below a run's message; nothing of a run of which nothing is known yet. */
export function recordBlocks(run: Run, record: RunRecord, currency: string): ReplyBlock[] {
  if (isLease(run)) return [];
  const { machine, held, inputs, artifacts } = record;
  const row = (label: string, value: Inline[] | null) => (value === null ? [] : [{ label, value }]);
  const seed = seedOf(run);
  const rows = [
    ...row('Commit', [{ code: run.spec.sha }]),
    ...row('Seed', seed === null ? null : [String(seed)]),
    ...row('Inputs', filesOf(inputs)),
    ...row('Environment', machine ? environmentOf(machine) : null),
    ...row('Machine', machine ? hardwareOf(machine) : null),
    ...row('Held', heldOf(record, currency)),
    ...row('Artifacts', filesOf(artifacts)),
  ];
  if (inputs.length === 0 && artifacts.length === 0 && !machine && held.acceleratorHours === 0) return [];
  const all: ReplyBlock[] = [
    { kind: 'heading', text: 'Record' },
    { kind: 'fields', rows },
  ];
  if (artifacts.length > 0)
    all.push({ kind: 'context', text: ['Its artifacts: ', { command: `train artifacts ${run.number}` }] });
  return all;
}

function filesOf(files: readonly FileDigest[]): Inline[] | null {
  if (files.length === 0) return null;
  const shown = files.slice(0, shownFiles).flatMap((file, i): Inline[] => {
    const between = i > 0 ? ', ' : '';
    return [`${between}${cleanLine(file.name, 80)}\u00a0`, { code: shortDigest(file.sha256) }];
  });
  const more = files.length - shownFiles;
  return more > 0 ? [...shown, ` and ${more} more`] : shown;
}

function environmentOf({ python, environment, locks }: MachineFacts): Inline[] | null {
  const parts: Inline[] = python === null ? [] : [`Python ${python}`];
  if (environment === null) return parts.length > 0 ? parts : null;
  const names = locks.slice(0, shownFiles).map(file => cleanLine(file.name, 40));
  return [
    ...parts,
    `${parts.length > 0 ? ', ' : ''}${names.join(', ')} `,
    { code: shortDigest(environment) },
  ];
}

function hardwareOf({ node, accelerators, driver, system, cpus }: MachineFacts): Inline[] {
  const models = accelerators.map(({ model, count }) => `${count} × ${model}`).join(', ');
  const with_ =
    models === '' ? counted(cpus, 'CPU') : `${models}${driver === null ? '' : `, driver ${driver}`}`;
  return [`${node}: ${with_}, ${system}`];
}

function heldOf({ held }: RunRecord, currency: string): Inline[] | null {
  if (held.acceleratorHours === 0) return null;
  const cost = held.cost > 0 ? `, for ${formatMoney(held.cost, currency)}` : '';
  const time = formatDuration(held.acceleratorHours * 3600);
  return [`${formatNumber(held.acceleratorHours)} accelerator-hours (${time} of one)${cost}`];
}

/** `sha256:0123456789ab` */
export function shortDigest(sha256: string): string {
  return sha256.slice(0, 'sha256:'.length + 12);
}

/** `0 B`, `2.1 kB`, `340 MB`, `1.5 GB`: thousands, as disks are sold. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const amount = bytes / 1_000 ** step;
  return `${step === 0 ? amount : Number(amount.toPrecision(3))} ${units[step]}`;
}
