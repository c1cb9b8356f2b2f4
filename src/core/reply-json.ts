import { z } from 'zod';
import { type ReplyBlock, replyActions, tones } from './reply.ts';

const inlineSchema = z.union([
  z.string(),
  z.object({ bold: z.string() }),
  z.object({ code: z.string() }),
  z.object({ command: z.string() }),
  z.object({ link: z.string(), text: z.string() }),
  z.object({ person: z.string(), name: z.string() }),
  z.object({ at: z.iso.datetime().transform(text => new Date(text)) }),
]);
const inlines = z.array(inlineSchema);

const replyBlockSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('details'),
    title: z.string(),
    get blocks(): z.ZodType<ReplyBlock[]> {
      return z.array(replyBlockSchema);
    },
  }),
  z.object({ kind: z.literal('text'), text: inlines }),
  z.object({ kind: z.literal('heading'), text: z.string() }),
  z.object({ kind: z.literal('form'), form: z.string(), label: z.string() }),
  z.object({
    kind: z.literal('fields'),
    rows: z.array(z.object({ label: z.string(), value: inlines })),
  }),
  z.object({
    kind: z.literal('table'),
    columns: z.array(z.object({ title: z.string(), align: z.literal('right').optional() })),
    rows: z.array(z.array(z.string())),
  }),
  z.object({ kind: z.literal('code'), text: z.string() }),
  z.object({ kind: z.literal('list'), items: z.array(inlines) }),
  z.object({ kind: z.literal('progress'), done: z.number(), total: z.number(), label: z.string() }),
  z.object({
    kind: z.literal('chart'),
    title: z.string(),
    metric: z.string(),
    unit: z.string().optional(),
    better: z.enum(['higher', 'lower']).nullable(),
    xTitle: z.enum(['step', 'epoch']),
    series: z.array(
      z.object({
        name: z.string(),
        role: z.enum(['run', 'baseline']),
        points: z.array(z.object({ x: z.number(), y: z.number() })),
        oddAt: z.number().optional(),
      }),
    ),
    pictures: z.object({ light: z.string(), dark: z.string() }).optional(),
  }),
  z.object({ kind: z.literal('context'), text: inlines }),
  z.object({
    kind: z.literal('actions'),
    actions: z.array(
      z.object({
        action: z.enum(replyActions),
        run: z.int(),
        label: z.string(),
        cost: z.number().optional(),
        id: z.string().optional(),
        version: z.object({ model: z.string(), number: z.int() }).optional(),
        confirm: z
          .object({ title: z.string(), text: z.string(), yes: z.string(), no: z.string() })
          .optional(),
      }),
    ),
  }),
]);

/** A `Reply` as JSON, and back: its moments are text in between. */
export const replySchema = z.object({
  audience: z.enum(['sender', 'place']),
  tone: z.enum(tones),
  title: z.string(),
  blocks: z.array(replyBlockSchema),
  shownByRun: z.boolean().optional(),
  data: z.unknown().optional(),
});
