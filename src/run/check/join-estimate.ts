import type { ColumnWorkers } from "../../join/join-options.js";
import { selfJoin } from "../../join/self-join.js";
import type { Engine } from "../../onnx/engine.js";
import type { VectorReader } from "../../vectors/reader.js";

/** Vectors of the join that is timed; fewer where they would take more than a quarter of the memory. */
const MOST = 24_576;

/**
 * Parts of the timed join: planning, what each row costs, and products of pairs, as measured on 53,000 to 300,000 titles of
 * 256 components.
 */
const PARTS = { fixed: 0.4, row: 0.35, pair: 0.25 };

/** Vectors below which there is nothing to join. */
const LEAST = 2;

/**
 * Estimates the seconds of the self-join of `count` vectors like those of a sample, by joining as many made-up ones as can
 * be joined in a second or two. Where the sample has too few vectors the rest are sums of two of them, which lie about as
 * they do and of which few are near-duplicates.
 * @param sample unit vectors, row-major
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

/** `count` unit vectors: the sample, then sums of two different ones of it. */
function mixtures(sample: Float32Array, sampled: number, dim: number, count: number): VectorReader {
  const vectors = new Float32Array(count * dim);
  vectors.set(sample.subarray(0, Math.min(count, sampled) * dim));
  for (let i = sampled; i < count; i++) {
    const a = i % sampled;
    // Another one each time round, so that no two vectors are the same sum.
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
