const longest = 60;

/**
 * The candidate that was probably meant, or undefined. Near means: few edits for the word's length (one up to five letters, two up to
 * eight, three beyond), or a beginning of exactly one candidate. Upper and lower case are alike.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase();
  if (wanted === '' || wanted.length > longest) return undefined;
  const cutoff = wanted.length <= 5 ? 1 : wanted.length <= 8 ? 2 : 3;
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = distance(wanted, candidate.toLowerCase());
    // Where every letter would change, nothing of the word is left in the candidate.
    if (edits > cutoff || edits >= Math.max(wanted.length, candidate.length)) continue;
    if (!best || edits < best.edits) best = { candidate, edits };
  }
  if (best) return best.candidate;
  const begun = candidates.filter(candidate => candidate.toLowerCase().startsWith(wanted));
  return wanted.length >= 2 && begun.length === 1 ? begun[0] : undefined;
}

/**
 * Letters to insert, remove, replace or swap with their neighbour to make `b` of `a`; no part is edited twice.
 * Damerau, "A technique for computer detection and correction of spelling errors", CACM 7(3), 1964 (optimal string alignment).
 */
export function distance(a: string, b: string): number {
  const from = [...a];
  const to = [...b];
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of from.entries()) {
    const row = [i + 1];
    for (const [j, other] of to.entries()) {
      const same = letter === other ? 0 : 1;
      let edits = Math.min((last[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1, (last[j] ?? 0) + same);
      const swapped = i > 0 && j > 0 && letter === to[j - 1] && from[i - 1] === other;
      if (swapped) edits = Math.min(edits, (beforeLast[j - 1] ?? 0) + 1);
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length] ?? 0;
}
