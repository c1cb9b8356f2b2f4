import { cleanLine, formatNumber, timeOfDay } from '../format.ts';
import { bestOf, betterOf } from '../metric-direction.ts';
import type { ModelAlias } from '../ports.ts';
import { type Inline, type Reply, type ReplyBlock, reply } from '../reply.ts';
import { formatBytes, shortDigest } from '../run-record.ts';
import type { ModelPolicy } from './model-keys.ts';
import { type ModelVersion, versionTitle } from './version.ts';
import { artifactPath, versionJson } from './version-json.ts';

const shownMetrics = 20;
const shownInputs = 10;
const shownName = 80;
/** What is folded away may be long, but no place takes everything. */
const shownText = 2_500;
const none = '–';

export interface VersionFacts {
  version: ModelVersion;
  /** What serves, by environment. */
  aliases: readonly ModelAlias[];
  /** What is declared of the model now; null: nothing any more. */
  policy: ModelPolicy | null;
  /** What it is called in the model's registry, and where people see it there; null: it has no other, or is not there yet. */
  registered: { remote: string; address: string | null } | null;
  /** Where people reach Signalbox; null: nowhere that is known. */
  address: string | null;
}

/** A version with all that it was made of. */
export function versionReply(facts: VersionFacts, now: Date): Reply {
  const { version, address } = facts;
  const path = artifactPath(version);
  const name = cleanLine(version.output, shownName);
  const artifact: Inline = address === null ? { code: name } : { link: `${address}${path}`, text: name };
  const rows = [
    { label: 'Live in', value: liveIn(facts) },
    { label: 'Made by', value: madeBy(version) },
    { label: 'Commit', value: [{ code: version.sha }] },
    {
      label: 'Artifact',
      value: [artifact, `, ${formatBytes(version.bytes)}, `, { code: shortDigest(version.sha256) }],
    },
    ...registryRow(facts),
    ...movedRows(facts, now),
  ];
  const blocks: ReplyBlock[] = [{ kind: 'fields', rows }, ...metricBlocks(version), ...inputBlocks(version)];
  if (version.signature !== null) blocks.push(folded('Signature', signatureText(version.signature)));
  if (version.card !== null) blocks.push(folded('Card', version.card));
  if (address === null)
    blocks.push({
      kind: 'context',
      text: ['Its content is at ', { code: path }, ' of the API, with a token that may read runs.'],
    });
  return reply(`${versionTitle(version)}${primarySentence(version)}.`, blocks, {
    data: { ...versionJson(version), serves: servesIn(facts), registered: facts.registered },
  });
}

/** `: val_accuracy 0.9312` */
function primarySentence({ primaryMetric, metrics }: ModelVersion): string {
  const metric = metrics.find(one => one.name === primaryMetric);
  return metric ? `: ${cleanLine(metric.name, shownName)} ${shownValue(metric.value)}` : '';
}

function servesIn({ version, aliases }: VersionFacts): string[] {
  return aliases.flatMap(({ alias, number }) => (number === version.number ? [alias] : []));
}

function liveIn(facts: VersionFacts): Inline[] {
  const here = servesIn(facts);
  if (here.length > 0) return [{ bold: here.join(', ') }];
  const others = facts.aliases.flatMap(({ alias, number }) =>
    number === null ? [] : [`${alias} has version ${number}`],
  );
  return [others.length === 0 ? 'nowhere' : `nowhere; ${others.join(', ')}`];
}

function madeBy({ run, project, trainedBy, at }: ModelVersion): Inline[] {
  return [
    ...['run ', { command: `train status ${run}` }, ` of ${project}, asked for by `],
    ...[cleanLine(trainedBy.name, shownName), ', ', { at }],
  ];
}

function registryRow({ policy, registered }: VersionFacts) {
  if (policy?.registry.kind !== 'mlflow') return [];
  const { name } = policy.registry;
  if (!registered) return [{ label: 'In MLflow', value: ['not yet'] }];
  const text = `${name} version ${registered.remote}`;
  return [{ label: 'In MLflow', value: registered.address ? [{ link: registered.address, text }] : [text] }];
}

/** What somebody else did to the registry. */
function movedRows({ aliases, policy }: VersionFacts, now: Date) {
  if (policy?.registry.kind !== 'mlflow') return [];
  return aliases.flatMap(({ alias, moved }) => {
    if (!moved) return [];
    const what =
      moved.to === null ? 'was taken away there' : `was moved to version ${cleanLine(moved.to, 40)}`;
    const value = [
      `The alias ${alias} ${what} by somebody else at ${timeOfDay(moved.at, now)}, and was put back.`,
    ];
    return [{ label: 'Not by Signalbox', value }];
  });
}

function metricBlocks({ metrics, directions, primaryMetric }: ModelVersion): ReplyBlock[] {
  if (metrics.length === 0) return [{ kind: 'text', text: ['Its run reported no metrics.'] }];
  const first = metrics.filter(one => one.name === primaryMetric);
  const all = [...first, ...metrics.filter(one => one.name !== primaryMetric)];
  const rows = all.slice(0, shownMetrics).map(metric => {
    const better = betterOf(metric.name, directions);
    const best = bestOf(metric, better);
    const unit = Object.hasOwn(directions, metric.name) ? directions[metric.name]?.unit : undefined;
    const name = cleanLine(metric.name, shownName);
    return [
      unit === undefined ? name : `${name} (${unit})`,
      shownValue(metric.value),
      best ? shownValue(best.value) : none,
      better === null ? none : `${better} is better`,
    ];
  });
  const left = all.length - shownMetrics;
  const columns = [
    { title: 'Metric' },
    { title: 'Final', align: 'right' as const },
    { title: 'Best', align: 'right' as const },
    { title: 'Direction' },
  ];
  return [
    { kind: 'table', columns, rows },
    ...(left > 0 ? [{ kind: 'context' as const, text: [`And ${left} more.`] }] : []),
  ];
}

function shownValue(value: number): string {
  return Number.isFinite(value) ? formatNumber(value) : 'not finite';
}

function inputBlocks({ inputs }: ModelVersion): ReplyBlock[] {
  const all = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));
  if (all.length === 0) return [];
  const items = all
    .slice(0, shownInputs)
    .map(([name, sha256]): Inline[] => [`${cleanLine(name, shownName)} `, { code: shortDigest(sha256) }]);
  const left = all.length - shownInputs;
  return [
    { kind: 'heading', text: 'Inputs' },
    { kind: 'list', items: left > 0 ? [...items, [`and ${left} more`]] : items },
  ];
}

/** Each of its parts on a line. */
function signatureText(signature: unknown): string {
  if (typeof signature !== 'object' || signature === null || Array.isArray(signature))
    return JSON.stringify(signature);
  return Object.entries(signature)
    .map(([name, part]) => `${cleanLine(name, shownName)}: ${JSON.stringify(part)}`)
    .join('\n');
}

/** As it was written: no markup of it counts here. */
function folded(title: string, text: string): ReplyBlock {
  const shown = text.length > shownText ? `${text.slice(0, shownText)}\n…` : text;
  return { kind: 'details', title, blocks: [{ kind: 'code', text: shown }] };
}
