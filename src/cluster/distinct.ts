import type { VectorReader } from "../vectors/reader.js";

/**
 * A 53-bit hash of a vector, in which +0 and −0 are the same. Two 32-bit hashes of different multipliers are mixed: all
 * 32 bits of the first and the upper 21 of the second make one number that float64 holds exactly.
 * @param bits the float32 components, viewed as 32-bit integers
 * @param at element at which the vector starts
 */
export function hashVector(bits: Int32Array, at: number, dim: number): number {
  let a = 0x9e3779b9 | 0;
  let b = 0x85ebca6b | 0;
  for (let i = at; i < at + dim; i++) {
    // The bits of −0 are 0x80000000, of +0 all zero.
    const word = bits[i] === -0x80000000 ? 0 : bits[i];
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b + word, 0x5bd1e995);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}

/**
 * Counts the distinct vectors at `positions` and stops reading once `enough` of them are found. Memory: one tile, and
 * one number for each distinct vector up to `enough`. Vectors are told apart by a 53-bit hash, so two vectors with the
 * same hash count as one: among 10,000 distinct vectors the chance of such a pair is about 10,000² / 2^54 = 6e-9.
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
