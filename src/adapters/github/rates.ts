import { perMinute, type Rate } from '../../core/rate.ts';

/**
 * Besides what an hour gives for all calls, GitHub takes 80 changes a minute and 500 an hour that make content
 * (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits).
 */
const minute = { most: 80, burst: 20 };
const hour = { most: 500, burst: 100 };
const calls = { most: 5_000, burst: 1_000 };
/** What says only how far something is leaves so many of each to what matters more. */
const leftByPatient = { minute: 10, hour: 60 };

/** What a call as one installation uses up. */
export function githubRates(
  installation: number,
  { writes, patient = false }: { writes: boolean; patient?: boolean | undefined },
): [Rate, ...Rate[]] {
  const whole = perHour(`github ${installation} calls`, calls);
  if (!writes) return [whole];
  const inMinute = perMinute(`github ${installation} writes a minute`, minute.most, minute.burst);
  const inHour = perHour(`github ${installation} writes an hour`, hour);
  if (!patient) return [whole, inMinute, inHour];
  return [
    whole,
    { ...inMinute, burst: inMinute.burst - leftByPatient.minute },
    { ...inHour, burst: inHour.burst - leftByPatient.hour },
  ];
}

/** In any hour at most `most`, of which `burst` may come at once. */
function perHour(key: string, { most, burst }: { most: number; burst: number }): Rate {
  return { key, everyMs: 3_600_000 / (most - burst), burst };
}
