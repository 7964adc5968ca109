import { codeCoordinates, SUMS } from "../../kernels/code-coordinates.js";
import { transposeCodes } from "../../kernels/transpose-codes.js";
import { modelProto } from "../../onnx/builder.js";
import type { Engine, Kernel } from "../../onnx/engine.js";
import type { Basis } from "./basis.js";
import { type CodeBook, projectionError, residualLength, ZERO_POINT } from "./code-book.js";

/**
 * Codes of rows, for the left side of products, and the four numbers of each row from which its thresholds follow.
 *
 *     code      | p coordinates | residual | zeros up to the depth | K digits |
 *     of a row  | q + 128       | q + 128  | 128 .. 128            | L + 128  |  uint8, one row after the other
 *     a column  | q             | q        | 0 .. 0                | b        |  int8, in panels of depth × PANEL
 */
export interface RowCodes {
  /** Number of rows. */
  readonly count: number;
  /** count × depth, row-major. */
  readonly bytes: Uint8Array;
  /** a of each row: the part of its products that does not depend on the other side. */
  readonly additive: Float64Array;
  /** |e|: length of the rounding error. */
  readonly error: Float64Array;
  /** |w|: length of the centred coordinates. */
  readonly length: Float64Array;
  /** |s q|: length of the coded coordinates. */
  readonly coded: Float64Array;
}

/** Computes the coordinates of vectors in a basis. */
export interface Projection {
  /** @param values n × dim, row-major @returns n × basis.size float32, the caller's */
  project(values: Float32Array): Promise<Float32Array>;
  /** Frees the kernel. */
  release(): Promise<void>;
}

/** Compiles the projection on a basis. The directions become a constant of the graph. */
export async function createProjection(engine: Engine, { directions, size }: Basis, dim: number): Promise<Projection> {
  const kernel: Kernel = await engine.compile(
    modelProto({
      nodes: [{ op: "MatMul", inputs: ["x", "directions"], outputs: ["coordinates"] }],
      inputs: [{ name: "x", dtype: "float32", shape: ["n", dim] }],
      outputs: [{ name: "coordinates", dtype: "float32", shape: ["n", size] }],
      initializers: [{ name: "directions", dtype: "float32", shape: [dim, size], data: directions }],
    }),
  );
  return {
    async project(values) {
      const x = { dtype: "float32" as const, shape: [values.length / dim, dim], data: values };
      return (await kernel.run({ x })).coordinates.data as Float32Array;
    },
    release: () => kernel.release(),
  };
}

/** Allocates codes for `count` rows: depth + 32 bytes each. */
export function allocateCodes({ depth }: Pick<CodeBook, "depth">, count: number): RowCodes {
  return {
    count,
    bytes: new Uint8Array(count * depth),
    additive: new Float64Array(count),
    error: new Float64Array(count),
    length: new Float64Array(count),
    coded: new Float64Array(count),
  };
}

/** Views of the codes of the first `count` rows. */
export function firstCodes(depth: number, codes: RowCodes, count: number): RowCodes {
  return {
    count,
    bytes: codes.bytes.subarray(0, count * depth),
    additive: codes.additive.subarray(0, count),
    error: codes.error.subarray(0, count),
    length: codes.length.subarray(0, count),
    coded: codes.coded.subarray(0, count),
  };
}

/** Copies the codes of some rows into fresh buffers, in the order of `rows`. */
export function gatherCodes(depth: number, codes: RowCodes, rows: Int32Array): RowCodes {
  const count = rows.length;
  const bytes = new Uint8Array(count * depth);
  const numbers = [codes.additive, codes.error, codes.length, codes.coded].map((from) => {
    const into = new Float64Array(count);
    for (let i = 0; i < count; i++) into[i] = from[rows[i]];
    return into;
  });
  // Rows that lie together are copied together: most of them do.
  for (let first = 0, end = 1; first < count; first = end++) {
    while (end < count && rows[end] === rows[end - 1] + 1) end++;
    const from = rows[first] * depth;
    bytes.set(codes.bytes.subarray(from, from + (end - first) * depth), first * depth);
  }
  const [additive, error, length, coded] = numbers;
  return { count, bytes, additive, error, length, coded };
}

/**
 * Codes rows.
 * @param coordinates rows × size as `Projection` gave them
 * @param into receives the codes from its row `start` on
 */
export function encodeRows(
  book: CodeBook,
  coordinates: Float32Array,
  rows: number,
  into: RowCodes,
  start: number,
): void {
  const { basis, dim, depth, digits, levels, scale, centre } = book;
  const { size, defect } = basis;
  const { bytes, additive, error, length, coded } = into;
  const epsilon = projectionError(basis, dim);
  const residualCentre = centre[size];
  // The part of the additive number that is the same for every row: |c|²/2 − r²/2.
  let half = -(residualCentre * residualCentre) / 2;
  for (let i = 0; i < size; i++) half += (centre[i] * centre[i]) / 2;
  const coding = { size, centre, scale, levels, zeroPoint: ZERO_POINT, depth };
  const sums = codeCoordinates(coding, coordinates, rows, bytes.subarray(start * depth, (start + rows) * depth));
  for (let row = 0; row < rows; row++) {
    const to = (start + row) * depth;
    const at = row * SUMS;
    const [squared, along, ww, ee, qq] = [sums[at], sums[at + 1], sums[at + 2], sums[at + 3], sums[at + 4]];
    // The residual is one more component. It may be clipped as well.
    const residual = residualLength(squared, epsilon, defect);
    const w = residual - residualCentre;
    const q = Math.max(-levels, Math.min(levels, Math.round(w / scale)));
    const e = w - q * scale;
    bytes[to + size] = q + ZERO_POINT;
    bytes.fill(ZERO_POINT, to + size + 1, to + depth - digits);
    // Zeros, then L against each digit of a column.
    bytes.fill(ZERO_POINT + levels, to + depth - digits, to + depth);
    additive[start + row] = half + along + residualCentre * residual;
    error[start + row] = Math.sqrt(ee + e * e);
    length[start + row] = Math.sqrt(ww + w * w);
    coded[start + row] = scale * Math.sqrt(qq + q * q);
  }
}

/** Largest numbers of the columns of a group, which enter the bound of every row. */
export interface ColumnBounds {
  /** Largest |s q|. */
  coded: number;
  /** Largest |e|. */
  error: number;
  /** Largest part of a column's additive number that exceeds its digits; 0 where all fit. */
  over: number;
}

/**
 * Writes the codes of rows as columns, and raises the bounds of their group.
 * @param rows which rows of `codes`, one for each column
 * @param block panel of depth × width, row-major, written in columns `column` to `column + rows.length`
 * @param bounds largest numbers of the group so far; updated
 */
export function writeColumns(
  book: CodeBook,
  codes: RowCodes,
  rows: Int32Array,
  block: Int8Array,
  width: number,
  column: number,
  bounds: ColumnBounds,
): void {
  const { depth, digits, levels, scale, base, usualLength } = book;
  const { bytes, additive, error, coded } = codes;
  const count = rows.length;
  const digitsAt = depth - digits;
  transposeCodes(bytes, depth, ZERO_POINT, rows, block, width, column, digitsAt);
  // Digits are filled from the first on: full digits of ±L, then the remainder, then zeros.
  const unit = scale * scale * levels;
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    const excess = additive[row] + usualLength * error[row] - base;
    let rest = Math.ceil(excess / unit + 1e-6);
    bounds.over = Math.max(bounds.over, excess - digits * levels * unit);
    bounds.coded = Math.max(bounds.coded, coded[row]);
    bounds.error = Math.max(bounds.error, error[row]);
    for (let k = digitsAt, to = digitsAt * width + column + i; k < depth; k++, to += width) {
      const digit = Math.max(-levels, Math.min(levels, rest));
      block[to] = digit;
      rest -= digit;
    }
  }
}

/** The numbers of a code book that thresholds need; small enough to be sent to a worker. */
export type CodeScale = Pick<CodeBook, "depth" | "scale" | "base" | "slack" | "usualLength">;

/**
 * Least integer product I with which row `row` can reach `threshold` with any column of a group: step 5 of code-book.ts
 * solved for I. A product below rejects the pair for certain.
 */
export function rowThreshold(
  book: CodeScale,
  codes: RowCodes,
  row: number,
  bounds: ColumnBounds,
  threshold: number,
): number {
  const { scale, base, slack, usualLength } = book;
  const fixed =
    codes.additive[row] +
    base +
    bounds.over +
    slack +
    codes.error[row] * bounds.coded +
    Math.max(0, codes.length[row] - usualLength) * bounds.error;
  // One unit lower than the quotient, so that the rounding of these few operations cannot matter.
  const least = Math.floor((threshold - fixed) / (scale * scale)) - 1;
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, least));
}
