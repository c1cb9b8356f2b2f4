import { endedAt } from '../core/head-summary.ts';
import type { RunStore } from '../core/ports.ts';
import { isTraining } from '../core/run.ts';
import type { Translation } from '../core/webhook.ts';

type Intents = Translation & { kind: 'intents' };

/**
 * What somebody asks for who wants all checks of a commit again: the same as with "Re-run" of the check that sums them up, each where it was
 * asked for. Null: nothing has ended there. `saidAt`: what was asked for later, by the same delivery perhaps, is none of it.
 */
export async function repeatCommit(
  { key, place, actor, account, sha }: Translation & { kind: 'repeat' },
  { runs }: { runs: Pick<RunStore, 'atCommit'> },
  saidAt: Date,
): Promise<Intents | null> {
  const all = await runs.atCommit(place.repo, sha);
  const found = all.filter(run => isTraining(run) && run.createdAt <= saidAt);
  const intents = endedAt(found).flatMap(({ number, place: at }) => {
    if (at.kind !== 'github') return [];
    const there = { ...place, issue: at.issue, pull: at.pull };
    const wish = { kind: 'words' as const, words: `train retry ${number}` };
    return [{ key: `${key}:${number}`, actor, place: there, wish }];
  });
  const [first] = intents;
  return first ? { kind: 'intents', place: first.place, account, intents } : null;
}
