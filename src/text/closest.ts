/**
 * The restricted Damerau-Levenshtein distance: insertions, deletions, replacements and swaps of neighbours that turn
 * `a` into `b`.
 */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}

/**
 * The word of `words` that was probably meant: the nearest, if at most a third of its letters differ; the first of
 * several equally near. Undefined where no word is near, and where `word` is one of the words.
 */
export function closest(word: string, words: readonly string[]): string | undefined {
  let found: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of words) {
    const differing = distance(word, candidate);
    if (differing < least && differing <= candidate.length / 3) [found, least] = [candidate, differing];
  }
  return least === 0 ? undefined : found;
}
