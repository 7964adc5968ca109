import type { VectorReader } from "./reader.js";

/** Vectors that are gathered into a buffer at once, before they are spread over the target. */
const CHUNK_ROWS = 1024;

/**
 * Copies vectors into `into` (n × dim, row-major, the caller's), whatever the order of their positions. The reader is
 * asked for ascending positions only: in a scattered order a store would read a range for every single vector. Holds
 * 1,024 vectors besides, unless the positions ascend already.
 */
export async function gatherInAnyOrder(
  vectors: VectorReader,
  positions: Uint32Array,
  into: Float32Array,
): Promise<void> {
  if (isAscending(positions)) return vectors.gather(positions, into);
  const { dim } = vectors;
  const order = Uint32Array.from(positions, (_, i) => i).sort((a, b) => positions[a] - positions[b]);
  const buffer = new Float32Array(Math.min(CHUNK_ROWS, order.length) * dim);
  for (let start = 0; start < order.length; start += CHUNK_ROWS) {
    const part = order.subarray(start, start + CHUNK_ROWS);
    await vectors.gather(
      part.map((i) => positions[i]),
      buffer.subarray(0, part.length * dim),
    );
    for (let j = 0; j < part.length; j++) into.set(buffer.subarray(j * dim, (j + 1) * dim), part[j] * dim);
  }
}

/** True where each position is larger than the position before. */
export function isAscending(positions: Uint32Array): boolean {
  for (let i = 1; i < positions.length; i++) if (positions[i] <= positions[i - 1]) return false;
  return true;
}

/** Neighbours in a sample that are read together. */
export const SAMPLE_RUN = 64;

/**
 * Takes a sample of at most `rows` positions from `order`: runs of 64 neighbours at even distances, which a store reads
 * in few ranges. Returns `order` itself where it is no longer than the sample.
 */
export function samplePositions(order: Uint32Array, rows: number): Uint32Array {
  if (rows >= order.length) return order;
  const runs = Math.ceil(rows / SAMPLE_RUN);
  const sample = new Uint32Array(runs * SAMPLE_RUN);
  for (let i = 0; i < runs; i++) {
    const start = Math.floor((i * (order.length - SAMPLE_RUN)) / Math.max(1, runs - 1));
    sample.set(order.subarray(start, start + SAMPLE_RUN), i * SAMPLE_RUN);
  }
  return sample.subarray(0, rows);
}
