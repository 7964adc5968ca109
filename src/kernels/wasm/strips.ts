// Products of row codes with the 64 columns of a strip. All sums are exact in int32: a pair of codes is multiplied and added at once
// (`dot_i16x8_s`), so the columns are spread to 16 bits with the codes of two neighbouring components side by side.

/** Columns of a strip, and of one of its four blocks. */
const STRIP: i32 = 64;
const BLOCK: i32 = 16;

/**
 * Turns uint8 codes around a zero point into int16 codes.
 * @param count codes, a multiple of 8
 */
export function widenRows(from: usize, to: usize, count: i32, zeroPoint: i32): void {
  const zero = i16x8.splat(<i16>zeroPoint);
  for (const end = from + count; from < end; from += 8, to += 16) {
    v128.store(to, i16x8.sub(v128.load_ext<u8>(from), zero));
  }
}

/**
 * Spreads depth × 64 int8, whose rows lie `stride` bytes apart, to four blocks of depth/2 × 16 pairs of int16.
 * @param depth even
 */
export function spreadStrip(from: usize, stride: usize, depth: i32, to: usize): void {
  const blockBytes = depth * BLOCK * 2;
  for (let k = 0; k < depth; k += 2, from += 2 * stride, to += BLOCK * 4) {
    for (let block = 0; block < STRIP / BLOCK; block++) {
      const upper = v128.load(from + block * BLOCK);
      const lower = v128.load(from + stride + block * BLOCK);
      const low = v128.shuffle<i8>(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const high = v128.shuffle<i8>(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const at = to + block * blockBytes;
      v128.store(at, i16x8.extend_low_i8x16_s(low), 0);
      v128.store(at, i16x8.extend_high_i8x16_s(low), 16);
      v128.store(at, i16x8.extend_low_i8x16_s(high), 32);
      v128.store(at, i16x8.extend_high_i8x16_s(high), 48);
    }
  }
}

/** Bits 0 to 15: which of the 16 products reach the threshold. */
function reached(a: v128, b: v128, c: v128, d: v128, least: i32): i32 {
  const limit = i32x4.splat(least);
  return (
    i32x4.bitmask(i32x4.ge_s(a, limit)) |
    (i32x4.bitmask(i32x4.ge_s(b, limit)) << 4) |
    (i32x4.bitmask(i32x4.ge_s(c, limit)) << 8) |
    (i32x4.bitmask(i32x4.ge_s(d, limit)) << 12)
  );
}

/**
 * Multiplies rows with a spread strip.
 * @param columns four blocks as `spreadStrip` writes them
 * @param rows addresses of `count` rows of depth int16
 * @param thresholds least product of each row
 * @param masks receives 64 bits for each row: bit c is set where the product with column c reaches the threshold
 */
export function scanRows(columns: usize, depth: i32, rows: usize, thresholds: usize, count: i32, masks: usize): void {
  for (let block = 0; block < STRIP / BLOCK; block++, columns += depth * BLOCK * 2) {
    // Two rows at a time share the loads of the columns; an odd last row is its own second row.
    for (let i = 0; i < count; i += 2) {
      const j = i + 1 < count ? i + 1 : i;
      let first: usize = load<u32>(rows + i * 4);
      let second: usize = load<u32>(rows + j * 4);
      let a0 = i32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = a0;
      let b1 = a0;
      let b2 = a0;
      let b3 = a0;
      let from = columns;
      for (const end = columns + depth * BLOCK * 2; from < end; from += 128, first += 8, second += 8) {
        let a = v128.load32_splat(first);
        let b = v128.load32_splat(second);
        let c = v128.load(from);
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(c, a));
        b0 = i32x4.add(b0, i32x4.dot_i16x8_s(c, b));
        c = v128.load(from, 16);
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(c, a));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(c, b));
        c = v128.load(from, 32);
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(c, a));
        b2 = i32x4.add(b2, i32x4.dot_i16x8_s(c, b));
        c = v128.load(from, 48);
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(c, a));
        b3 = i32x4.add(b3, i32x4.dot_i16x8_s(c, b));
        a = v128.load32_splat(first, 4);
        b = v128.load32_splat(second, 4);
        c = v128.load(from, 64);
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(c, a));
        b0 = i32x4.add(b0, i32x4.dot_i16x8_s(c, b));
        c = v128.load(from, 80);
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(c, a));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(c, b));
        c = v128.load(from, 96);
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(c, a));
        b2 = i32x4.add(b2, i32x4.dot_i16x8_s(c, b));
        c = v128.load(from, 112);
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(c, a));
        b3 = i32x4.add(b3, i32x4.dot_i16x8_s(c, b));
      }
      store<u16>(masks + i * 8 + block * 2, reached(a0, a1, a2, a3, load<i32>(thresholds + i * 4)));
      store<u16>(masks + j * 8 + block * 2, reached(b0, b1, b2, b3, load<i32>(thresholds + j * 4)));
    }
  }
}
