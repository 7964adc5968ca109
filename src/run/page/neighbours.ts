import type { Engine } from "../../onnx/engine.js";
import { cosine } from "../../vectors/cosine.js";
import type { VectorReader } from "../../vectors/reader.js";
import { createNearest } from "./nearest.js";

/** Most texts of the sample. */
const MOST = 2000;
/** Multiplications that the comparison may take: some ten seconds of a slow machine. */
const WORK = 4e11;
/** Vectors that are compared with the sample at once. */
const TILE = 4096;

/** Pair of kept vectors. Positions are indices into the list of kept vectors. */
export interface KeptPair {
  readonly a: number;
  readonly b: number;
  readonly cosine: number;
}

/** What was measured of a sample of kept vectors. */
export interface SampledNeighbours {
  readonly sample: number;
  /** Cosine of each vector of the sample with its nearest other kept vector. */
  readonly nearest: Float32Array;
  /** The same with its nearest one of an earlier row; -1 where no row is earlier. */
  readonly earlier: Float32Array;
  /** The nearest pairs, each once, the nearest first. */
  readonly pairs: readonly KeptPair[];
}

/**
 * Finds the nearest other kept vectors of an even sample by comparing it with all kept vectors: float32 products find
 * the candidates, and the winners are measured in float64. A candidate within float32's rounding of the winner may be
 * taken for it, so that a cosine is exact for its pair and at most some 1e-6 below the highest.
 * @param options.positions kept vectors in the order of their rows; the array stays the caller's
 * @param options.onDone called with the number of kept vectors compared so far
 */
export async function sampleNeighbours(options: {
  readonly vectors: VectorReader;
  readonly positions: Uint32Array;
  readonly engine: Engine;
  readonly onDone: (vectors: number) => void;
  readonly signal?: AbortSignal;
}): Promise<SampledNeighbours> {
  const { vectors, positions, engine, onDone, signal } = options;
  const { dim } = vectors;
  const count = positions.length;
  const size = Math.min(MOST, count, Math.max(50, Math.floor(WORK / (count * dim))));
  const sample = Uint32Array.from({ length: size }, (_, i) => Math.floor((i * count) / size));
  const sampled = new Float32Array(size * dim);
  await vectors.gather(
    sample.map((i) => positions[i]),
    sampled,
  );
  const any = new Best(size);
  const before = new Best(size);
  const kernels = new Map<number, Awaited<ReturnType<typeof createNearest>>>();
  const tile = new Float32Array(Math.min(TILE, count) * dim);
  try {
    for (let start = 0; start < count; start += TILE) {
      signal?.throwIfAborted();
      const length = Math.min(TILE, count - start);
      const columns = tile.subarray(0, length * dim);
      await vectors.gather(positions.subarray(start, start + length), columns);
      // The vector itself is the best of its own tile, and what is earlier may be the third.
      const k = Math.min(8, length);
      const kernel = kernels.get(k) ?? (await createNearest(engine, dim, k));
      kernels.set(k, kernel);
      const near = await kernel.nearest(sampled, columns);
      for (let s = 0; s < size; s++) {
        for (let j = 0; j < k; j++) {
          const other = start + near.columns[s * k + j];
          if (other === sample[s]) continue;
          any.offer(s, other, near.scores[s * k + j]);
          if (other < sample[s]) before.offer(s, other, near.scores[s * k + j]);
        }
      }
      onDone(start + length);
    }
  } finally {
    for (const kernel of kernels.values()) await kernel.release();
  }
  const measure = (best: Best) => measured(vectors, positions, sampled, best);
  const nearest = await measure(any);
  return {
    sample: size,
    nearest,
    earlier: await measure(before),
    pairs: pairsOf(sample, any.other, nearest),
  };
}

/** The best candidate of each vector of the sample so far. */
class Best {
  readonly other: Int32Array;
  readonly #score: Float32Array;

  constructor(size: number) {
    this.other = new Int32Array(size).fill(-1);
    this.#score = new Float32Array(size).fill(-2);
  }

  offer(at: number, other: number, score: number): void {
    if (score <= this.#score[at]) return;
    this.#score[at] = score;
    this.other[at] = other;
  }
}

/** The cosines of the candidates in float64; -1 where there is none. */
async function measured(vectors: VectorReader, positions: Uint32Array, sampled: Float32Array, { other }: Best) {
  const { dim } = vectors;
  const cosines = new Float32Array(other.length).fill(-1);
  const vector = new Float32Array(dim);
  for (let s = 0; s < other.length; s++) {
    if (other[s] < 0) continue;
    await vectors.gather([positions[other[s]]], vector);
    cosines[s] = cosine(sampled, s * dim, vector, 0, dim);
  }
  return cosines;
}

/** Each pair once, the nearest first. */
function pairsOf(sample: Uint32Array, other: Int32Array, cosines: Float32Array): KeptPair[] {
  const pairs = new Map<string, KeptPair>();
  for (let s = 0; s < sample.length; s++) {
    if (other[s] < 0) continue;
    const [a, b] = [Math.min(sample[s], other[s]), Math.max(sample[s], other[s])];
    pairs.set(`${a} ${b}`, { a, b, cosine: cosines[s] });
  }
  return [...pairs.values()].sort((x, y) => y.cosine - x.cosine);
}
