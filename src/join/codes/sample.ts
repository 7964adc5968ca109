import { gatherInAnyOrder, SAMPLE_RUN, samplePositions } from "../../vectors/gather.js";
import type { VectorReader } from "../../vectors/reader.js";
import { STRIP } from "./tile-product.js";

/** Vectors that codes are planned with, row-major. */
export interface Sample {
  /** Vectors that directions are learnt from. */
  readonly learnt: Float32Array;
  /** Vectors that nothing is learnt from, for a trial: a basis flatters those that it was learnt from. */
  readonly rows: Float32Array;
  /** Vectors that meet `rows` in the trial, others than these; a multiple of the strip. Empty where there are too few. */
  readonly columns: Float32Array;
}

/**
 * Vectors that directions are learnt from. More of them cost time and let fewer pairs through, which pays where there are
 * many pairs; hence a share of all between two limits.
 */
const LEARN_ROWS = { least: 2048, most: 8192, share: 1 / 24 };
/**
 * Vectors of the trial, and the share of columns among them: 260,000 pairs; more for a device, whose products are so cheap
 * that one needless survivor in ten million pairs counts.
 */
const TRIAL_ROWS = { processor: 1280, device: 7680 };
const COLUMNS = 4 / 5;
/** Vectors of a sample at most, of any number. */
export const MOST_SAMPLED = LEARN_ROWS.most + TRIAL_ROWS.processor;
/** As many vectors serve to fit scale and centre. */
const FIT_ROWS = 512;

/**
 * Reads a sample.
 * @param rows number of vectors that the sample stands for
 */
export async function drawSample(
  vectors: VectorReader,
  order: Uint32Array,
  { rows, onDevice }: { rows: number; onDevice: boolean },
): Promise<Sample> {
  const { dim } = vectors;
  const learnRows = Math.min(LEARN_ROWS.most, Math.max(LEARN_ROWS.least, Math.round(LEARN_ROWS.share * rows)));
  const trialRows = onDevice ? TRIAL_ROWS.device : TRIAL_ROWS.processor;
  const positions = samplePositions(order, learnRows + trialRows);
  const values = new Float32Array(positions.length * dim);
  await gatherInAnyOrder(vectors, positions, values);
  // Every few runs of neighbours, one is tried; the first is not, so that there is always something to learn from.
  const share = Math.min(trialRows / positions.length, 1 / 2);
  const learnt: Float32Array[] = [];
  const tried: Float32Array[] = [];
  for (let run = 0; run * SAMPLE_RUN < positions.length; run++) {
    const isTried = Math.floor((run + 1) * share) > Math.floor(run * share);
    (isTried ? tried : learnt).push(values.subarray(run * SAMPLE_RUN * dim, (run + 1) * SAMPLE_RUN * dim));
  }
  const trial = joined(tried);
  const columns = Math.floor((COLUMNS * trial.length) / dim / STRIP) * STRIP * dim;
  return { learnt: joined(learnt), rows: trial.subarray(columns), columns: trial.subarray(0, columns) };
}

/**
 * Copies about FIT_ROWS vectors at even distances, to fit scale and centre to: of those that nothing was learnt from where
 * there are any. Directions hold more of the vectors that they were learnt from than of all others, so a book that is
 * fitted to these is loose for the others.
 */
export function fitRows({ learnt, columns }: Sample, dim: number): Float32Array {
  const rows = columns.length > 0 ? columns : learnt;
  const count = rows.length / dim;
  const stride = Math.ceil(count / FIT_ROWS);
  const thinned = new Float32Array(Math.ceil(count / stride) * dim);
  for (let row = 0, to = 0; row < count; row += stride, to += dim) {
    thinned.set(rows.subarray(row * dim, (row + 1) * dim), to);
  }
  return thinned;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
