/** What an expression comes to. Durations are numbers, in seconds. */
export type ValueType = 'number' | 'text' | 'truth';

export const comparisons = ['<=', '>=', '==', '!=', '<', '>'] as const;
export type Comparison = (typeof comparisons)[number];
export type Arithmetic = '+' | '-' | '*' | '/';

/** `at`: where it begins in the text, from 0. */
export type Expression = { at: number } & (
  | { kind: 'number'; value: number; text: string }
  | { kind: 'text'; value: string }
  /** `['production', 'val_auc']` */
  | { kind: 'name'; path: readonly string[] }
  | { kind: 'call'; name: string; of: readonly Expression[] }
  | { kind: 'negative'; of: Expression }
  | { kind: 'arithmetic'; sign: Arithmetic; left: Expression; right: Expression }
  | { kind: 'comparison'; sign: Comparison; left: Expression; right: Expression }
  | { kind: 'nan'; of: Expression; not: boolean }
  | { kind: 'not'; of: Expression }
  | { kind: 'all' | 'any'; of: readonly Expression[] }
);

/** What may be said: the language is the same everywhere, the words are not. */
export interface Vocabulary {
  /** What a name stands for; null: there is no such name. */
  typeOf(path: readonly string[]): ValueType | null;
  /** Names to be meant by one that is not there. */
  names: readonly string[];
  /** What functions of one metric or text give; a `name` is taken as it stands and not for what it comes to. */
  functions: Readonly<Record<string, { takes: 'name' | 'text'; gives: ValueType }>>;
  /** Whether `is NaN` may be asked. */
  nan?: boolean;
}

/** Functions of numbers, which are everywhere, and how many they take. */
export const numeric: Readonly<Record<string, { takes: number; of(...values: number[]): number }>> = {
  abs: { takes: 1, of: Math.abs },
  min: { takes: 2, of: Math.min },
  max: { takes: 2, of: Math.max },
};

export const expressionProblems = [
  'empty',
  'too-long',
  'too-deep',
  'unknown-sign',
  'open-quote',
  'unexpected',
  'unknown-name',
  'unknown-function',
  'wrong-count',
  'wrong-type',
  'no-condition',
] as const;

export interface ExpressionProblem {
  problem: (typeof expressionProblems)[number];
  /** Where, from 0. */
  at: number;
  /** One sentence. */
  reason: string;
  /** What was probably meant. */
  meant?: string;
}

export type Parsed = { ok: true; expression: Expression } | ({ ok: false } & ExpressionProblem);

/** Thrown while reading, and caught by `parseCondition`. */
export class Problem extends Error {
  readonly found: ExpressionProblem;
  constructor(found: ExpressionProblem) {
    super(found.reason);
    this.found = found;
  }
}

export function fail(
  problem: ExpressionProblem['problem'],
  at: number,
  reason: string,
  meant?: string,
): never {
  throw new Problem({ problem, at, reason, ...(meant === undefined ? {} : { meant }) });
}

/** The names that an expression speaks of, each once. */
export function namesIn(expression: Expression): string[][] {
  const found = new Map<string, string[]>();
  const visit = (one: Expression): void => {
    if (one.kind === 'name') found.set(one.path.join('.'), [...one.path]);
    for (const part of partsOf(one)) visit(part);
  };
  visit(expression);
  return [...found.values()];
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'number':
    case 'text':
    case 'name':
      return [];
    case 'arithmetic':
    case 'comparison':
      return [expression.left, expression.right];
    case 'negative':
    case 'nan':
    case 'not':
      return [expression.of];
    case 'call':
    case 'all':
    case 'any':
      return expression.of;
  }
}
