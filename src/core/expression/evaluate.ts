import { type Comparison, type Expression, numeric } from './expression.ts';

export type Value = number | string | boolean;

/** What names and functions stand for. Null: it is not there. */
export interface Facts {
  valueOf(path: readonly string[]): number | string | null;
  /** `of`: the path of what a function takes by name, else the text. */
  call(name: string, of: readonly string[] | string): number | string | null;
}

/** One comparison as it came out. */
export interface Compared {
  sign: Comparison;
  left: number | string;
  right: number | string;
  holds: boolean;
}

export type Evaluated =
  | { ok: true; holds: boolean; compared: Compared[] }
  /** `missing`: a name that stands for nothing; `not-finite`: what is no number, of which nothing can be said. */
  | { ok: false; why: 'missing' | 'not-finite'; name: string };

class Stopped extends Error {
  readonly why: 'missing' | 'not-finite';
  readonly of: string;
  constructor(why: 'missing' | 'not-finite', of: string) {
    super(why);
    this.why = why;
    this.of = of;
  }
}

/**
 * Whether a condition holds. Everything in it is looked at, so that a name that is not there is said whatever stands before it. `strict`:
 * what is not finite ends it, since comparing with NaN is false either way round and `not` would make it true.
 */
export function evaluate(expression: Expression, facts: Facts, strict: boolean): Evaluated {
  const compared: Compared[] = [];
  const known = (value: number | string | null, name: string): number | string => {
    if (value === null) throw new Stopped('missing', name);
    if (strict && typeof value === 'number' && !Number.isFinite(value)) throw new Stopped('not-finite', name);
    return value;
  };
  const visit = (one: Expression): Value => {
    switch (one.kind) {
      case 'number':
      case 'text':
        return one.value;
      case 'name':
        return known(facts.valueOf(one.path), one.path.join('.'));
      case 'call':
        return called(one.name, one.of);
      case 'negative':
        return -Number(visit(one.of));
      case 'arithmetic':
        return known(
          calculated(one.sign, Number(visit(one.left)), Number(visit(one.right))),
          `a ${one.sign} in it`,
        );
      case 'comparison': {
        const [left, right] = [visit(one.left), visit(one.right)];
        if (typeof left === 'boolean' || typeof right === 'boolean') return false;
        const holds = compares(one.sign, left, right);
        compared.push({ sign: one.sign, left, right, holds });
        return holds;
      }
      case 'nan':
        return Number.isNaN(visit(one.of)) !== one.not;
      case 'not':
        return visit(one.of) === false;
      case 'all':
        return one.of.map(visit).every(value => value === true);
      case 'any':
        return one.of.map(visit).some(value => value === true);
    }
  };
  const called = (name: string, of: readonly Expression[]): number | string => {
    const calculates = Object.hasOwn(numeric, name) ? numeric[name] : undefined;
    if (calculates) return known(calculates.of(...of.map(part => Number(visit(part)))), name);
    const [part] = of;
    const taken = part?.kind === 'name' ? part.path : part?.kind === 'text' ? part.value : '';
    return known(facts.call(name, taken), `${name}(${[taken].flat().join('.')})`);
  };
  try {
    return { ok: true, holds: visit(expression) === true, compared };
  } catch (err) {
    if (err instanceof Stopped) return { ok: false, why: err.why, name: err.of };
    throw err;
  }
}

function calculated(sign: '+' | '-' | '*' | '/', left: number, right: number): number {
  if (sign === '+') return left + right;
  if (sign === '-') return left - right;
  return sign === '*' ? left * right : left / right;
}

/** Far below what a metric means and far above what sums in binary lose: `0.3 - 0.1` is 0.2. */
const sameWithin = 1e-12;

/** With NaN nothing holds, `!=` neither. */
function compares(sign: Comparison, left: number | string, right: number | string): boolean {
  if (Number.isNaN(left) || Number.isNaN(right)) return false;
  const same =
    left === right || (typeof left === 'number' && typeof right === 'number' && isNear(left, right));
  switch (sign) {
    case '==':
      return same;
    case '!=':
      return !same;
    case '<':
      return !same && left < right;
    case '<=':
      return same || left < right;
    case '>':
      return !same && left > right;
    case '>=':
      return same || left > right;
  }
}

function isNear(left: number, right: number): boolean {
  return (
    Number.isFinite(left - right) &&
    Math.abs(left - right) <= sameWithin * Math.max(Math.abs(left), Math.abs(right))
  );
}
