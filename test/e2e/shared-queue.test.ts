import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type House, openHouse } from './house.ts';
import { until } from './until.ts';

/**
 * Training that counts steps until it is let go, keeps the last one when it is asked to end, and goes on from there. It takes its time for
 * that, so that others can be seen to wait.
 */
const train = `file="$SIGNALBOX_CHECKPOINT_DIR/step"
step=$(cat "$file" 2>/dev/null || echo 0)
echo "from step $step"
trap 'sleep 1; echo "$step" > "$file"; echo "kept step $step"; exit 143' TERM
while [ ! -s "$SIGNALBOX_PARAM_GATE" ]; do step=$((step + 1)); sleep 0.05; done
echo "ended at step $step"
`;

const project = (team: string, more = '') =>
  `{ team: ${team}, source: repository, command: [sh, train.sh], attempts: 1, grace: 10s, parameters: { gate: { type: text, default: /nowhere } }${more} }`;

const policy = `
flavors: { cpu: { resource: cpu } }
teams:
  vision: { queue: { quotas: { cpu: { quota: 1 } } } }
  speech: { queue: { preempts: true, quotas: { cpu: { quota: 1 } } } }
pools:
  here: { slots: 2, accelerators: none, flavors: [cpu] }
projects:
  digits: ${project('vision', ', preemptible: true')}
  words: ${project('speech')}
`;

let house: House;
before(async () => {
  house = await openHouse({}, { files: { 'train.sh': train }, policy });
});
after(() => house.close());

/** The run that was asked for in Slack, once it has begun or waits. */
async function asked(line: string): Promise<number> {
  const number = (await house.newest()) + 1;
  await house.people.says(house.service().url, line);
  await until(`run #${number}`, async () => (await house.newest()) === number);
  return number;
}

async function shown(number: number): Promise<{ text: string; thread: string[] }> {
  const found = (await house.people.messages()).find(({ text }) => text.startsWith(`#${number} `));
  return found ?? { text: '', thread: [] };
}

const logOf = async (number: number, attempt: number) =>
  await (await house.call(`/v1/runs/${number}/logs?attempt=${attempt}`)).text();

describe('quota that is taken back', () => {
  test('a run that borrowed is stopped, keeps its work, waits, and goes on from its checkpoint; its owner is told once', async () => {
    const gates = [house.gate('own'), house.gate('borrowed'), house.gate('owner')];
    const own = await asked(`/train digits -p gate=${gates[0]?.path}`);
    await house.reaches(own, 'running');
    const borrower = await asked(`/train digits -p gate=${gates[1]?.path}`);
    await house.reaches(borrower, 'running');
    await until('some steps', async () => (await logOf(borrower, 1)).includes('from step 0'));
    const waited = performance.now();
    const owner = await asked(`/train words -p gate=${gates[2]?.path}`);

    const room = await until('room to be made', async () => {
      const { waiting } = await house.run(owner);
      return waiting?.code === 'making-room' && waiting;
    });
    assert.match(room.sentence, new RegExp(`#${borrower}\\b`));
    const stopping = await house.run(borrower);
    assert.equal(stopping.stopping, 'preempt');
    assert.equal(stopping.preemptedBy?.run, owner);
    assert.equal(stopping.preemptedBy?.rule, 'reclaim');

    await house.reaches(owner, 'running');
    const tookS = (performance.now() - waited) / 1_000;
    assert.ok(tookS < 15, `${tookS} s until it had its place`);
    const between = await house.reaches(borrower, 'queued');
    assert.deepEqual([between.attempt, between.preemptions, between.failure], [1, 1, null]);
    const message = await until('its message', async () => {
      const found = await shown(borrower);
      return found.text.includes('It made room (reclaim).') && found.thread.length > 0 && found;
    });
    assert.match(message.text, new RegExp(`#${borrower} digits is queued`));
    assert.match(message.text, new RegExp(`Stopped for #${owner}: team speech takes back cpu of its quota`));

    for (const gate of gates) gate.open();
    const ended = await house.reaches(borrower, 'succeeded');
    assert.deepEqual([ended.attempt, ended.maxAttempts, ended.preemptions], [2, 1, 1]);
    const kept = /kept step (\d+)/.exec(await logOf(borrower, 1))?.[1];
    assert.ok(Number(kept) > 0, `kept step ${kept}`);
    assert.match(await logOf(borrower, 2), new RegExp(`^from step ${kept}$`, 'm'));
    for (const number of [own, owner]) assert.equal((await house.reaches(number, 'succeeded')).attempt, 1);

    const last = await until('the end of it in its thread', async () => {
      const found = await shown(borrower);
      return found.thread.length > 1 && found.text.includes('succeeded') && found;
    });
    assert.equal(last.thread.length, 2, last.thread.join('\n--\n'));
    assert.match(
      last.thread[0] ?? '',
      new RegExp(`#${borrower} digits was preempted for #${owner} \\(reclaim\\)`),
    );
    assert.match(last.thread[0] ?? '', /@U000000001: Stopped for/);
    assert.match(last.thread[1] ?? '', /succeeded/);
    assert.match(last.text, /2 \(1 made room and does not count\) of at most 1/);
    await until('the end of the other in its thread', async () => (await shown(own)).thread.length === 1);
  });
});
