import { type Mixing, mixingOf } from "./mixing.js";
import type { RowMemory } from "./row-memory.js";

/**
 * Vectors as 8-bit codes with a certain error. For a row x, a common centre m and the mixing H (see mixing.ts), H(x − m) is s·q + e:
 * q integers from −127 to 127, s the row's own scale, and e what is left over, of known length. So for any mixed vector v the
 * product H(x − m)·v differs from s·(q·v) by at most |e||v|, whatever the order in which the integers are summed.
 */
export interface CodeTile {
  /** q + 128, one row of `width` after the other. */
  readonly codes: Uint8Array;
  /** s of each row. */
  readonly scale: Float32Array;
  /** At least |e| of each row. */
  readonly error: Float32Array;
  /** At least |H(x − m)| and |s·q| of each row. */
  readonly length: Float32Array;
}

/** Zero point of the codes. */
export const ZERO_POINT = 128;

/** Turns tiles of vectors into codes. */
export interface Encoder {
  readonly mixing: Mixing;
  /** Encodes the first `count` of `rows`, each of dim, read during the call, as the rows of a tile from `at` on. */
  encode(rows: Float32Array, count: number, into: CodeTile, at: number): void;
}

/** Room for the codes of `rows` rows. */
export function createCodeTile(rows: number, width: number): CodeTile {
  return {
    codes: new Uint8Array(rows * width),
    scale: new Float32Array(rows),
    error: new Float32Array(rows),
    length: new Float32Array(rows),
  };
}

/** Unit roundoff of float32. */
const UNIT_ROUNDOFF = 2 ** -24;

/** Rows that the kernels take at a time: they stay in a core's first cache. */
const BATCH = 8;

/** An encoder for a centre (dim float32, read during the call). */
export function createEncoder(memory: RowMemory, centre: Float32Array): Encoder {
  const { kernels, dim } = memory;
  const mixing = mixingOf(dim);
  const { width, least } = mixing;
  const bytes = 4 * width;
  const coded = memory.bytes(BATCH * width);
  const float32 = (length: number) => new Float32Array(coded.buffer, memory.bytes(4 * length).byteOffset, length);
  const batch = float32(BATCH * width);
  const out = float32(4 * BATCH);
  const middle = float32(width);
  middle.set(centre);
  // x − m and every stage round once, the product with s and the last difference once more, twice over.
  const roundings = 2 * (mixing.stages + 3) * UNIT_ROUNDOFF;
  return {
    mixing,
    encode(rows, count, { codes, scale, error, length }, at) {
      for (let start = 0; start < count; start += BATCH) {
        const size = Math.min(BATCH, count - start);
        let source = batch.byteOffset;
        if (memory.holds(rows)) source = memory.address(rows, start * dim);
        else {
          for (let r = 0; r < size; r++) batch.fill(0, r * width + dim, (r + 1) * width);
          for (let r = 0; r < size; r++) {
            batch.set(rows.subarray((start + r) * dim, (start + r + 1) * dim), r * width);
          }
        }
        kernels.mix(source, batch.byteOffset, batch.byteOffset + size * bytes, bytes, middle.byteOffset, 4 * least);
        kernels.quantise(batch.byteOffset, batch.byteOffset + size * bytes, bytes, coded.byteOffset, out.byteOffset);
        codes.set(size === BATCH ? coded : coded.subarray(0, size * width), (at + start) * width);
        for (let r = 0; r < size; r++) {
          scale[at + start + r] = out[4 * r];
          error[at + start + r] = out[4 * r + 1];
          length[at + start + r] = out[4 * r + 2];
        }
      }
      boundLengths(error.subarray(at, at + count), length.subarray(at, at + count), width, roundings);
    },
  };
}

/**
 * Turns float32 sums of squares into upper bounds of lengths: such a sum is off by at most γ(width + 1) of itself, and what was
 * summed by `roundings` of |H(x − m)| + |e|.
 */
function boundLengths(error: Float32Array, length: Float32Array, width: number, roundings: number): void {
  const sum = 1 + (width + 4) * UNIT_ROUNDOFF;
  for (let r = 0; r < error.length; r++) {
    const y = Math.sqrt(length[r]) * sum;
    const e = Math.sqrt(error[r]) * sum;
    error[r] = (e + roundings * (y + e)) * (1 + 2 ** -22) + 2 ** -60;
    length[r] = (y + error[r]) * (1 + 2 ** -22);
  }
}
