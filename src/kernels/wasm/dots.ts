/**
 * Lists, in order, the pairs whose float32 dot product is not below `least`, and without a look at their products the
 * pairs that follow a pair of the same row with at least `enough`. A product that is no number counts as not below.
 * @param pairs addresses of row and column, 2 × uint32 for each of `count` pairs
 * @param bytes of a vector, a multiple of 64, behind its components zeros
 * @returns number of the pairs left: their numbers, uint32, at `kept`
 */
export function dotsBelow(pairs: usize, count: i32, bytes: usize, least: f32, enough: f32, kept: usize): i32 {
  const start = kept;
  let done: usize = 0;
  for (let i = 0; i < count; i++, pairs += 8) {
    let row: usize = load<u32>(pairs);
    if (row === done) {
      store<u32>(kept, i);
      kept += 4;
      continue;
    }
    const first = row;
    let column: usize = load<u32>(pairs, 4);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (const end = row + bytes; row < end; row += 64, column += 64) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(row), v128.load(column)));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(row, 16), v128.load(column, 16)));
      s2 = f32x4.add(s2, f32x4.mul(v128.load(row, 32), v128.load(column, 32)));
      s3 = f32x4.add(s3, f32x4.mul(v128.load(row, 48), v128.load(column, 48)));
    }
    const sum = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
    const score =
      f32x4.extract_lane(sum, 0) +
      f32x4.extract_lane(sum, 1) +
      (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3));
    if (score < least) continue;
    if (score >= enough) done = first;
    store<u32>(kept, i);
    kept += 4;
  }
  return <i32>((kept - start) >>> 2);
}
