import { listeners } from '../../../src/adapters/github/unpack.ts';
import { bodyOf } from '../../../src/adapters/postgres/delivery-body.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { webhooks } from '../../../webhooks/index.ts';
import type { Delivery } from '../../fakes/github/hooks.ts';
import type { Wanted } from './deeds.ts';
import type { House } from './house.ts';

interface Row {
  delivery_id: string;
  body: Buffer;
  encoding: 'zstd' | null;
  done: boolean;
  laid_aside: boolean;
  error: string | null;
}

/** Deliveries that are not stored as they were told, or not done; and those that are stored and nobody told. */
export async function lookAtStore({ database }: House, all: readonly Delivery[], acknowledged: Set<string>) {
  const { rows } = await database.pool.query<Row>(
    'select delivery_id, body, encoding, done_at is not null as done, laid_aside, error from deliveries',
  );
  const told = new Map(
    all
      .filter(({ event, action }) => listeners(webhooks, event, action).length > 0)
      .map(one => [one.guid, one.body]),
  );
  const stored = new Set(rows.map(row => row.delivery_id));
  return {
    stored: stored.size,
    lost: [...told.keys(), ...acknowledged].filter(guid => !stored.has(guid)),
    other: rows
      .filter(row => bodyOf(row).toString() !== told.get(row.delivery_id))
      .map(row => row.delivery_id),
    undone: rows.filter(row => !row.done || row.laid_aside || row.error !== null).map(row => row.error),
  };
}

/** What is there and was not wanted, or was wanted and is not there; counted in the database and at GitHub. */
export async function lookAtEffects({ database, github }: House, { comments, merges, presses }: Wanted) {
  const runs = await runStore(database.db).list({ limit: 100_000 });
  const wrong: string[] = [];
  const expect = (what: string, found: unknown, wanted: unknown) => {
    const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)];
    if (is !== should) wrong.push(`${what}: ${is} in place of ${should}`);
  };
  const at = (repo: number, pull: number | null) =>
    runs.filter(({ place }) =>
      pull === null
        ? place.kind === 'http'
        : place.kind === 'github' && place.repo === repo && place.issue === pull,
    );

  for (const { repo, id, runs: wanted, signs } of comments) {
    const own = runs.filter(
      ({ place }) => place.kind === 'github' && place.comment === id && place.repo === repo.id,
    );
    expect(`runs of comment ${id} at ${repo.name}`, own.length, wanted);
    const given = (repo.state.comments.get(id)?.reactions ?? []).map(
      one => `${one.user.login} ${one.content}`,
    );
    expect(
      `signs at comment ${id}`,
      given.sort(),
      signs.map(sign => `${github.app.login} ${sign}`),
    );
  }
  for (const { repo, sha } of merges) {
    const own = runs.filter(({ spec }) => spec.trigger === 'merge' && spec.sha === sha);
    expect(
      `runs of ${sha} at ${repo.name}`,
      own.map(run => run.spec.source),
      Array(2).fill(`github:${repo.name}#${repo.id}`),
    );
  }
  for (const { run } of presses)
    expect(`repeats of run ${run}`, runs.filter(({ spec }) => spec.retryOf === run).length, 1);
  const sum = (counts: number[]) => counts.reduce((all, one) => all + one, 0);
  expect('all runs', runs.length, sum(comments.map(one => one.runs)) + 2 * merges.length + presses.length);

  for (const repo of new Set([...comments, ...merges].map(one => one.repo))) {
    for (const issue of repo.state.issues.keys()) {
      const own = at(repo.id, issue);
      const said = repo
        .comments(issue)
        .filter(one => one.viaApp)
        .map(one => /^#### \S+ \\#\u2060?(\d+) (.*)/.exec(one.body));
      const shown = said.flatMap(found => (found ? [Number(found[1])] : []));
      const numbers = own.map(run => run.number).sort((a, b) => a - b);
      expect(
        `comments of runs at ${repo.name}#${issue}`,
        shown.sort((a, b) => a - b),
        numbers,
      );
      const answers = comments.filter(one => one.repo === repo && one.pull === issue);
      expect(
        `answers at ${repo.name}#${issue}`,
        said.length - shown.length,
        sum(answers.map(one => one.answers)),
      );
    }
    const own = [...repo.state.issues.keys()].flatMap(issue => at(repo.id, issue));
    // Besides those that sum them up.
    const ofRuns = repo.checks().filter(one => one.name !== 'signalbox');
    const checks = ofRuns.map(one => `${one.name} ${one.status}`);
    expect(
      `checks at ${repo.name}`,
      checks.sort(),
      own.map(run => `${run.spec.project} (run ${run.number}) completed`).sort(),
    );
  }
  return { runs: runs.length, wrong };
}
