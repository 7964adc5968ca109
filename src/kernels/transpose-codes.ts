import { kernelInstance } from "./instance.js";

/** Rows and components that the kernel takes at a time. */
const STEP = 8;
/** Rows are copied one by one where the rows among which they lie are more than this many times as many. */
const SPARSE = 4;

/**
 * Writes codes of rows as columns of a panel: its first `length` components, in columns `column` to `column +
 * rows.length`.
 * @param codes rows of `depth` uint8, q + zeroPoint
 * @param rows which of them, one for each column
 * @param panel depth × width int8, row-major
 * @param length at most `depth`
 */
export function transposeCodes(
  codes: Uint8Array,
  depth: number,
  zeroPoint: number,
  rows: Int32Array,
  panel: Int8Array,
  width: number,
  column: number,
  length: number,
): void {
  const count = rows.length;
  if (count === 0) return;
  if (depth % STEP !== 0) throw new Error(`codes have ${depth} components; expected a multiple of ${STEP}`);
  let first = rows[0];
  let last = rows[0];
  for (let i = 1; i < count; i++) {
    if (rows[i] < first) first = rows[i];
    else if (rows[i] > last) last = rows[i];
  }
  const sparse = last - first + 1 > SPARSE * count;
  const kernels = kernelInstance();
  // The last step may reach past the last column: its columns are filled up with the last row and not copied back.
  const filled = Math.ceil(count / STEP) * STEP;
  const [codesAt, addressesAt, to] = kernels.layOut(
    (sparse ? count : last - first + 1) * depth,
    4 * filled,
    filled * depth,
  );
  const { bytes } = kernels;
  const addresses = kernels.int32(addressesAt, filled);
  if (!sparse) bytes.set(codes.subarray(first * depth, (last + 1) * depth), codesAt);
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    if (sparse) bytes.set(codes.subarray(row * depth, (row + 1) * depth), codesAt + i * depth);
    addresses[i] = codesAt + (sparse ? i : row - first) * depth;
  }
  addresses.fill(addresses[count - 1], count);
  kernels.run.transposeCodes(addressesAt, filled, Math.ceil(length / STEP) * STEP, zeroPoint, to, filled);
  const signed = new Int8Array(bytes.buffer);
  for (let k = 0, from = to; k < length; k++, from += filled)
    panel.set(signed.subarray(from, from + count), k * width + column);
}
