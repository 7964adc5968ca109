/** Adding this to a small float64 rounds to the nearest whole number, which is then in the low bits. */
const ROUND: f64 = 6755399441055744;

/**
 * Codes rows of float32 coordinates, and adds up what their bounds need. Sums are of float64, in two halves: components of
 * even and of odd number, then the last ones where the size is no multiple of 4.
 * @param centre size float64
 * @param levels largest whole number of a code
 * @param bytes codes of a row begin `depth` bytes after those of the row before
 * @param sums of each row 5 float64: Σu², Σc·w, Σw², Σe², Σq², where w = u − c and e = w − scale·q
 */
export function encodeRows(
  coordinates: usize,
  count: i32,
  size: i32,
  centre: usize,
  scale: f64,
  levels: i32,
  zeroPoint: i32,
  depth: i32,
  bytes: usize,
  sums: usize,
): void {
  const inverse = 1 / scale;
  const offset = ROUND + <f64>zeroPoint;
  const inverses = f64x2.splat(inverse);
  const scales = f64x2.splat(scale);
  const most = f64x2.splat(<f64>levels);
  const least = f64x2.splat(-(<f64>levels));
  const offsets = f64x2.splat(offset);
  const fours = size & ~3;
  for (let row = 0; row < count; row++, bytes += depth, sums += 40) {
    let uu = f64x2.splat(0);
    let cw = uu;
    let ww = uu;
    let ee = uu;
    let qq = uu;
    let c = centre;
    for (let i = 0; i < fours; i += 4, coordinates += 16, c += 32) {
      const four = v128.load(coordinates);
      let u = f64x2.promote_low_f32x4(four);
      let centred = v128.load(c);
      let w = f64x2.sub(u, centred);
      uu = f64x2.add(uu, f64x2.mul(u, u));
      cw = f64x2.add(cw, f64x2.mul(centred, w));
      ww = f64x2.add(ww, f64x2.mul(w, w));
      const first = f64x2.add(f64x2.pmax(f64x2.pmin(f64x2.mul(w, inverses), most), least), offsets);
      let q = f64x2.sub(first, offsets);
      let e = f64x2.sub(w, f64x2.mul(q, scales));
      ee = f64x2.add(ee, f64x2.mul(e, e));
      qq = f64x2.add(qq, f64x2.mul(q, q));
      u = f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1));
      centred = v128.load(c, 16);
      w = f64x2.sub(u, centred);
      uu = f64x2.add(uu, f64x2.mul(u, u));
      cw = f64x2.add(cw, f64x2.mul(centred, w));
      ww = f64x2.add(ww, f64x2.mul(w, w));
      const second = f64x2.add(f64x2.pmax(f64x2.pmin(f64x2.mul(w, inverses), most), least), offsets);
      q = f64x2.sub(second, offsets);
      e = f64x2.sub(w, f64x2.mul(q, scales));
      ee = f64x2.add(ee, f64x2.mul(e, e));
      qq = f64x2.add(qq, f64x2.mul(q, q));
      const codes = v128.shuffle<i32>(first, second, 0, 2, 4, 6);
      const halves = i16x8.narrow_i32x4_s(codes, codes);
      v128.store32_lane(bytes + i, i8x16.narrow_i16x8_u(halves, halves), 0);
    }
    let uuSum = f64x2.extract_lane(uu, 0) + f64x2.extract_lane(uu, 1);
    let cwSum = f64x2.extract_lane(cw, 0) + f64x2.extract_lane(cw, 1);
    let wwSum = f64x2.extract_lane(ww, 0) + f64x2.extract_lane(ww, 1);
    let eeSum = f64x2.extract_lane(ee, 0) + f64x2.extract_lane(ee, 1);
    let qqSum = f64x2.extract_lane(qq, 0) + f64x2.extract_lane(qq, 1);
    for (let i = fours; i < size; i++, coordinates += 4, c += 8) {
      const u = <f64>load<f32>(coordinates);
      const centred = load<f64>(c);
      const w = u - centred;
      const q = max<f64>(min<f64>(nearest<f64>(w * inverse), <f64>levels), -(<f64>levels));
      const e = w - q * scale;
      uuSum += u * u;
      cwSum += centred * w;
      wwSum += w * w;
      eeSum += e * e;
      qqSum += q * q;
      store<u8>(bytes + i, <u8>(<i32>q + zeroPoint));
    }
    store<f64>(sums, uuSum);
    store<f64>(sums, cwSum, 8);
    store<f64>(sums, wwSum, 16);
    store<f64>(sums, eeSum, 24);
    store<f64>(sums, qqSum, 32);
  }
}

/**
 * Writes uint8 codes around a zero point as int8 columns.
 * @param rows addresses of `count` rows of codes, a multiple of 8
 * @param length components that are written, rounded up to a multiple of 8
 * @param to component 0 of the first column; components lie `stride` bytes apart, columns side by side
 */
export function transposeCodes(rows: usize, count: i32, length: i32, zeroPoint: i32, to: usize, stride: usize): void {
  const zero = i8x16.splat(<i8>zeroPoint);
  for (let i = 0; i < count; i += 8, to += 8, rows += 32) {
    const r0: usize = load<u32>(rows);
    const r1: usize = load<u32>(rows, 4);
    const r2: usize = load<u32>(rows, 8);
    const r3: usize = load<u32>(rows, 12);
    const r4: usize = load<u32>(rows, 16);
    const r5: usize = load<u32>(rows, 20);
    const r6: usize = load<u32>(rows, 24);
    const r7: usize = load<u32>(rows, 28);
    let at = to;
    for (let k = 0; k < length; k += 8, at += 8 * stride) {
      // Bytes of two rows side by side, then pairs of them, then fours: each vector ends with two components of 8 rows.
      const a = interleaved(v128.load64_zero(r0 + k), v128.load64_zero(r1 + k));
      const b = interleaved(v128.load64_zero(r2 + k), v128.load64_zero(r3 + k));
      const c = interleaved(v128.load64_zero(r4 + k), v128.load64_zero(r5 + k));
      const d = interleaved(v128.load64_zero(r6 + k), v128.load64_zero(r7 + k));
      const e = v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      const f = v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
      const g = v128.shuffle<i16>(c, d, 0, 8, 1, 9, 2, 10, 3, 11);
      const h = v128.shuffle<i16>(c, d, 4, 12, 5, 13, 6, 14, 7, 15);
      storeTwo(at, stride, i8x16.sub(v128.shuffle<i32>(e, g, 0, 4, 1, 5), zero));
      storeTwo(at + 2 * stride, stride, i8x16.sub(v128.shuffle<i32>(e, g, 2, 6, 3, 7), zero));
      storeTwo(at + 4 * stride, stride, i8x16.sub(v128.shuffle<i32>(f, h, 0, 4, 1, 5), zero));
      storeTwo(at + 6 * stride, stride, i8x16.sub(v128.shuffle<i32>(f, h, 2, 6, 3, 7), zero));
    }
  }
}

/** The low bytes of two vectors in turn. */
function interleaved(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

function storeTwo(to: usize, stride: usize, two: v128): void {
  v128.store64_lane(to, two, 0);
  v128.store64_lane(to + stride, two, 1);
}
