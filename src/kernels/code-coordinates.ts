import { kernelInstance } from "./instance.js";

/** Rows of a call, which bounds the copies: 2,048 rows of 640 coordinates are 5 MB. */
const CHUNK = 2048;

/** How coordinates become codes. */
export interface Coding {
  /** Coordinates of a row. */
  readonly size: number;
  /** c: `size` float64, or more. */
  readonly centre: Float64Array;
  /** Coordinates w = u − c for which a code grows by 1. */
  readonly scale: number;
  /** Codes q lie in [−levels, levels], at most 127. */
  readonly levels: number;
  /** A byte is q + zeroPoint. */
  readonly zeroPoint: number;
  /** Bytes from one row's codes to the next one's. */
  readonly depth: number;
}

/** Float64 sums of a row, in this order: Σu², Σc·w, Σw², Σe² with e = w − scale·q, Σq². */
export const SUMS = 5;

/**
 * Codes rows of float32 coordinates u: q is w/scale to the nearest whole number, ties to even, clipped. Sums are of
 * float64, their order the same on every machine.
 * @param coordinates count × size, row-major
 * @param bytes receives the codes of row r from byte r × depth on; the bytes behind a row's codes are undefined
 * @returns count × SUMS
 */
export function codeCoordinates(
  { size, centre, scale, levels, zeroPoint, depth }: Coding,
  coordinates: Float32Array,
  count: number,
  bytes: Uint8Array,
): Float64Array {
  const sums = new Float64Array(count * SUMS);
  const kernels = kernelInstance();
  const most = Math.min(count, CHUNK);
  const [from, centreAt, to, sumsAt] = kernels.layOut(4 * most * size, 8 * size, most * depth, 8 * most * SUMS);
  kernels.float64(centreAt, size).set(centre.subarray(0, size));
  for (let first = 0; first < count; first += CHUNK) {
    const rows = Math.min(CHUNK, count - first);
    kernels.float32(from, rows * size).set(coordinates.subarray(first * size, (first + rows) * size));
    kernels.run.encodeRows(from, rows, size, centreAt, scale, levels, zeroPoint, depth, to, sumsAt);
    bytes.set(kernels.bytes.subarray(to, to + rows * depth), first * depth);
    sums.set(kernels.float64(sumsAt, rows * SUMS), first * SUMS);
  }
  return sums;
}
