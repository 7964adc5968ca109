import { modelProto } from "../../onnx/builder.js";
import type { Engine, Tile } from "../../onnx/engine.js";
import { STRIP } from "./tile-product.js";

/** What codes of a size let through, as a share of all they are compared with. */
export interface Survival {
  /** Coordinates of the codes. */
  readonly size: number;
  /** Pairs that survive. */
  readonly pairs: number;
  /** Rows' strips of columns that hold a surviving pair. */
  readonly strips: number;
}

/** Strips by which a share is known to some 3 %. */
const ENOUGH_STRIPS = 1024;

/**
 * Foretells what codes let through, from float32 coordinates of vectors that nothing was learnt from: the bound of
 * code-book.ts is x·y <= u·v + |x⊥||y⊥| plus a margin for rounding. The sums u·v grow from size to size, so that all
 * sizes together cost one product of rows with columns. Holds these sums, n × m float32.
 * @param options.rows n × width coordinates in nested directions, row-major; `columns` alike, a multiple of the strip
 * @param options.sizes numbers of coordinates, ascending, at most `width`
 * @param options.margin what rounding to codes of a size adds to the bound
 * @yields one result a size, computed when it is asked for
 */
export async function* survivalOf(options: {
  engine: Engine;
  rows: Float32Array;
  columns: Float32Array;
  width: number;
  sizes: readonly number[];
  threshold: number;
  margin: (size: number) => number;
}): AsyncGenerator<Survival> {
  const { engine, rows, columns, width, sizes, threshold, margin } = options;
  const [rowCount, columnCount] = [rows.length / width, columns.length / width];
  const kernel = await engine.compile(
    modelProto({
      nodes: [{ op: "Gemm", inputs: ["rows", "columns", "sums"], outputs: ["y"], attributes: { transB: { int: 1 } } }],
      inputs: [
        { name: "rows", dtype: "float32", shape: ["n", "k"] },
        { name: "columns", dtype: "float32", shape: ["m", "k"] },
        { name: "sums", dtype: "float32", shape: [rowCount, columnCount] },
      ],
      outputs: [{ name: "y", dtype: "float32", shape: [rowCount, columnCount] }],
    }),
  );
  try {
    const [left, right] = [new Growing(rows, width), new Growing(columns, width)];
    let sums = new Float32Array(rowCount * columnCount);
    for (const size of sizes) {
      const { y } = await kernel.run({
        rows: left.grow(size),
        columns: right.grow(size),
        sums: { dtype: "float32", shape: [rowCount, columnCount], data: sums },
      });
      sums = y.data as Float32Array<ArrayBuffer>;
      yield { size, ...survivors(sums, left.residuals(), right.residuals(), threshold - margin(size)) };
    }
  } finally {
    await kernel.release();
  }
}

/**
 * Shares of pairs and of strips whose bound reaches `least`. Counts row after row until so many strips are found that the
 * rest would say nothing new: short codes let nearly all through.
 */
function survivors(
  sums: Float32Array,
  rows: Float32Array,
  columns: Float32Array,
  least: number,
): { pairs: number; strips: number } {
  let pairs = 0;
  let strips = 0;
  let at = 0;
  for (let r = 0; r < rows.length && strips < ENOUGH_STRIPS; r++) {
    const residual = rows[r];
    for (let first = 0; first < columns.length; first += STRIP) {
      const before = pairs;
      for (let c = first; c < first + STRIP; c++, at++) if (sums[at] + residual * columns[c] >= least) pairs++;
      if (pairs > before) strips++;
    }
  }
  return { pairs: pairs / at, strips: strips / (at / STRIP) };
}

/** Coordinates of unit vectors, of which more and more are taken. */
class Growing {
  readonly #values: Float32Array;
  readonly #width: number;
  readonly #count: number;
  /** Squared length of what is taken, a vector. */
  readonly #inside: Float64Array;
  #taken = 0;

  constructor(values: Float32Array, width: number) {
    this.#values = values;
    this.#width = width;
    this.#count = values.length / width;
    this.#inside = new Float64Array(this.#count);
  }

  /** Takes the coordinates up to `size` and returns those that were not taken before. */
  grow(size: number): Tile {
    const from = this.#taken;
    const data = new Float32Array(this.#count * (size - from));
    for (let row = 0, at = 0; row < this.#count; row++) {
      for (let i = row * this.#width + from; i < row * this.#width + size; i++) {
        const value = this.#values[i];
        data[at++] = value;
        this.#inside[row] += value * value;
      }
    }
    this.#taken = size;
    return { dtype: "float32", shape: [this.#count, size - from], data };
  }

  /** Length of the part of each vector that is not taken. */
  residuals(): Float32Array {
    return Float32Array.from(this.#inside, (squared) => Math.sqrt(Math.max(0, 1 - squared)));
  }
}
