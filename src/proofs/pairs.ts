import type { VectorReader } from "../vectors/reader.js";

/** Pairs whose removed vectors are read at once. */
const PAIRS = 1024;

/** A removed row and the kept row that it names, by their places in the two tables. */
export interface NamedPair {
  readonly removed: number;
  readonly kept: number;
}

/** Rows of a table: their numbers, and the positions of their vectors. */
interface Rows {
  readonly rows: ArrayLike<number>;
  readonly vectors: ArrayLike<number>;
}

/** The float64 dot product of two vectors, added up from the first component to the last. */
export function float64Dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, dim: number): number {
  let dot = 0;
  for (let c = 0; c < dim; c++) dot += a[aStart + c] * b[bStart + c];
  return dot;
}

/**
 * Measures pairs anew in float64: holds as many kept vectors as the memory allows and streams the removed vectors past
 * them. Both sides are visited in store order, so that the stores are read in ascending positions.
 * @param options.pairs sorted here
 * @param options.vectors of the removed rows; `keptVectors` of the kept ones, which may lie in another folder
 * @param options.place where the kept rows are, as ` of nights/1`; empty for the folder of the removed ones
 * @param options.memory bytes of kept vectors held at once
 * @returns a sentence about the first pair below the threshold or with another cosine than recorded
 */
export async function measurePairs(options: {
  readonly pairs: NamedPair[];
  readonly removed: Rows & { readonly similarity: ArrayLike<number> };
  readonly kept: Rows;
  readonly vectors: VectorReader;
  readonly keptVectors: VectorReader;
  readonly place: string;
  readonly threshold: number;
  readonly memory: number;
}): Promise<string | undefined> {
  const { pairs, removed, kept, vectors, keptVectors, place, threshold, memory } = options;
  const { dim } = vectors;
  pairs.sort((a, b) => kept.vectors[a.kept] - kept.vectors[b.kept]);
  const chunk = Math.max(1, Math.floor(memory / (dim * 4)));
  for (let start = 0; start < pairs.length; start += chunk) {
    const held = pairs.slice(start, start + chunk);
    const others = new Float32Array(held.length * dim);
    await keptVectors.gather(
      held.map((pair) => kept.vectors[pair.kept]),
      others,
    );
    const order = held.map((pair, i) => ({ ...pair, i }));
    order.sort((a, b) => removed.vectors[a.removed] - removed.vectors[b.removed]);
    const own = new Float32Array(PAIRS * dim);
    for (let p = 0; p < order.length; p += PAIRS) {
      const part = order.slice(p, p + PAIRS);
      await vectors.gather(
        part.map((pair) => removed.vectors[pair.removed]),
        own,
      );
      for (const [j, { removed: r, kept: k, i }] of part.entries()) {
        const dot = float64Dot(own, j * dim, others, i * dim, dim);
        const pair = `row ${removed.rows[r]} was removed for row ${kept.rows[k]}${place}`;
        if (!(dot >= threshold)) return `${pair}, but their cosine is ${dot}, below the threshold ${threshold}`;
        if (Math.fround(dot) !== removed.similarity[r]) {
          return `${pair} with _similarity ${removed.similarity[r]}, but their cosine is ${dot}`;
        }
      }
    }
  }
  return undefined;
}
