import { CronExpressionParser } from 'cron-parser';
import type { Schedule } from '../core/repository-file.ts';

/** What crontab(5) knows. What others have added (`H`, `L`, `?`) means something else everywhere. */
const field = /^(?:[\d*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)+$/i;

/** What is wrong with a schedule; null: nothing is. */
export function cronProblem(schedule: Schedule): { key: keyof Schedule; reason: string } | null {
  if (!isZone(schedule.timeZone))
    return { key: 'timeZone', reason: 'There is no such time zone: write it as in Europe/Paris or UTC.' };
  const fields = schedule.cron.split(/\s+/);
  const strange = fields.find(one => !field.test(one));
  if (fields.length !== 5 || strange !== undefined)
    return { key: 'cron', reason: `crontab(5) knows no ${strange ?? 'other number of fields than five'}.` };
  try {
    cronNext(schedule, new Date(0));
    return null;
  } catch (err) {
    return { key: 'cron', reason: `${err instanceof Error ? err.message : String(err)}.` };
  }
}

/**
 * The first moment of a schedule after another one. Where clocks are put forward, what would be in the hour that is left out comes an hour
 * later; where they are put back, it comes once. Throws for one that `cronProblem` finds fault with.
 */
export function cronNext({ cron, timeZone }: Schedule, after: Date): Date {
  return CronExpressionParser.parse(cron, { tz: timeZone, currentDate: after }).next().toDate();
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
