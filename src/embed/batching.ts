/** One batch: the texts of a window that are run together, all padded to the same length. */
export interface Batch {
  /** Indices of the texts within the window. */
  readonly members: Int32Array;
  /** Tokens that every member is padded to. */
  readonly length: number;
}

/**
 * Padded length of a text of `tokens` tokens: the next multiple of 8, above 128 of an eighth of its power of two. It
 * depends on the text alone, so that a vector does not depend on which other texts share the batch, and there are few
 * different lengths (32 up to 512), so that memory does not grow with the variety of texts.
 */
export function paddedLength(tokens: number, maxTokens: number): number {
  const step = Math.max(8, 2 ** (Math.floor(Math.log2(Math.max(tokens - 1, 1))) - 3));
  return Math.min(Math.ceil(tokens / step) * step, maxTokens);
}

/**
 * Plans the batches of a window: texts of the same padded length together, as many as fit `batchTokens` padded tokens (at
 * least one), longest first so that a window that does not fit the device fails at its start.
 * @param offsets n + 1 offsets of the token ids; a text without tokens is in no batch
 */
export function planBatches(offsets: Int32Array, batchTokens: number, maxTokens: number): Batch[] {
  const byLength = new Map<number, number[]>();
  for (let i = 0; i + 1 < offsets.length; i++) {
    const tokens = offsets[i + 1] - offsets[i];
    if (tokens === 0) continue;
    const length = paddedLength(tokens, maxTokens);
    const members = byLength.get(length);
    if (members === undefined) byLength.set(length, [i]);
    else members.push(i);
  }
  const batches: Batch[] = [];
  for (const length of [...byLength.keys()].sort((a, b) => b - a)) {
    const members = byLength.get(length) as number[];
    const rows = Math.max(1, Math.floor(batchTokens / length));
    for (let i = 0; i < members.length; i += rows) {
      batches.push({ members: Int32Array.from(members.slice(i, i + rows)), length });
    }
  }
  return batches;
}
