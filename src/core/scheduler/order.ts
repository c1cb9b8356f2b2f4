import { type Priority, priorities } from '../project.ts';
import type { Candidate } from './books.ts';
import type { PolicyName, Queue, Waiting } from './world.ts';

/** What a team is served ahead for what it holds, in seconds: of two with the same past, whoever holds less goes first. */
const aheadS = 3_600;

/** One team's line: by priority, then by when it was queued, then by number. */
export interface Line {
  team: string;
  runs: Candidate[];
  next: number;
}

/** The key of a team's next run; the smallest goes first. */
interface Head {
  line: Line;
  run: Candidate;
  borrows: boolean;
  score: number;
}

export function rankOf(priority: Priority): number {
  return priorities.indexOf(priority);
}

/** The order inside a team's queue. */
export function queueOrder(a: Waiting, b: Waiting): number {
  return rankOf(b.priority) - rankOf(a.priority) || a.queuedAt - b.queuedAt || a.number - b.number;
}

export function linesOf(candidates: readonly Candidate[]): Line[] {
  const byTeam = Map.groupBy(candidates, ({ run }) => run.team);
  return [...byTeam]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([team, runs]) => ({ team, runs: runs.sort((a, b) => queueOrder(a.run, b.run)), next: 0 }));
}

/**
 * Takes all runs in the order in which they are considered, while what was started before changes that order: runs that stay in their team's
 * quota before those that borrow, as in Kueue; then with `fair` whose team has had least for its weight; then by priority, age and number.
 */
export function takeInOrder(
  lines: readonly Line[],
  policy: PolicyName,
  ask: { borrows(candidate: Candidate): boolean; score(team: string): number },
  take: (candidate: Candidate) => void,
): void {
  const heap: Head[] = [];
  const headOf = (line: Line): Head | null => {
    const run = line.runs[line.next];
    if (!run) return null;
    return { line, run, borrows: ask.borrows(run), score: policy === 'fair' ? ask.score(line.team) : 0 };
  };
  for (const line of lines) {
    line.next = 0;
    const head = headOf(line);
    if (head) up(heap, head);
  }
  for (let head = heap[0]; head; head = heap[0]) {
    take(head.run);
    head.line.next += 1;
    const next = headOf(head.line) ?? heap.pop();
    // The last of all lines was the head itself.
    if (next && heap.length > 0) down(heap, next);
  }
}

function before(a: Head, b: Head): number {
  return (
    Number(a.borrows) - Number(b.borrows) ||
    a.score - b.score ||
    queueOrder(a.run.run, b.run.run) ||
    (a.line.team < b.line.team ? -1 : 1)
  );
}

/** Accelerator-seconds that a team has had, with what it holds, for its weight. */
export function scoreOf(queue: Pick<Queue, 'served' | 'weight'> | undefined, held: number): number {
  return ((queue?.served ?? 0) + aheadS * held) / (queue?.weight ?? 1);
}

function up(heap: Head[], head: Head): void {
  let at = heap.length;
  heap.push(head);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (!above || before(above, head) <= 0) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = head;
}

function down(heap: Head[], head: Head): void {
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    const child = left && right && before(right, left) < 0 ? 2 * at + 2 : 2 * at + 1;
    const below = heap[child];
    if (!below || before(head, below) <= 0) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = head;
}
