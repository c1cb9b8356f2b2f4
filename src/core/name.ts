import { z } from 'zod';

/** What teams, pools, flavors, cohorts and projects are called. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,38}$/,
    'must be lower-case letters, digits and dashes, at most 39, not starting with a dash',
  );
