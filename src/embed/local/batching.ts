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
 * The length depends on the text alone, so a vector cannot depend on the other texts of its batch. There are 96
 * different lengths up to 512, few enough to keep batches full. Padding adds a fortieth on average and a sixteenth at
 * worst.
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
