import { type Octokit, RequestError } from 'octokit';
import type { GitHubPlace, Place } from '../../core/actor.ts';
import type { Check, CheckAnnotation, CheckButton, CommitCheck, RunCheck } from '../../core/check.ts';
import { checkMarkText, readCheckMark } from '../../core/check-mark.ts';
import {
  MessengerError,
  type MessengerPort,
  type OutgoingMessage,
  type Signer,
  type Surface,
} from '../../core/ports.ts';
import type { Tone } from '../../core/reply.ts';
import { byId, type GitHubCall } from './calls.ts';
import { GitHubError } from './errors.ts';
import { cutEnd, shown } from './markdown.ts';
import { renderComment, renderSummary } from './render.ts';

interface GitHubMessengerOptions {
  calls: GitHubCall;
  /** Its own, by which it tells its comments from others that have the same mark. */
  appId: string;
  /** Says in a check run what its buttons are for. */
  signer: Signer;
}

type Remote = NonNullable<Surface['remote']>;
type Call = <T>(
  place: GitHubPlace,
  use: { writes: boolean; patient?: boolean | undefined },
  call: (client: Octokit) => Promise<T>,
) => Promise<T>;

const pageSize = 100;
const mostPages = 10;
const mostTitle = 200;
/** More of them GitHub refuses. */
const mostButtons = 3;
/** By how much GitHub's clock may be behind ours. */
const clockSkewMs = 60_000;
/** Somebody has to correct the app's rights first. */
const slowlyMs = 60_000;

const signs = { working: 'eyes', success: 'rocket', failure: 'confused' } as const;

const buttons: Record<CheckButton, { label: string; description: string }> = {
  cancel: { label: 'Cancel', description: 'Stop the run.' },
  rerun: { label: 'Run again', description: 'Repeat it from the same commit.' },
  promote: { label: 'Promote', description: 'Ask that what it made serves.' },
};

/**
 * Shows replies on GitHub: one comment that is edited in place, or a check run. A comment carries its nonce where nobody sees it, by which
 * `find` recognises it; a check run is known by the run that it is signed for.
 */
export function githubMessenger({ calls, appId, signer }: GitHubMessengerOptions): MessengerPort {
  const call: Call = async (place, use, made) => {
    try {
      return await calls(place.installation, use, client => made(byId(client, place.repo)));
    } catch (error) {
      throw messengerError(error);
    }
  };

  async function send(message: OutgoingMessage): Promise<{ remote: Remote }> {
    const place = githubPlace(message.place);
    if (message.check) return { remote: await sendCheck(message, place, message.check) };
    const { remote, patient } = message;
    const repo = namesOf(remote?.channel ?? place.name);
    const body = `${renderComment(message.content)}\n\n${markOf(message.nonce)}`;
    if (remote) {
      const comment_id = Number(remote.ts);
      await call(place, { writes: true, patient }, client =>
        client.rest.issues.updateComment({ ...repo, comment_id, body }),
      );
      return { remote };
    }
    const { data } = await call(place, { writes: true, patient }, client =>
      client.rest.issues.createComment({ ...repo, issue_number: place.issue, body }),
    );
    return { remote: { channel: place.name, ts: String(data.id) } };
  }

  async function sendCheck(message: OutgoingMessage, place: GitHubPlace, check: Check): Promise<Remote> {
    const { content, remote, patient } = message;
    const repo = namesOf(remote?.channel ?? place.name);
    const { conclusion } = check;
    const { startedAt, endedAt, annotations, actions } =
      'run' in check ? partsOfRun(check) : partsOfCommit(check);
    const shared = {
      ...repo,
      name: check.name,
      status: check.status,
      external_id: await externalId(place, check),
      ...(startedAt ? { started_at: startedAt } : {}),
      ...(conclusion ? { conclusion } : {}),
      ...(conclusion && endedAt ? { completed_at: endedAt } : {}),
      output: {
        title: cutEnd(shown(content.title), mostTitle),
        // What is to be said is said at the pull request; here are buttons.
        summary: renderSummary({ blocks: content.blocks.filter(block => block.kind !== 'actions') }),
        ...(annotations.length > 0 ? { annotations: annotations.map(annotationOf) } : {}),
      },
      actions,
    };
    if (remote) {
      const check_run_id = Number(remote.ts);
      await call(place, { writes: true, patient }, client =>
        client.rest.checks.update({ ...shared, check_run_id }),
      );
      return remote;
    }
    const { data } = await call(place, { writes: true, patient }, client =>
      client.rest.checks.create({ ...shared, head_sha: check.sha }),
    );
    return { channel: place.name, ts: String(data.id) };
  }

  const externalId = ({ repo, issue }: GitHubPlace, check: Check) =>
    signer.sign(
      checkMarkText(
        'run' in check ? { repo, issue, run: check.run } : { repo, issue, sha: check.sha, runs: check.runs },
      ),
    );

  async function find(
    where: Place,
    nonce: string,
    since: Date,
    _thread?: Surface['thread'],
    check?: Check,
  ): Promise<Remote | null> {
    const place = githubPlace(where);
    const repo = namesOf(place.name);
    const id = check ? await checkAt(place, check, since) : await commentAt(place, nonce, since);
    return id === null ? null : { channel: `${repo.owner}/${repo.repo}`, ts: String(id) };
  }

  async function checkAt(place: GitHubPlace, check: Check, began: Date): Promise<number | null> {
    const { data } = await call(place, { writes: false }, client =>
      client.rest.checks.listForRef({
        ...namesOf(place.name),
        ref: check.sha,
        check_name: check.name,
        filter: 'all',
        per_page: pageSize,
      }),
    );
    const newestFirst = data.check_runs.toSorted((a, b) => b.id - a.id);
    for (const one of newestFirst) if (await isOf(one, place, check, began)) return one.id;
    return null;
  }

  async function isOf(
    { external_id, started_at }: { external_id: string | null; started_at: string | null },
    place: GitHubPlace,
    check: Check,
    began: Date,
  ): Promise<boolean> {
    if ('run' in check) return external_id === (await externalId(place, check));
    // What it repeats changes while nobody knows of it; and one of its name may be there that is over.
    const said = await signer.read(external_id ?? '');
    const mark = said === null ? null : readCheckMark(said);
    if (mark === null || 'run' in mark || mark.repo !== place.repo || mark.sha !== check.sha) return false;
    return started_at === null || new Date(started_at).getTime() >= began.getTime() - clockSkewMs;
  }

  async function commentAt(place: GitHubPlace, nonce: string, began: Date): Promise<number | null> {
    const since = new Date(began.getTime() - clockSkewMs).toISOString();
    const mark = markOf(nonce);
    for (let page = 1; page <= mostPages; page++) {
      const { data } = await call(place, { writes: false }, client =>
        client.rest.issues.listComments({
          ...namesOf(place.name),
          issue_number: place.issue,
          since,
          per_page: pageSize,
          page,
        }),
      );
      const found = data.find(
        ({ body, user, performed_via_github_app: by }) =>
          body?.endsWith(mark) && user?.type === 'Bot' && (!by || String(by.id) === appId),
      );
      if (found) return found.id;
      if (data.length < pageSize) return null;
    }
    return null;
  }

  async function react(where: Place, tone: Tone): Promise<void> {
    const place = githubPlace(where);
    const { comment } = place;
    const content = tone === 'working' || tone === 'success' ? signs[tone] : signs.failure;
    if (comment === undefined) throw new MessengerError('It was not said in a comment.', 'gone', 0);
    // Anybody may comment: what they cause leaves room for what runs have to say.
    await call(place, { writes: true, patient: true }, client =>
      client.rest.reactions.createForIssueComment({ ...namesOf(place.name), comment_id: comment, content }),
    );
  }

  const never = () => Promise.reject(new MessengerError('GitHub has no such place.', 'gone', 0));
  return { send, find, react, home: never, direct: never };
}

/** The end of every comment of Signalbox, seen by nobody. */
function markOf(nonce: string): string {
  return `<!-- signalbox ${nonce} -->`;
}

function partsOfRun({ startedAt, endedAt, annotation, buttons: own }: RunCheck) {
  const annotations = annotation ? [annotation] : [];
  const actions = own.slice(0, mostButtons).map(identifier => ({ identifier, ...buttons[identifier] }));
  return { startedAt, endedAt, annotations, actions };
}

function partsOfCommit({ annotations, buttons: actions }: CommitCheck) {
  return { startedAt: null, endedAt: null, annotations, actions };
}

function annotationOf({ path, line, message }: CheckAnnotation) {
  return {
    path,
    start_line: line,
    end_line: line,
    annotation_level: 'failure' as const,
    message: shown(message),
  };
}

function namesOf(name: string): { owner: string; repo: string } {
  const [owner = '', repo = ''] = name.split('/');
  return { owner, repo };
}

/** What a failed call to GitHub means for the message. */
function messengerError(error: unknown): unknown {
  if (!(error instanceof GitHubError)) return error;
  const { message, outcome, afterMs, busy } = error;
  if (outcome === 'retry') return new MessengerError(message, 'retry', afterMs, { busy, cause: error });
  // Somebody deleted it, or the place where it was to be; or a check belongs to a commit that is not there.
  const isInvalid = error.cause instanceof RequestError && error.cause.status === 422;
  if (outcome === 'missing' || isInvalid) return new MessengerError(message, 'gone', 0, { cause: error });
  return new MessengerError(message, 'retry', slowlyMs, { cause: error });
}

function githubPlace(place: Place): GitHubPlace {
  if (place.kind === 'github') return place;
  throw new MessengerError(`A ${place.kind} place shows no messages on GitHub.`, 'gone', 0);
}
