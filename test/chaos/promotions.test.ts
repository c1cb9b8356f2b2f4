import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type FakeGitHub, startGitHub } from '../fakes/github/fake.ts';
import { checkBox } from './check-life.ts';
import { checkPromotion, whatIsOpen } from './check-promotion.ts';
import { beginLife } from './life.ts';
import { approver, type ModelBox, openModelBox, until } from './model-box.ts';
import { isListed, type PromotionRow, promotionRows, type Story, stepsOf } from './promotion-rows.ts';
import { isLong } from './rows.ts';
import { arm, disarm, type Fired, takeFired, traced } from './steps.ts';
import { openTown, type Town } from './town.ts';
import { goOn } from './watch-life.ts';

/** What a worker that was halted had begun is over by then. */
const afterHaltMs = 1_500;

/**
 * SIGKILL for web, worker, front, agent and supervisor at each step by which a version comes to serve, or what served before does again. The
 * rows of a box come one after the other.
 */
describe('whoever dies while a version comes to serve, it comes to the same end', { concurrency: 2 }, () => {
  let town: Town;
  let github: FakeGitHub;
  before(async () => {
    town = await openTown();
    github = await startGitHub({ secret: 'a-secret-of-the-hook' });
  });
  after(async () => {
    await github?.close();
    await town?.close();
  });

  for (const workers of [1, 2] as const)
    describe(workers === 1 ? 'one worker' : 'two at once', { concurrency: 1 }, () => {
      let box: ModelBox;
      before(async () => {
        box = await openModelBox(town, workers, workers, github);
        await box.versions();
        await tell(box, 'live', 1);
      });
      after(async () => {
        try {
          await checkBox(box);
        } finally {
          await box?.close();
        }
      });

      if (workers === 1)
        for (const story of ['live', 'halted', 'rollback'] as const)
          test(`${story}: without a death it passes the steps that are listed, and no others`, async () => {
            const passed = await traced(box.folder, () => next(box, { story, deaths: [] }));
            const steps = new Set(passed.map(step => step.replace(/ (before|after)$/, '')).filter(isListed));
            // What is new belongs into promotion-rows.ts: a row is made of it.
            assert.deepEqual([...steps].sort(), stepsOf(story).sort());
          });
      for (const row of promotionRows[workers])
        test(
          row.name,
          { skip: row.isLong && !isLong ? 'takes a while: SIGNALBOX_CHAOS=long runs it' : false },
          () => next(box, row),
        );
    });

  /** With the version that is meant, from whichever serves now. */
  async function next(box: ModelBox, row: Omit<PromotionRow, 'name'>): Promise<void> {
    const { db } = box.database;
    const { version } = await db.selectFrom('serving').select('version').executeTakeFirstOrThrow();
    await tell(box, row.story, row.story === 'halted' ? version : 3 - version, row);
  }

  /** Until nothing is left to be done. */
  async function tell(
    box: ModelBox,
    story: Story,
    serves: number,
    { deaths, isHalted = false }: Pick<PromotionRow, 'deaths' | 'isHalted'> = { deaths: [] },
  ): Promise<void> {
    if (deaths.length > 0)
      arm(
        box.folder,
        deaths.map(step => ({
          step,
          nth: 1,
          signal: isHalted ? ('SIGSTOP' as const) : ('SIGKILL' as const),
        })),
      );
    const life = await beginLife(town, box, story);
    let isOpen = true;
    const asking = (async () => {
      for (; isOpen; await pause(20)) await box.ask();
    })();
    let reason: string | null = null;
    const died: Fired[] = [];
    try {
      if (story === 'rollback')
        await life.say('/model rollback digits --reason "it is worse"', { user: approver });
      else {
        await life.say(`/model promote digits ${story === 'halted' ? 3 : serves} --to production`);
        const number = await until('a promotion to be decided on', async () => {
          const { rows } = await box.database.pool.query(
            `select number from promotions where state = 'awaiting-approval' and place ->> 'channel' = $1`,
            [life.channel],
          );
          return rows[0]?.number;
        });
        await life.say(`/model approve P${number}`, { user: approver });
      }
      await until('its end', async () => {
        died.push(...takeFired(box.folder));
        reason = await whatIsOpen(box, life);
        return reason === null && died.length === deaths.length;
      });
      for (const one of died.filter(({ signal }) => signal === 'SIGSTOP')) {
        await goOn(one.pid);
        await pause(afterHaltMs);
      }
    } catch (err) {
      throw new Error(`${reason}, ${died.length} died, not at ${deaths[died.length]}\n${logsOf(box)}`, {
        cause: err,
      });
    } finally {
      disarm(box.folder);
      isOpen = false;
      await asking;
    }
    await checkPromotion(box, life, story, serves);
  }

  function logsOf(box: ModelBox): string {
    return ['web', 'worker', 'front', 'agent'].map(role => box.log(role)).join('\n');
  }
});
