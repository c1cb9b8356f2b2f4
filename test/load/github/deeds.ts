import type { FakeGitHub } from '../../fakes/github/fake.ts';
import type { Json } from '../../fakes/github/world.ts';
import type { Random } from '../../support/random.ts';

type Repo = Awaited<ReturnType<FakeGitHub['repo']>>;

/** What must come of what people did, by what they did; nothing else may. */
export interface Wanted {
  /** `runs` and `answers`: how many, at the pull request. */
  comments: { repo: Repo; pull: number; id: number; runs: number; answers: number; signs: string[] }[];
  /** Each starts a run for each of two rules; `pull`: where they are shown. */
  merges: { repo: Repo; sha: string; pull: number | null }[];
  /** Somebody wants a run again, by its check. */
  presses: { repo: Repo; run: number }[];
}

/** The last one fits nothing. */
const file = (project: string) => `rules:
  main: { project: ${project}, on: { merge: { branches: [main] } } }
  code: { project: ${project}, on: { merge: { branches: ['m*'], paths: ['*.py'] } } }
  words: { project: ${project}, on: { merge: { branches: [main], paths: ['docs/**'] } } }
`;

/** What people do in one repository, deed by deed; each next one when it is asked for. */
export async function* deedsIn(github: FakeGitHub, index: number, wanted: Wanted): AsyncGenerator<Repo> {
  const project = `org-${index}`;
  const repo = await github.repo(`${project}/digits`, {
    roles: { octocat: 'write', hubot: 'read' },
    files: { '.signalbox.yml': file(project), run: '' },
  });
  const by = 'octocat';

  async function propose(branch: string) {
    await repo.push({ by, branch, files: { [`${branch}.py`]: 'pass\n' } });
    const pull = await repo.open({ by, from: branch });
    return { pull, sha: repo.pull(pull).pull.head.sha };
  }
  async function say(pull: number, lines: string[], { runs = 0, answers = 0, who = by } = {}) {
    const id = await repo.comment(who, pull, lines.join('\n\n'));
    const signs = who === by ? ['eyes', 'rocket'] : ['confused', 'eyes'];
    wanted.comments.push({ repo, pull, id, runs, answers, signs });
  }

  yield repo;
  const first = await propose('first');
  yield repo;
  if (index % 3 === 0) {
    const train = `/train ${project} --ref ${first.sha}`;
    await say(first.pull, ['Twice, please.', train, '> /train nothing', train, '/gpu'], {
      runs: 2,
      answers: 1,
    });
    yield repo;
    await say(first.pull, [train], { who: 'hubot' });
    yield repo;
    await repo.close(by, first.pull);
    return;
  }
  if (index % 3 === 1) {
    const method = (['merge', 'squash', 'rebase'] as const)[index % 9 === 1 ? 0 : index % 9 === 4 ? 1 : 2];
    await repo.merge(by, first.pull, { method });
    wanted.merges.push({ repo, sha: await repo.head(), pull: first.pull });
    yield repo;
    await repo.push({ by, files: { 'direct.py': 'pass\n' } });
    wanted.merges.push({ repo, sha: await repo.head(), pull: null });
    return;
  }
  await say(first.pull, [`/train ${project} --ref ${first.sha.slice(0, 12)}`], { runs: 1 });
  yield repo;
  await repo.merge(by, first.pull);
  wanted.merges.push({ repo, sha: await repo.head(), pull: first.pull });
}

/** What happens besides, of which nothing may come. */
export function something(github: FakeGitHub, repo: Repo, roll: Random): void {
  const { world, deliveries } = github;
  const person = (login: string) => {
    const { id, type } = world.user(login);
    return { id, login, type };
  };
  const emit = (event: string, action: string | null, more: Json, by = 'octocat') =>
    deliveries.emit({
      event,
      action,
      installation: repo.installation,
      repository: repo.id,
      payload: {
        ...(action === null ? {} : { action }),
        repository: {
          id: repo.id,
          full_name: repo.name,
          private: false,
          pushed_at: Math.floor(Date.now() / 1_000),
        },
        sender: person(by),
        installation: { id: repo.installation },
        ...more,
      },
    });
  const words = 'Looks good to me. '.repeat(roll.int(1, 60));
  const comment = (action: string, body: string, by = 'octocat') => {
    const issue = { number: 1, pull_request: {} };
    const said = { id: world.id(), body, created_at: new Date().toISOString(), user: person(by) };
    emit('issue_comment', action, { issue, comment: said }, by);
  };
  const sha = () => Array.from({ length: 5 }, () => roll.int(0x10000000, 0xffffffff).toString(16)).join('');
  const push = (ref: string, after: string) =>
    emit('push', null, { ref, before: sha(), after, forced: false });
  const check = { external_id: words.slice(0, 20) };
  const pull = () => {
    const at = (ref: string) => ({ ref, sha: sha(), repo: { id: repo.id } });
    const number = roll.int(1_000, 9_999);
    const times = { updated_at: new Date().toISOString(), closed_at: new Date().toISOString() };
    return {
      number,
      ...times,
      merged: false,
      merge_commit_sha: null,
      labels: [],
      head: at('other'),
      base: at('main'),
    };
  };
  roll.pick([
    () => comment('created', words),
    () => comment('created', words),
    () => comment('created', `> /train org-0\n\n${words}`),
    () => comment('created', `\`\`\`\n/train org-0\n\`\`\`\n${words}`),
    () => comment('edited', '/train org-0'),
    () => comment('created', '/train org-0', github.app.login),
    () => emit('pull_request', 'labeled', { pull_request: pull() }),
    () => emit('pull_request', 'opened', { pull_request: pull() }),
    () => emit('pull_request', 'synchronize', { before: sha(), pull_request: pull() }),
    () => emit('pull_request', 'closed', { pull_request: pull() }),
    () => push('refs/tags/v1', sha()),
    () => push('refs/heads/gone', '0'.repeat(40)),
    () => push('refs/heads/elsewhere', repo.state.issues.get(1)?.pull?.head.sha ?? '0'.repeat(40)),
    () => emit('check_run', 'completed', { check_run: check }),
    () =>
      emit('check_run', 'requested_action', { check_run: check, requested_action: { identifier: 'rerun' } }),
    () => emit('check_run', 'rerequested', { check_run: check }),
    () => emit('status', null, { sha: sha(), state: 'success' }),
    () => emit('check_suite', 'completed', { check_suite: { id: 1 } }),
    () => emit('deployment', 'created', { deployment: { id: 1 } }),
  ])();
}
