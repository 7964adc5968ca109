// Kernels over the rows of k-means: float32 vectors without gaps.

/** Adding and subtracting this rounds a float64 below 2^51 to the nearest integer, a tie to the even one. */
const ROUND: f64 = 6755399441055744;

function high(values: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(values, values, 2, 3, 2, 3));
}

/**
 * The squared norm of each row in float64, in four partial sums: of the components 0, 4, 8 and so on, of 1, 5, 9, ...
 * @param to receives `count` float64
 */
export function squaredNorms(rows: usize, count: i32, dim: i32, to: usize): void {
  const whole: usize = <usize>(dim & -4) * 4;
  for (let r = 0; r < count; r++, to += 8) {
    let ab = f64x2.splat(0);
    let cd = ab;
    const end = rows + whole;
    for (; rows < end; rows += 16) {
      const values = v128.load(rows);
      const low = f64x2.promote_low_f32x4(values);
      const up = high(values);
      ab = f64x2.add(ab, f64x2.mul(low, low));
      cd = f64x2.add(cd, f64x2.mul(up, up));
    }
    let a = f64x2.extract_lane(ab, 0);
    let b = f64x2.extract_lane(ab, 1);
    let c = f64x2.extract_lane(cd, 0);
    for (let i = dim & -4; i < dim; i++, rows += 4) {
      const x = <f64>load<f32>(rows);
      if ((i & 3) === 0) a += x * x;
      else if ((i & 3) === 1) b += x * x;
      else c += x * x;
    }
    store<f64>(to, a + c + (b + f64x2.extract_lane(cd, 1)));
  }
}

/**
 * Moves the rows whose cluster changes from one sum to the other. Each component counts as a whole number of 1/scale.
 * @param from cluster of each row before, int32; −1: none
 * @param to cluster of each row from now on
 * @param weights uint32; 0: every row counts once
 * @param sums float64, dim for each cluster
 */
export function moveRows(
  rows: usize,
  count: i32,
  dim: i32,
  from: usize,
  to: usize,
  weights: usize,
  scale: f64,
  sums: usize,
): void {
  const grid = f64x2.splat(scale);
  const round = f64x2.splat(ROUND);
  const bytes = <usize>dim * 4;
  for (let r = 0; r < count; r++, rows += bytes) {
    const source = load<i32>(from + <usize>r * 4);
    const target = load<i32>(to + <usize>r * 4);
    if (source === target) continue;
    const weight: f64 = weights === 0 ? 1 : <f64>load<u32>(weights + <usize>r * 4);
    const factor = f64x2.splat(weight);
    let into = sums + <usize>target * bytes * 2;
    let out = source < 0 ? 0 : sums + <usize>source * bytes * 2;
    let row = rows;
    let i = 0;
    for (; i + 3 < dim; i += 4, row += 16, into += 32) {
      const values = v128.load(row);
      const low = f64x2.promote_low_f32x4(values);
      const a = f64x2.mul(factor, f64x2.sub(f64x2.add(f64x2.mul(low, grid), round), round));
      const b = f64x2.mul(factor, f64x2.sub(f64x2.add(f64x2.mul(high(values), grid), round), round));
      v128.store(into, f64x2.add(v128.load(into), a));
      v128.store(into, f64x2.add(v128.load(into, 16), b), 16);
      if (source >= 0) {
        v128.store(out, f64x2.sub(v128.load(out), a));
        v128.store(out, f64x2.sub(v128.load(out, 16), b), 16);
        out += 32;
      }
    }
    for (; i < dim; i++, row += 4, into += 8) {
      const units = weight * (<f64>load<f32>(row) * scale + ROUND - ROUND);
      store<f64>(into, load<f64>(into) + units);
      if (source >= 0) {
        store<f64>(out, load<f64>(out) - units);
        out += 8;
      }
    }
  }
}

/**
 * Squared distance of each row to the centroid of its cluster, in float64, summed in component order.
 * @param clusters int32
 * @param to receives `count` float64
 */
export function squaredDistances(
  rows: usize,
  count: i32,
  dim: i32,
  centroids: usize,
  clusters: usize,
  to: usize,
): void {
  const bytes = <usize>dim * 4;
  // The sums of three rows do not wait for one another; behind the last row the same row is summed again.
  for (let r = 0; r < count; r += 3) {
    const s = r + 1 < count ? r + 1 : r;
    const t = r + 2 < count ? r + 2 : r;
    let p = rows + <usize>r * bytes;
    let q = rows + <usize>s * bytes;
    let u = rows + <usize>t * bytes;
    let c = centroids + <usize>load<i32>(clusters + <usize>r * 4) * bytes;
    let d = centroids + <usize>load<i32>(clusters + <usize>s * 4) * bytes;
    let e = centroids + <usize>load<i32>(clusters + <usize>t * 4) * bytes;
    let x: f64 = 0;
    let y: f64 = 0;
    let z: f64 = 0;
    let i = 0;
    for (; i + 3 < dim; i += 4, p += 16, q += 16, u += 16, c += 16, d += 16, e += 16) {
      const pv = v128.load(p);
      const cv = v128.load(c);
      const qv = v128.load(q);
      const dv = v128.load(d);
      const uv = v128.load(u);
      const ev = v128.load(e);
      let f = f64x2.sub(f64x2.promote_low_f32x4(pv), f64x2.promote_low_f32x4(cv));
      let g = f64x2.sub(f64x2.promote_low_f32x4(qv), f64x2.promote_low_f32x4(dv));
      let h = f64x2.sub(f64x2.promote_low_f32x4(uv), f64x2.promote_low_f32x4(ev));
      f = f64x2.mul(f, f);
      g = f64x2.mul(g, g);
      h = f64x2.mul(h, h);
      x = x + f64x2.extract_lane(f, 0) + f64x2.extract_lane(f, 1);
      y = y + f64x2.extract_lane(g, 0) + f64x2.extract_lane(g, 1);
      z = z + f64x2.extract_lane(h, 0) + f64x2.extract_lane(h, 1);
      f = f64x2.sub(high(pv), high(cv));
      g = f64x2.sub(high(qv), high(dv));
      h = f64x2.sub(high(uv), high(ev));
      f = f64x2.mul(f, f);
      g = f64x2.mul(g, g);
      h = f64x2.mul(h, h);
      x = x + f64x2.extract_lane(f, 0) + f64x2.extract_lane(f, 1);
      y = y + f64x2.extract_lane(g, 0) + f64x2.extract_lane(g, 1);
      z = z + f64x2.extract_lane(h, 0) + f64x2.extract_lane(h, 1);
    }
    for (; i < dim; i++, p += 4, q += 4, u += 4, c += 4, d += 4, e += 4) {
      const f = <f64>load<f32>(p) - <f64>load<f32>(c);
      const g = <f64>load<f32>(q) - <f64>load<f32>(d);
      const h = <f64>load<f32>(u) - <f64>load<f32>(e);
      x += f * f;
      y += g * g;
      z += h * h;
    }
    store<f64>(to + <usize>r * 8, x);
    store<f64>(to + <usize>s * 8, y);
    store<f64>(to + <usize>t * 8, z);
    // Behind the last row s or t is r again and has the sum of r.
  }
}
