import { type Comparison, comparisons } from '../expression/expression.ts';

/** What must be so of a number: `< 1%`. */
export interface Holds {
  sign: Comparison;
  limit: number;
  text: string;
}

/** Reads `< 0.01` or `< 1%`; null: it is none. */
export function readHolds(text: string): Holds | null {
  const found = /^(<=|>=|==|!=|<|>)\s*(-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)(%?)$/.exec(
    text.trim(),
  );
  const sign = comparisons.find(one => one === found?.[1]);
  if (!found || !sign) return null;
  return { sign, limit: Number(found[2]) / (found[3] === '%' ? 100 : 1), text: text.trim() };
}

/** NaN holds nothing, `!=` included. */
export function holds({ sign, limit }: Holds, value: number): boolean {
  if (Number.isNaN(value)) return false;
  switch (sign) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
  }
}
