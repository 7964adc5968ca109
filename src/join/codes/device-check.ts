import type { Engine } from "../../onnx/engine.js";
import { ZERO_POINT } from "./code-book.js";
import { type ColumnParts, createDeviceProduct, type DeviceProduct, exactLevels, PARTS } from "./device-product.js";
import { halfAtMost, halfInUnits } from "./half.js";

/** Columns whose products are compared, of those of the first part. */
const SAMPLED = 16;

/**
 * Compiles the fastest product that the device computes exactly: `half`, else `float`. Each number of columns in
 * `columns` is tried, since a library of products chooses its algorithm by the shapes.
 * @throws Error where the device computes neither exactly
 */
export async function exactDeviceProduct(
  engine: Engine,
  { depth, columns, rows }: { depth: number; columns: readonly number[]; rows?: number },
): Promise<DeviceProduct> {
  let product: DeviceProduct | undefined;
  try {
    product = await createDeviceProduct(engine, { depth, precision: "half", rows });
    for (const count of columns) await checkProduct(product, depth, count);
    return product;
  } catch {
    // A device without float16, or one that adds in float16: float32 is slower and exact.
    await product?.release();
  }
  const whole = await createDeviceProduct(engine, { depth, precision: "float", rows });
  try {
    for (const count of columns) await checkProduct(whole, depth, count);
    return whole;
  } catch (error) {
    await whole.release();
    throw error;
  }
}

/**
 * Tests a device: multiplies the largest codes, codes whose sums grow far before they shrink again, and codes without a
 * pattern, and compares with sums in plain integers. A device that rounds a partial sum gives another number for most of
 * them, since a product is compared up to the one rounding of `Precision` alone.
 * @param columns number of columns of the call, a multiple of the strip
 * @throws Error where a product differs, since the bound does not hold on such a device
 */
export async function checkProduct(product: DeviceProduct, depth: number, columns: number): Promise<void> {
  const levels = exactLevels(depth);
  const rows = patterns(product.rows, depth, levels, 1);
  const first = patterns(columns / PARTS, depth, levels, 2);
  const parts: ColumnParts = [first, ...Array.from({ length: PARTS - 1 }, () => first.subarray())];
  // An odd step meets every pattern.
  const step = Math.max(1, Math.floor(columns / PARTS / SAMPLED)) | 1;
  const sample = await product.sample(rows, parts, step);
  for (let i = 0; i < sample.length; i++) {
    const [column, row] = [Math.floor(i / product.rows) * step, i % product.rows];
    const expected = naiveProduct(rows, row, first, column, depth);
    const found = Number(sample[i]);
    if (product.precision === "half" ? isRounded(found, expected) : found === expected) continue;
    const value = product.precision === "half" ? halfInUnits(found) : found;
    throw new Error(
      `the device gives ${value} for a product of codes that is ${expected}, expected exact sums below 2^24`,
    );
  }
}

/** True where the float16 number of these bits is one of the two neighbours of `whole`, or `whole` itself. */
function isRounded(bits: number, whole: number): boolean {
  const least = halfInUnits(halfAtMost(whole));
  const most = -halfInUnits(halfAtMost(-whole));
  const value = halfInUnits(bits);
  return value === least || value === most;
}

function naiveProduct(rows: Uint8Array, row: number, columns: Uint8Array, column: number, depth: number): number {
  let sum = 0;
  for (let k = 0; k < depth; k++) {
    sum += (rows[row * depth + k] - ZERO_POINT) * (columns[column * depth + k] - ZERO_POINT);
  }
  return sum;
}

/** Codes in turn: all L; L, then -L; L and -L in runs of growing length; numbers without a pattern. */
function patterns(count: number, depth: number, levels: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(count * depth);
  let random = seed;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < depth; k++) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
      const kind = i % 5;
      let code = ((random >> 8) % (2 * levels + 1)) - levels;
      if (kind === 0) code = levels;
      else if (kind === 1) code = k < depth / 2 ? levels : -levels;
      else if (kind === 2) code = (k >> (1 + (i % 4))) % 2 === 0 ? levels : -levels + (i % 3);
      bytes[i * depth + k] = code + ZERO_POINT;
    }
  }
  return bytes;
}
