// Dot products of one row and centroids, float32 vectors without gaps, any dimension.

function across(sum: v128): f32 {
  return (
    f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3))
  );
}

/** Dot product in float32; no component takes part in more than dim / 16 + 11 roundings. */
export function dot(row: usize, centroid: usize, dim: i32): f32 {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i = 0;
  for (; i + 15 < dim; i += 16, row += 64, centroid += 64) {
    a = f32x4.add(a, f32x4.mul(v128.load(row), v128.load(centroid)));
    b = f32x4.add(b, f32x4.mul(v128.load(row, 16), v128.load(centroid, 16)));
    c = f32x4.add(c, f32x4.mul(v128.load(row, 32), v128.load(centroid, 32)));
    d = f32x4.add(d, f32x4.mul(v128.load(row, 48), v128.load(centroid, 48)));
  }
  for (; i + 3 < dim; i += 4, row += 16, centroid += 16) {
    a = f32x4.add(a, f32x4.mul(v128.load(row), v128.load(centroid)));
  }
  let sum = across(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; i < dim; i++, row += 4, centroid += 4) sum += load<f32>(row) * load<f32>(centroid);
  return sum;
}

/** The dot products of a row with four centroids, in float32; no component takes part in more than dim / 4 + 10 roundings. */
export function fourDots(row: usize, p: usize, q: usize, u: usize, v: usize, dim: i32): v128 {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i = 0;
  for (; i + 7 < dim; i += 8, row += 32, p += 32, q += 32, u += 32, v += 32) {
    let x = v128.load(row);
    a = f32x4.add(a, f32x4.mul(x, v128.load(p)));
    b = f32x4.add(b, f32x4.mul(x, v128.load(q)));
    c = f32x4.add(c, f32x4.mul(x, v128.load(u)));
    d = f32x4.add(d, f32x4.mul(x, v128.load(v)));
    x = v128.load(row, 16);
    a = f32x4.add(a, f32x4.mul(x, v128.load(p, 16)));
    b = f32x4.add(b, f32x4.mul(x, v128.load(q, 16)));
    c = f32x4.add(c, f32x4.mul(x, v128.load(u, 16)));
    d = f32x4.add(d, f32x4.mul(x, v128.load(v, 16)));
  }
  for (; i < dim; i++, row += 4, p += 4, q += 4, u += 4, v += 4) {
    const x = load<f32>(row);
    a = f32x4.replace_lane(a, 0, f32x4.extract_lane(a, 0) + x * load<f32>(p));
    b = f32x4.replace_lane(b, 0, f32x4.extract_lane(b, 0) + x * load<f32>(q));
    c = f32x4.replace_lane(c, 0, f32x4.extract_lane(c, 0) + x * load<f32>(u));
    d = f32x4.replace_lane(d, 0, f32x4.extract_lane(d, 0) + x * load<f32>(v));
  }
  // Lanes 0 and 2 of a and b, then 1 and 3; the same of c and d.
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}
