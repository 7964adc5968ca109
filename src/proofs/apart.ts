import type { Engine } from "../onnx/engine.js";
import { firstNotUnit, float32DotError } from "../vectors/cosine.js";
import type { VectorReader } from "../vectors/reader.js";
import { float64Dot } from "./pairs.js";
import { createProofProduct, TILE } from "./scores.js";

/** Rows with vectors, one entry each. */
export interface PlacedRows {
  readonly vectors: VectorReader;
  /** Numbers of the rows, and positions of their vectors; -1 for a row without one. */
  readonly rows: ArrayLike<number>;
  readonly positions: ArrayLike<number>;
  /** Guard signatures; absent where no guard was active. */
  readonly signatures?: BigUint64Array;
}

/**
 * Proves that no kept row of a run is near to a kept row of a reference, unless a guard tells their texts apart: a scan
 * of all pairs, as `verifyIndependence`, whose float32 scores clear pairs by more than their error.
 * @param options.name of the reference
 * @param options.memory bytes of the run's vectors held at once; the reference's stream past them
 * @param options.onProgress receives the number of the reference's rows met by the present part of the run's
 * @returns a sentence about the first violation, if any, and the number of pairs scanned
 * @throws the signal's reason once that is aborted
 */
export async function verifyApart(options: {
  readonly kept: PlacedRows;
  readonly reference: PlacedRows;
  readonly name: string;
  readonly threshold: number;
  readonly engine: Engine;
  readonly memory: number;
  readonly onProgress: (rows: number) => void;
  readonly signal?: AbortSignal;
}): Promise<{ violation?: string; pairs: number }> {
  const { kept, reference, name, threshold, engine, memory, onProgress, signal } = options;
  const [own, others] = [placed(kept), placed(reference)];
  if (own.length === 0 || others.length === 0) return { pairs: 0 };
  const { dim } = kept.vectors;
  const scoreThreshold = threshold - float32DotError(dim);
  const slabRows = Math.max(TILE, Math.floor(memory / (dim * 4) / TILE) * TILE);
  const product = await createProofProduct(engine, dim);
  let pairs = 0;
  try {
    for (let slab = 0; slab < own.length; slab += slabRows) {
      const left = await load(kept, own.subarray(slab, slab + slabRows));
      for (let column = 0; column < others.length; column += TILE) {
        const right = await load(reference, others.subarray(column, column + TILE));
        const columns = right.length / dim;
        const notUnit = firstNotUnit(right, dim);
        if (notUnit >= 0) {
          const row = reference.rows[others[column + notUnit]];
          return { violation: `the vector of row ${row} of ${name} has not length 1`, pairs };
        }
        for (let row = 0; row * dim < left.length; row += TILE) {
          signal?.throwIfAborted();
          const tile = left.subarray(row * dim, (row + TILE) * dim);
          const scores = await product.scores(tile, right);
          pairs += scores.length;
          for (let at = 0; at < scores.length; at++) {
            if (scores[at] < scoreThreshold) continue;
            const [i, j] = [Math.floor(at / columns), at % columns];
            const [a, b] = [own[slab + row + i], others[column + j]];
            if (kept.signatures?.[a] !== reference.signatures?.[b]) continue;
            const dot = float64Dot(tile, i * dim, right, j * dim, dim);
            if (dot < threshold) continue;
            const violation =
              `row ${kept.rows[a]} is kept, but its cosine with row ${reference.rows[b]} of ${name} is ${dot}, ` +
              `at or above the threshold ${threshold}`;
            return { violation, pairs };
          }
        }
        onProgress(Math.min(column + TILE, others.length));
      }
    }
  } finally {
    await product.release();
  }
  return { pairs };
}

/** Indices of the rows that have a vector. */
function placed({ positions }: PlacedRows): Uint32Array {
  return Uint32Array.from({ length: positions.length }, (_, i) => i).filter((i) => positions[i] >= 0);
}

async function load({ vectors, positions }: PlacedRows, indices: Uint32Array): Promise<Float32Array> {
  const values = new Float32Array(indices.length * vectors.dim);
  await vectors.gather(
    Array.from(indices, (i) => positions[i]),
    values,
  );
  return values;
}
