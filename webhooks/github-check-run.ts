import { z } from 'zod';
import { type CheckMark, readCheckMark } from '../src/core/check-mark.ts';
import { githubPlace, githubSender, repositorySchema, senderSchema } from '../src/core/github-sender.ts';
import { fieldsOf } from '../src/core/github-told.ts';
import { nameSchema } from '../src/core/name.ts';
import type { Signed, Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_run */
const pressSchema = z.object({
  action: z.enum(['requested_action', 'rerequested']),
  installation: z.object({ id: z.int() }),
  repository: repositorySchema,
  sender: senderSchema,
  check_run: z.object({ external_id: z.string().min(1) }),
  requested_action: z.object({ identifier: z.string() }).nullish(),
});

/** What a button of a run's check says, and GitHub's own "Re-run". */
const ofRun: Record<string, (run: number) => string> = {
  cancel: run => `train cancel ${run}`,
  rerun: run => `train retry ${run}`,
};

/** The same for any check: each is what somebody would say. */
function wordsOf(mark: CheckMark, pressed: string): string[] {
  if ('run' in mark) {
    const line = Object.hasOwn(ofRun, pressed) ? ofRun[pressed] : undefined;
    return line ? [line(mark.run)] : [];
  }
  if (pressed === again) return mark.runs.map(run => `train retry ${run}`);
  return nameSchema.safeParse(pressed).success ? [`train ${pressed} --ref ${mark.sha}`] : [];
}

/** No rule has it as its name. */
const again = 'Re-run';

/** A press of a button on a check run is what its words would be, said at its pull request by the one who pressed it. */
export const githubCheckRun = {
  name: 'github-check-run',
  source: 'github',
  kind: 'check_run',
  events: ['requested_action', 'rerequested'],
  translate(payload: unknown, deliveryId: string): Translation | Signed {
    const parsed = pressSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a press on a check: ${fieldsOf(parsed.error)}` };
    const { action, repository, sender, check_run, requested_action } = parsed.data;
    if (sender.type !== 'User') return { kind: 'ignore', why: 'a press of a program' };
    const button = requested_action?.identifier ?? '';
    return {
      kind: 'signed',
      value: check_run.external_id,
      read(text) {
        const mark = text === null ? null : readCheckMark(text);
        if (mark?.repo !== repository.id)
          return { kind: 'ignore', why: 'a press on a check that is none of ours' };
        const { actor, account } = githubSender(sender);
        const pressed = action === 'requested_action' ? button : 'run' in mark ? 'rerun' : again;
        const place = githubPlace(parsed.data, { issue: mark.issue, pull: true, user: sender.login });
        if ('run' in mark && pressed === 'promote')
          return {
            kind: 'promote',
            key: `github:${deliveryId}`,
            place,
            actor,
            account,
            of: { run: mark.run },
          };
        const lines = wordsOf(mark, pressed);
        if (lines.length === 0) return { kind: 'ignore', why: 'a press of a button that is none of ours' };
        const intents = lines.map((words, i) => ({
          key: i === 0 ? `github:${deliveryId}` : `github:${deliveryId}:${i}`,
          ...{ actor, place, wish: { kind: 'words' as const, words } },
        }));
        return { kind: 'intents', place, account, intents };
      },
    };
  },
} satisfies WebhookDefinition;
