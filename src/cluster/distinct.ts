import type { VectorReader } from "../vectors/reader.js";

/**
 * A 53-bit hash of one vector's components; +0 and −0 count as equal. `bits` views the same memory as the float32 rows,
 * and `at` is in elements.
 */
export function hashVector(bits: Int32Array, at: number, dim: number): number {
  let a = 0x9e3779b9 | 0;
  let b = 0x85ebca6b | 0;
  for (let i = at; i < at + dim; i++) {
    const word = bits[i] === -0x80000000 ? 0 : bits[i];
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b + word, 0x5bd1e995);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}

/**
 * Counts distinct vectors among `positions`, reading only until `enough` are found. Memory: one tile and one number for
 * each distinct vector up to `enough`. Distinct by a 53-bit hash, so in principle it could count too few.
 */
export async function countDistinct(
  vectors: VectorReader,
  positions: Uint32Array,
  enough: number,
  tileRows: number,
): Promise<number> {
  const { dim } = vectors;
  const rows = new Float32Array(tileRows * dim);
  const bits = new Int32Array(rows.buffer);
  const seen = new Set<number>();
  for (let start = 0; start < positions.length && seen.size < enough; start += tileRows) {
    const tile = positions.subarray(start, start + tileRows);
    await vectors.gather(tile, rows.subarray(0, tile.length * dim));
    for (let r = 0; r < tile.length && seen.size < enough; r++) seen.add(hashVector(bits, r * dim, dim));
  }
  return seen.size;
}
