import type { ColumnWorkers } from "../../join/join-options.js";
import { selfJoin } from "../../join/self-join.js";
import type { Engine } from "../../onnx/engine.js";
import type { VectorReader } from "../../vectors/reader.js";

/** Most vectors of the join that is timed. The vectors may take at most a quarter of the memory. */
const MOST = 24_576;

/**
 * How the time of a join divides among planning, work for each row and products of pairs. Measured on 53,000 to 300,000
 * titles of 256 components.
 */
const PARTS = { fixed: 0.4, row: 0.35, pair: 0.25 };

/** With fewer vectors there is nothing to join. */
const LEAST = 2;

/**
 * Estimates the seconds that the self-join of `count` vectors takes, by timing the join of as many vectors as a second
 * or two allows. If the sample has too few vectors, sums of two sample vectors fill up the rest: such sums are spread
 * much like the sample, and few of them are near-duplicates.
 *
 * With n timed vectors and r = count / n, the estimate is t · (fixed + row · r + pair · r²): pairs grow with the
 * square.
 * @param options.sample unit vectors, row-major; stays the caller's
 * @returns seconds; 0 if there is nothing to join
 */
export async function estimateJoin(options: {
  sample: Float32Array;
  dim: number;
  count: number;
  threshold: number;
  engine: Engine;
  wideEngine?: Engine;
  workers?: ColumnWorkers;
  memory: number;
  signal?: AbortSignal;
}): Promise<number> {
  const { sample, dim, count, threshold, engine, wideEngine, workers, memory, signal } = options;
  const sampled = Math.floor(sample.length / dim);
  if (count < LEAST || sampled < LEAST) return 0;
  const most = Math.min(count, MOST, Math.max(LEAST, Math.floor(memory / (16 * dim))));
  const order = Uint32Array.from({ length: most }, (_, i) => i);
  const vectors = mixtures(sample, sampled, dim, most);
  const started = performance.now();
  await selfJoin({ vectors, order, threshold, engine, wideEngine, workers, memory, signal });
  const timed = (performance.now() - started) / 1000;
  const ratio = count / most;
  return timed * (PARTS.fixed + PARTS.row * ratio + PARTS.pair * ratio * ratio);
}

/**
 * Returns `count` unit vectors: the sample, then sums of two different sample vectors. The second vector of a sum
 * counts 0.9 times, so that a + b and b + a differ.
 */
function mixtures(sample: Float32Array, sampled: number, dim: number, count: number): VectorReader {
  const vectors = new Float32Array(count * dim);
  vectors.set(sample.subarray(0, Math.min(count, sampled) * dim));
  for (let i = sampled; i < count; i++) {
    const a = i % sampled;
    // The distance to the partner grows with each round through the sample, so that no two vectors are the same sum.
    const b = (a + 1 + Math.floor(i / sampled)) % sampled;
    let norm = 0;
    for (let c = 0; c < dim; c++) {
      const value = sample[a * dim + c] + sample[b * dim + c] * 0.9;
      vectors[i * dim + c] = value;
      norm += value * value;
    }
    const scale = norm > 0 ? 1 / Math.sqrt(norm) : 0;
    for (let c = 0; c < dim; c++) vectors[i * dim + c] *= scale;
  }
  return {
    count,
    dim,
    async gather(positions, into) {
      for (let i = 0; i < positions.length; i++) {
        into.set(vectors.subarray(positions[i] * dim, (positions[i] + 1) * dim), i * dim);
      }
    },
  };
}
