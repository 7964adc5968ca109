import { modelProto } from "../../onnx/builder.js";
import type { Engine, Kernel } from "../../onnx/engine.js";
import type { Basis } from "./basis.js";
import { type CodeBook, DIGITS, projectionError, residualLength, ZERO_POINT } from "./code-book.js";

/** Truncating a small number plus this rounds it to a byte: any whole number is a valid q, so ties and overflow do no harm. */
const HALF_UP = ZERO_POINT + 0.5;

/** Row sides of codes, with the numbers of each row that its thresholds need. */
export interface RowCodes {
  readonly count: number;
  /** count × depth, q + 128, and L + 128 in place of digits. */
  readonly bytes: Uint8Array;
  /** a, |e|, |w| and |s q| of each row. */
  readonly additive: Float64Array;
  readonly error: Float64Array;
  readonly length: Float64Array;
  readonly coded: Float64Array;
}

/** Coordinates of vectors in a basis, computed by the engine. */
export interface Projection {
  /** @param values n × dim; @returns n × basis.size, the caller's */
  project(values: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Compiles the product with a basis. */
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

/** Makes empty codes for `count` rows. */
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

/** Copies the codes of some rows together, in fresh buffers. */
export function gatherCodes(depth: number, codes: RowCodes, rows: Int32Array): RowCodes {
  const count = rows.length;
  const bytes = new Uint8Array(count * depth);
  const numbers = [codes.additive, codes.error, codes.length, codes.coded].map((from) => {
    const into = new Float64Array(count);
    for (let i = 0; i < count; i++) into[i] = from[rows[i]];
    return into;
  });
  for (let i = 0; i < count; i++) bytes.set(codes.bytes.subarray(rows[i] * depth, (rows[i] + 1) * depth), i * depth);
  const [additive, error, length, coded] = numbers;
  return { count, bytes, additive, error, length, coded };
}

/** Codes rows from their coordinates (n × size) into `into`, from row `start` on. */
export function encodeRows(
  book: CodeBook,
  coordinates: Float32Array,
  rows: number,
  into: RowCodes,
  start: number,
): void {
  const { basis, dim, depth, levels, scale, centre } = book;
  const { size, defect } = basis;
  const { bytes, additive, error, length, coded } = into;
  const epsilon = projectionError(basis, dim);
  const inverse = 1 / scale;
  const least = ZERO_POINT - levels;
  const most = ZERO_POINT + levels;
  const residualCentre = centre[size];
  let half = -(residualCentre * residualCentre) / 2;
  for (let i = 0; i < size; i++) half += (centre[i] * centre[i]) / 2;
  for (let row = 0; row < rows; row++) {
    const from = row * size;
    const to = (start + row) * depth;
    let squared = 0;
    let along = 0;
    let ww = 0;
    let ee = 0;
    let qq = 0;
    for (let i = 0; i < size; i++) {
      const u = coordinates[from + i];
      const c = centre[i];
      const w = u - c;
      let byte = (w * inverse + HALF_UP) | 0;
      if (byte > most) byte = most;
      else if (byte < least) byte = least;
      const q = byte - ZERO_POINT;
      const e = w - q * scale;
      squared += u * u;
      along += c * w;
      ww += w * w;
      ee += e * e;
      qq += q * q;
      bytes[to + i] = byte;
    }
    const residual = residualLength(squared, epsilon, defect);
    const w = residual - residualCentre;
    const q = Math.max(-levels, Math.min(levels, Math.round(w * inverse)));
    const e = w - q * scale;
    along += residualCentre * residual;
    ww += w * w;
    ee += e * e;
    qq += q * q;
    bytes[to + size] = q + ZERO_POINT;
    bytes.fill(ZERO_POINT, to + size + 1, to + depth - DIGITS);
    bytes.fill(ZERO_POINT + levels, to + depth - DIGITS, to + depth);
    additive[start + row] = half + along;
    error[start + row] = Math.sqrt(ee);
    length[start + row] = Math.sqrt(ww);
    coded[start + row] = scale * Math.sqrt(qq);
  }
}

/** What a group of columns adds to the bound of every row. */
export interface ColumnBounds {
  /** Largest |s q| and |e|, and what did not fit the digits. */
  coded: number;
  error: number;
  over: number;
}

/**
 * Writes the column side of rows `rows` of `codes` to as many columns of a depth × width block (row-major), from `column` on,
 * and raises the bounds of their group.
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
  const { depth, levels, scale, base, usualLength } = book;
  const { bytes, additive, error, coded } = codes;
  const count = rows.length;
  const digitsAt = depth - DIGITS;
  // Four rows at a time: each on its own would touch as many lines of the cache as it has components.
  const fours = count - (count % 4);
  for (let i = 0; i < fours; i += 4) {
    const a = rows[i] * depth;
    const b = rows[i + 1] * depth;
    const c = rows[i + 2] * depth;
    const d = rows[i + 3] * depth;
    for (let k = 0, to = column + i; k < digitsAt; k++, to += width) {
      block[to] = bytes[a + k] - ZERO_POINT;
      block[to + 1] = bytes[b + k] - ZERO_POINT;
      block[to + 2] = bytes[c + k] - ZERO_POINT;
      block[to + 3] = bytes[d + k] - ZERO_POINT;
    }
  }
  for (let i = fours; i < count; i++) {
    const from = rows[i] * depth;
    for (let k = 0, to = column + i; k < digitsAt; k++, to += width) block[to] = bytes[from + k] - ZERO_POINT;
  }
  const unit = scale * scale * levels;
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    const excess = additive[row] + usualLength * error[row] - base;
    let digits = Math.ceil(excess / unit + 1e-6);
    bounds.over = Math.max(bounds.over, excess - DIGITS * levels * unit);
    bounds.coded = Math.max(bounds.coded, coded[row]);
    bounds.error = Math.max(bounds.error, error[row]);
    for (let k = digitsAt, to = digitsAt * width + column + i; k < depth; k++, to += width) {
      const digit = Math.max(-levels, Math.min(levels, digits));
      block[to] = digit;
      digits -= digit;
    }
  }
}

/** The numbers of a code book that comparing codes takes; small enough to be sent to a worker. */
export type CodeScale = Pick<CodeBook, "depth" | "scale" | "base" | "slack" | "usualLength">;

/** Least integer product with which row `row` can reach `threshold` with a column of a group. */
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
  // One step lower than the quotient, so that the rounding of these few operations cannot matter.
  const least = Math.floor((threshold - fixed) / (scale * scale)) - 1;
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, least));
}
