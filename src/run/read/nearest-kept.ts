import type { ArrowTable } from "../../io/arrow/table.js";
import { createScoreProduct } from "../../join/codes/tile-product.js";
import { Lowest } from "../../lowest.js";
import type { Engine } from "../../onnx/engine.js";
import { cosine, float32DotError } from "../../vectors/cosine.js";
import { isAscending } from "../../vectors/gather.js";
import type { VectorReader } from "../../vectors/reader.js";
import { numbersOf } from "./result-table.js";

/** A kept row and its float64 cosine with the row that was asked for. */
export interface NearRow {
  readonly row: number;
  readonly cosine: number;
}

/** Bytes of vectors that are read at once; two such pieces are held, one of them being read. */
const PIECE_BYTES = 8 << 20;
/** Far more than the float64 sum that decides may be off. */
const SLACK = 1e-9;

/**
 * The kept rows nearest to a kept row: an exact scan of the vectors of all kept rows, which are read once. Float32
 * scores pass over those that cannot be among the nearest by more than the error of a score; the cosine that decides
 * everywhere, in float64, measures the others. Holds 12 bytes for each kept row, 16 MB of vectors and their scores.
 * @param options.vector position of the row's vector
 * @param options.limit number of rows wanted
 * @param options.onProgress receives the number of rows compared
 * @returns the nearest first; of equally near ones the lower number
 * @throws the signal's reason once that is aborted
 */
export async function nearestKept(options: {
  readonly kept: ArrowTable;
  readonly vectors: VectorReader;
  readonly engine: Engine;
  readonly row: number;
  readonly vector: number;
  readonly limit: number;
  readonly onProgress: (rows: number) => void;
  readonly signal?: AbortSignal;
}): Promise<NearRow[]> {
  const { kept, vectors, engine, row, vector, limit, onProgress, signal } = options;
  const { dim } = vectors;
  const { rows, positions } = await keptVectors(kept, row, vectors.count);
  const own = new Float32Array(dim);
  await vectors.gather([vector], own);
  const error = float32DotError(dim) + SLACK;
  const size = Math.max(1, Math.floor(PIECE_BYTES / (4 * dim)));
  const buffers = [new Float32Array(size * dim), new Float32Array(size * dim)];
  const read = (start: number) => {
    const part = positions.subarray(start, start + size);
    const into = buffers[(start / size) % 2].subarray(0, part.length * dim);
    return { values: into, done: vectors.gather(part, into) };
  };
  const found = new Lowest<NearRow>(limit);
  const product = await createScoreProduct(engine, dim);
  let next = read(0);
  try {
    for (let start = 0; start < positions.length; start += size) {
      signal?.throwIfAborted();
      const { values, done } = next;
      await done;
      // The next piece is read while this one is compared.
      if (start + size < positions.length) next = read(start + size);
      const scores = await product.scores(own, values);
      for (let at = 0; at < scores.length; at++) {
        if (scores[at] < -found.bound - error) continue;
        const near = { row: rows[start + at], cosine: cosine(own, 0, values, at * dim, dim) };
        found.add(-near.cosine, near, near.row);
      }
      onProgress(Math.min(start + size, positions.length));
    }
  } finally {
    // A piece that nobody waits for any more must not fail later, when the caller has closed the vectors.
    await next.done.catch(() => {});
    await product.release();
  }
  return found.entries;
}

/** All kept rows but one that have a vector, in the order of their vectors. */
async function keptVectors(kept: ArrowTable, except: number, count: number) {
  const rows = new Float64Array(kept.rows);
  const positions = new Uint32Array(kept.rows);
  let n = 0;
  for await (const { batch } of kept.scan(["_row", "_vector"])) {
    const [numbers, vectors] = ["_row", "_vector"].map((name) => numbersOf(batch, name, kept.path));
    for (let i = 0; i < numbers.length; i++) {
      if (vectors[i] < 0 || vectors[i] >= count || numbers[i] === except) continue;
      rows[n] = numbers[i];
      positions[n++] = vectors[i];
    }
  }
  const found = { rows: rows.subarray(0, n), positions: positions.subarray(0, n) };
  if (isAscending(found.positions)) return found;
  const order = Uint32Array.from(found.positions, (_, i) => i).sort((a, b) => positions[a] - positions[b]);
  return {
    rows: Float64Array.from(order, (i) => rows[i]),
    positions: order.map((i) => positions[i]),
  };
}
