/** Texts that are padded to the same length and run together. */
export interface Batch {
  /** Indices of the texts within the window. */
  readonly members: Int32Array;
  /** Number of tokens that every member is padded to. */
  readonly length: number;
}

/**
 * Padded length of a text of `tokens` tokens: the number itself up to 32, beyond that the next multiple of a sixteenth
 * of its power of two. For example, 33 to 64 tokens go in steps of 2, and 257 to 512 tokens in steps of 16.
 *
 * The length depends on the text alone, so on a processor a vector cannot depend on the other texts of its batch. There
 * are 96 different lengths up to 512, few enough to keep batches full there. Padding adds a fortieth on average and a
 * sixteenth at worst.
 */
export function paddedLength(tokens: number, maxTokens: number): number {
  const step = Math.max(1, 2 ** (Math.floor(Math.log2(Math.max(tokens - 1, 1))) - 4));
  return Math.min(Math.ceil(tokens / step) * step, maxTokens);
}

/**
 * Padded length for the builtin model: multiples of 16 up to 128 tokens, then of an eighth of the power of two. Padding
 * does not change the vectors of this model and costs little, so fewer and fuller batches are faster.
 */
export function coarseLength(tokens: number, maxTokens: number): number {
  const step = Math.max(16, 2 ** (Math.floor(Math.log2(Math.max(tokens - 1, 1))) - 3));
  return Math.min(Math.ceil(tokens / step) * step, maxTokens);
}

/**
 * Groups the texts of a window by padded length. The longest texts come first, so that a window that does not fit the
 * device fails at once. The size of a batch is not limited here.
 * @param offsets n + 1 offsets of the token ids; a text without tokens is in no batch
 */
export function groupByLength(offsets: Int32Array, lengthOf: (tokens: number) => number): Batch[] {
  const byLength = new Map<number, number[]>();
  for (let i = 0; i + 1 < offsets.length; i++) {
    const tokens = offsets[i + 1] - offsets[i];
    if (tokens === 0) continue;
    const length = lengthOf(tokens);
    const members = byLength.get(length);
    if (members === undefined) byLength.set(length, [i]);
    else members.push(i);
  }
  return [...byLength.entries()]
    .sort(([a], [b]) => b - a)
    .map(([length, members]) => ({ length, members: Int32Array.from(members) }));
}

/** Texts of a padded length that one run may hold; a text runs even if it has more tokens than the budget. */
export function rowsWithin(budget: number, length: number): number {
  return Math.max(1, Math.floor(budget / length));
}

/**
 * Joins neighbouring groups for a device, where every run costs as much as some tokens, whatever it holds: the device's
 * kernels have to be started. Short of that the lengths of a corpus, one group for each, would leave a device waiting.
 * Members are padded to the longest group that they are joined with. The division is the cheapest one, by dynamic
 * programming over the groups: a run costs its padded tokens and `runTokens`. Where that is 0 the groups stay apart.
 * @param groups the groups of `groupByLength`, longest first
 * @param options.budget most padded tokens of a run, which decides into how many runs a group is cut
 * @returns the groups to run, longest first
 */
export function joinLengths(
  groups: readonly Batch[],
  { runTokens, budget }: { runTokens: number; budget: number },
): Batch[] {
  const costs = [0];
  /** For the first j groups, where the last of the joined groups begins. */
  const starts = [0];
  for (let end = 1; end <= groups.length; end++) {
    costs.push(Number.POSITIVE_INFINITY);
    starts.push(0);
    let rows = 0;
    for (let start = end - 1; start >= 0; start--) {
      rows += groups[start].members.length;
      const { length } = groups[start];
      const runs = Math.ceil(rows / rowsWithin(budget, length));
      const cost = costs[start] + rows * length + runs * runTokens;
      if (cost >= costs[end]) continue;
      costs[end] = cost;
      starts[end] = start;
    }
  }
  const joined: Batch[] = [];
  for (let end = groups.length; end > 0; end = starts[end]) {
    const together = groups.slice(starts[end], end);
    joined.push({
      length: together[0].length,
      members: Int32Array.from(together.flatMap(({ members }) => [...members])),
    });
  }
  return joined.reverse();
}
