import type { Engine } from "../onnx/engine.js";
import { firstNotUnit, float32DotError } from "../vectors/cosine.js";
import type { VectorReader } from "../vectors/reader.js";
import type { KeptTable } from "./certificates.js";
import { float64Dot } from "./pairs.js";
import { createProofProduct, TILE } from "./scores.js";

/**
 * Proves guarantees 2 and 3: no two kept vectors have a float64 cosine of at least the threshold, unless a guard tells
 * their texts apart. Scans all pairs, without the search's pruning, codes or order:
 *
 *     slab  | tile |   a float32 score below the threshold by more than its error clears a pair;
 *           | tile |   the float64 cosine decides every other pair
 *
 * Also checks that each vector has length 1, on which the error of a score relies.
 * @param options.memory bytes of vectors held at once
 * @param options.onProgress receives the number of rows met by the present slab
 * @returns a sentence about the first violation, if any, and the number of pairs scanned
 * @throws the signal's reason once that is aborted
 */
export async function verifyIndependence(options: {
  vectors: VectorReader;
  threshold: number;
  engine: Engine;
  memory: number;
  kept: KeptTable;
  onProgress: (rows: number) => void;
  signal?: AbortSignal;
}): Promise<{ violation?: string; pairs: number }> {
  const { vectors, threshold, engine, memory, kept, onProgress, signal } = options;
  const { dim } = vectors;
  const members = Uint32Array.from(kept.rows.keys()).filter((k) => kept.vectors[k] >= 0);
  const outside = members.find((k) => kept.vectors[k] >= vectors.count);
  if (outside !== undefined) {
    return { violation: `row ${kept.rows[outside]} has vector ${kept.vectors[outside]} of ${vectors.count}`, pairs: 0 };
  }
  const product = await createProofProduct(engine, dim);
  const load = async (from: number, count: number) => {
    const positions = members.subarray(from, from + count);
    const values = new Float32Array(positions.length * dim);
    await vectors.gather(
      Array.from(positions, (k) => kept.vectors[k]),
      values,
    );
    return values;
  };
  const scoreThreshold = threshold - float32DotError(dim);
  const slabRows = Math.max(TILE, Math.floor(memory / (dim * 4) / TILE) * TILE);
  let pairs = 0;
  try {
    // A slab of rows stays in memory while all rows from its start on stream past it once.
    for (let slab = 0; slab < members.length; slab += slabRows) {
      const left = await load(slab, slabRows);
      const leftRows = left.length / dim;
      const notUnit = firstNotUnit(left, dim);
      if (notUnit >= 0)
        return { violation: `the vector of row ${kept.rows[members[slab + notUnit]]} has not length 1`, pairs };
      for (let column = slab; column < members.length; column += TILE) {
        const right =
          column < slab + leftRows
            ? left.subarray((column - slab) * dim, (column - slab + TILE) * dim)
            : await load(column, TILE);
        const columns = right.length / dim;
        for (let row = slab; row < Math.min(slab + leftRows, column + columns); row += TILE) {
          signal?.throwIfAborted();
          const tile = left.subarray((row - slab) * dim, (row - slab + TILE) * dim);
          const rows = tile.length / dim;
          const scores = await product.scores(tile, right);
          for (let i = 0; i < rows; i++) {
            for (let j = Math.max(0, row + i + 1 - column); j < columns; j++) {
              pairs++;
              if (scores[i * columns + j] < scoreThreshold) continue;
              const [a, b] = [members[row + i], members[column + j]];
              if (kept.signatures !== undefined && kept.signatures[a] !== kept.signatures[b]) continue;
              const dot = float64Dot(tile, i * dim, right, j * dim, dim);
              if (dot < threshold) continue;
              const both = `rows ${kept.rows[a]} and ${kept.rows[b]} are both kept`;
              return {
                violation: `${both}, but their cosine is ${dot}, at or above the threshold ${threshold}`,
                pairs,
              };
            }
          }
        }
        onProgress(Math.min(column + TILE, members.length));
      }
    }
  } finally {
    await product.release();
  }
  return { pairs };
}
