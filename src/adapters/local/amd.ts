import { z } from 'zod';
import { show } from './show.ts';

/** A GPU that amd-smi or rocm-smi showed. */
export interface AmdGpu {
  /** Their number for it. */
  number: number;
  /**
   * What ROCR_VISIBLE_DEVICES takes for it: its UUID, `GPU-` and the sixteen digits of its unique id; where it has none of its own, its
   * place in the order in which the runtime counts, which is that of the kernel's nodes.
   */
  device: string;
  model: string;
  memoryMb: number;
  healthy: boolean;
}

const unnamed = 'AMD GPU';
const number = z.coerce.number().int().min(0).max(9_999);
const words = z.string().catch('');
const quantity = z.union([
  z.object({ value: z.coerce.number(), unit: z.string() }),
  z.string().transform((text, context) => {
    const [, value, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text) ?? [];
    if (value !== undefined && unit !== undefined) return { value: Number(value), unit };
    context.addIssue({ code: 'custom', message: 'no quantity' });
    return z.NEVER;
  }),
]);

const listedSchema = z.object({ gpu: number, node_id: number.nullable().catch(null) });
const staticSchema = z.object({
  gpu: number,
  asic: z.object({ market_name: words, asic_serial: words }),
  vram: z
    .object({ size: quantity.nullable().catch(null) })
    .nullable()
    .catch(null),
});

/**
 * What `amd-smi list --json` and `amd-smi static --asic --vram --json` print: a list, or from ROCm 7 on one under `gpu_data`. A GPU that is
 * listed without anything said of it is there but not healthy.
 */
export function parseAmdSmi(list: string, details: string): AmdGpu[] {
  const listed = items(list, listedSchema);
  const said = new Map(items(details, staticSchema).map(one => [one.gpu, one]));
  const numbers = [...new Set([...listed.map(one => one.gpu), ...said.keys()])].sort((a, b) => a - b);
  const nodes = new Map(listed.map(one => [one.gpu, one.node_id]));
  return named(
    numbers.map(gpu => {
      const one = said.get(gpu);
      return {
        number: gpu,
        node: nodes.get(gpu) ?? null,
        serial: one?.asic.asic_serial ?? '',
        model: nameOf(one?.asic.market_name),
        memoryMb: megabytes(one?.vram?.size ?? null),
        healthy: one !== undefined,
      };
    }),
  );
}

/** What `rocm-smi --showproductname --showuniqueid --showmeminfo vram --json` prints: `{"card0": {...}, "system": {...}}`. */
export function parseRocmSmi(text: string): AmdGpu[] {
  const cards = z.record(z.string(), z.unknown()).safeParse(json(text)).data ?? {};
  const found = Object.entries(cards).flatMap(([name, card]) => {
    const [, index] = /^card(\d{1,4})$/.exec(name) ?? [];
    const fields = z.record(z.string(), z.unknown()).safeParse(card).data;
    if (index === undefined || !fields) return [];
    // The same fields have had capitals in other places.
    const lower = new Map(Object.entries(fields).map(([key, value]) => [key.toLowerCase(), String(value)]));
    const memory = Number(lower.get('vram total memory (b)') ?? 0);
    return [
      {
        number: Number(index),
        node: number
          .nullable()
          .catch(null)
          .parse(lower.get('node id') ?? null),
        serial: lower.get('unique id') ?? '',
        model: nameOf(lower.get('card series') ?? lower.get('card model')),
        memoryMb: Number.isFinite(memory) ? Math.floor(memory / 2 ** 20) : 0,
        healthy: true,
      },
    ];
  });
  return named(found.sort((a, b) => a.number - b.number));
}

/** No program shows no GPUs; rocm-smi is asked where amd-smi shows none. */
export async function readAmd(programs: { amdSmi: string; rocmSmi: string }): Promise<AmdGpu[]> {
  const [list, details] = await Promise.all([
    show(programs.amdSmi, ['list', '--json']),
    show(programs.amdSmi, ['static', '--asic', '--vram', '--json']),
  ]);
  const found = parseAmdSmi(list.text, details.text);
  if (found.length > 0 || list.hung || details.hung) return found;
  const { text } = await show(programs.rocmSmi, [
    '--showproductname',
    '--showuniqueid',
    '--showmeminfo',
    'vram',
    '--json',
  ]);
  return parseRocmSmi(text);
}

type Shown = Omit<AmdGpu, 'device'> & { node: number | null; serial: string };

function named(gpus: Shown[]): AmdGpu[] {
  const inOrder = [...gpus].sort((a, b) => (a.node ?? 0) - (b.node ?? 0) || a.number - b.number);
  const serials = gpus.map(gpu => uniqueId(gpu.serial));
  return gpus.map(({ node, serial, ...gpu }) => {
    const id = uniqueId(serial);
    // Partitions of one GPU share its id.
    const own = id !== null && serials.filter(other => other === id).length === 1;
    return {
      ...gpu,
      device: own ? `GPU-${id}` : String(inOrder.findIndex(one => one.number === gpu.number)),
    };
  });
}

function uniqueId(text: string): string | null {
  const [, digits] = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text.trim()) ?? [];
  return digits === undefined || /^0+$/.test(digits) ? null : digits.toLowerCase().padStart(16, '0');
}

function nameOf(text: string | undefined): string {
  return text === undefined || text === '' || text === 'N/A' ? unnamed : text.slice(0, 200);
}

function megabytes(size: { value: number; unit: string } | null): number {
  const scale: Record<string, number> = { b: 2 ** -20, kb: 2 ** -10, mb: 1, gb: 2 ** 10 };
  const value = size ? size.value * (scale[size.unit.toLowerCase()] ?? 0) : 0;
  return Number.isFinite(value) ? Math.max(0, Math.floor(value)) : 0;
}

/** Each item that is as it should be. */
function items<T>(text: string, schema: z.ZodType<T>): T[] {
  const value = json(text);
  const list = z.object({ gpu_data: z.array(z.unknown()) }).safeParse(value).data?.gpu_data ?? value;
  return Array.isArray(list)
    ? list.flatMap(one => {
        const item = schema.safeParse(one);
        return item.success ? [item.data] : [];
      })
    : [];
}

/** Warnings may stand before it. */
function json(text: string): unknown {
  const start = text.search(/^[[{]/m);
  if (start < 0) return null;
  try {
    return JSON.parse(text.slice(start));
  } catch {
    return null;
  }
}
