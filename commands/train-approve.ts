import { defineCommand, type Outcome } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { readApproved } from '../src/core/head-for.ts';
import { formatMoney, isWithin, typedMoney } from '../src/core/money.ts';
import { reply } from '../src/core/reply.ts';
import { askedCost, type Run } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';
import { titleOf } from '../src/core/run-reply.ts';

/**
 * Lets a commit of a fork run, at its pull request, by the word of whoever may write to that repository; or lets a run that waits for it cost what it asks for. Whoever asked for the run may
 * not, under any account. Two at once are one approval, and a cost that has grown since it was shown is not approved.
 */
export const trainApprove = defineCommand({
  path: ['train', 'approve'],
  summary: 'Approve what a run may cost, or that a commit of a fork is run.',
  access: 'approver',
  writers: {
    access: 'trainer',
    usage: 'train approve <commit>',
    isMeant: ({ run }) => typeof run === 'string' && readApproved(run).kind === 'commit',
  },
  scope: 'admin',
  arguments: [
    {
      name: 'run',
      kind: 'word',
      summary: "The run's number; at a pull request of a fork, 7 to 40 digits of its head.",
      required: true,
    },
  ],
  flags: [
    { name: 'cost', kind: 'amount', summary: 'The most that is approved; what it asks for otherwise.' },
  ],
  examples: ['train approve 42', 'train approve 42 --cost 51.20'],
  needs: ['runs', 'pulls'],
  async run(values, { actor, place, key, role, isSelf, policy, now }, { runs, pulls }) {
    const said = readApproved(values.run);
    if (said.kind === 'commit' && place.kind === 'github' && place.pull) {
      const approved = await pulls.approve({ place, said: said.sha, key, by: actor, role }, policy);
      if (!approved.ok) return approved;
      return { ok: true, reply: reply(`${approved.sha} may run, until something is pushed.`, []) };
    }
    if (said.kind !== 'run') return unclear(values.run);
    const found = await findRun(said.run, runs);
    if (!found.ok) return found;
    const { run } = found;
    const { number, approval } = run;
    if (isSelf(run.requestedBy)) return { ok: false, code: 'APPROVAL_OWN', details: { number } };
    const cost = askedCost(run);
    if (cost === null) {
      // The second of two who press at once, or a repeat.
      if (approval && isWithin(approval.cost, values.cost ?? approval.cost))
        return approved(run, policy.currency);
      return needless(run);
    }
    if (values.cost !== undefined && !isWithin(cost, values.cost)) {
      const example = `train approve ${number} --cost ${typedMoney(cost)}`;
      const word = formatMoney(values.cost, policy.currency);
      const details = { number, word, cost: formatMoney(cost, policy.currency), example };
      return { ok: false, code: 'APPROVAL_LESS', details };
    }
    const sentence = `${actor.name} approved that it costs up to ${formatMoney(cost, policy.currency)}.`;
    const changed = await runs.change(number, { type: 'approve', actor, cost, sentence }, now, actor);
    if (changed.ok) return approved(changed.run, policy.currency);
    const again = await findRun(number, runs);
    if (!again.ok) return again;
    return again.run.approval && again.run.approval.cost >= cost
      ? approved(again.run, policy.currency)
      : needless(again.run);
  },
});

function unclear(word: string): Outcome {
  const allowed = [
    'the number of a run, with # before it where it has 7 digits or more',
    'at a pull request, 7 to 40 digits of its head, of which one is a letter unless it is all 40',
  ];
  return { ok: false, code: 'VALUE_INVALID', details: { word, name: 'run', allowed } };
}

function approved(run: Run, currency: string): Outcome {
  const { approval } = run;
  const said = approval
    ? ` It may cost up to ${formatMoney(approval.cost, currency)}, by ${approval.by.name}.`
    : '';
  return { ok: true, reply: reply(`Run ${titleOf(run)}.${said}`, [], { data: runJson(run) }) };
}

function needless({ number, state, stopping }: Run): Outcome {
  const details = { number, state: stopping ? 'being stopped' : state, example: `train status ${number}` };
  return { ok: false, code: 'APPROVAL_NEEDLESS', details };
}
