// Kernels of k-means that bound distances of rows and centroids, float32 vectors without gaps. Bounds are whole numbers of units, 2^15 to
// 1, in uint16: subtraction is exact and ends at 0, and 65,535 stands for everything beyond.

const UNIT: f32 = 32768;
const FULL: i32 = 65535;

/** Adding this to a float32 below 2^23 rounds it to an integer, which the low bits then hold. */
const INTEGER: f32 = 8388608;
const INTEGER_BITS: i32 = 0x4b000000;

/**
 * Four distances in units, `more` added and ended at 0 and 65,535 later. With −1 they are from below, with 2 from above:
 * that covers rounding to an integer and the roundings of the root.
 */
function units(squared: v128, more: i32): v128 {
  const root = f32x4.mul(f32x4.sqrt(f32x4.pmax(f32x4.splat(0), squared)), f32x4.splat(UNIT));
  return i32x4.sub(f32x4.add(root, f32x4.splat(INTEGER)), i32x4.splat(INTEGER_BITS - more));
}

/** A distance from below, in units. One unit covers the roundings of the root. */
function below(squared: f32, slack: f32): i32 {
  const root = sqrt<f32>(max<f32>(squared - slack, 0)) * UNIT;
  return max<i32>(0, min<i32>(FULL, <i32>root - 1));
}

/** A distance from above, in units. */
function above(squared: f32, slack: f32): i32 {
  const root = sqrt<f32>(max<f32>(squared + slack, 0)) * UNIT;
  return min<i32>(FULL, <i32>root + 2);
}

/** How many of a row's centroids may be as near as `upper`. */
function countNear(lower: usize, width: i32, upper: i32): i32 {
  const limit = i16x8.splat(<i16>upper);
  let near = 0;
  for (const end = lower + <usize>width * 2; lower < end; lower += 16) {
    // lower <= upper
    near += popcnt<i32>(i16x8.bitmask(i16x8.le_u(v128.load(lower), limit)));
  }
  return near;
}

/**
 * Takes the best centroid of each row from its scores x·c − |c|²/2, and bounds the distances to all.
 * @param scores count × k float32
 * @param norms squared norm of each row, float32
 * @param slack largest error of a squared distance made from a score
 * @param width entries of `lower` for each row: k, rounded up to a multiple of 8
 * @param lower receives bounds from below; those behind the last centroid become 65,535
 * @param upper receives the distance to the best centroid from above
 * @param clusters receives the best centroid
 * @param unsure receives the numbers of the rows for which another centroid may be as near
 * @returns number of those rows
 */
export function rankScores(
  scores: usize,
  count: i32,
  k: i32,
  norms: usize,
  slack: f32,
  width: i32,
  lower: usize,
  upper: usize,
  clusters: usize,
  unsure: usize,
): i32 {
  const start = unsure;
  for (let r = 0; r < count; r++) {
    const norm = load<f32>(norms + <usize>r * 4);
    const from = f32x4.splat(norm - slack);
    let most = f32x4.splat(-Infinity);
    let j = 0;
    let to = lower;
    let at = scores;
    for (; j + 7 < k; j += 8, at += 32, to += 16) {
      const a = v128.load(at);
      const b = v128.load(at, 16);
      most = f32x4.pmax(most, f32x4.pmax(a, b));
      const c = units(f32x4.sub(from, f32x4.add(a, a)), -1);
      const d = units(f32x4.sub(from, f32x4.add(b, b)), -1);
      v128.store(to, i16x8.narrow_i32x4_u(c, d));
    }
    let best = max<f32>(
      max<f32>(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
      max<f32>(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
    );
    for (; j < k; j++, at += 4, to += 2) {
      const score = load<f32>(at);
      best = max<f32>(best, score);
      store<u16>(to, <u16>below(norm - 2 * score, slack));
    }
    for (; j < width; j++, to += 2) store<u16>(to, <u16>FULL);
    const limit = above(norm - 2 * best, slack);
    let winner = 0;
    while (winner + 1 < k && load<f32>(scores + <usize>winner * 4) !== best) winner++;
    store<i32>(clusters + <usize>r * 4, winner);
    store<u16>(upper + <usize>r * 2, <u16>limit);
    if (countNear(lower, width, limit) > 1) {
      store<i32>(unsure, r);
      unsure += 4;
    }
    scores += <usize>k * 4;
    lower += <usize>width * 2;
  }
  return <i32>((unsure - start) >>> 2);
}

/**
 * Loosens the bounds by the shifts of the centroids, and finds the rows for which another centroid than their own may
 * now be the nearest.
 * @param shifts `width` uint16
 * @param open receives a byte for each row: 1 where its vector must be looked at
 * @returns number of the open rows
 */
export function loosen(
  count: i32,
  shifts: usize,
  width: i32,
  lower: usize,
  upper: usize,
  clusters: usize,
  open: usize,
): i32 {
  let opened = 0;
  for (let r = 0; r < count; r++) {
    const own = <usize>load<i32>(clusters + <usize>r * 4) * 2;
    const shift = <i32>load<u16>(shifts + own);
    const kept = max<i32>(0, <i32>load<u16>(lower + own) - shift);
    // No bound of the own centroid counts.
    store<u16>(lower + own, <u16>FULL);
    let least = i16x8.splat(-1);
    let at = lower;
    let by = shifts;
    for (const end = lower + <usize>width * 2; at < end; at += 16, by += 16) {
      const bound = i16x8.sub_sat_u(v128.load(at), v128.load(by));
      v128.store(at, bound);
      least = i16x8.min_u(least, bound);
    }
    // The entry of the own centroid was at least 65,535 − shift, and so may be the least: then the row is open.
    store<u16>(lower + own, <u16>kept);
    least = i16x8.min_u(least, v128.shuffle<i32>(least, least, 2, 3, 2, 3));
    least = i16x8.min_u(least, v128.shuffle<i32>(least, least, 1, 1, 1, 1));
    const nearest = min<i32>(i16x8.extract_lane_u(least, 0), i16x8.extract_lane_u(least, 1));
    const limit = min<i32>(FULL, <i32>load<u16>(upper + <usize>r * 2) + shift);
    store<u16>(upper + <usize>r * 2, <u16>limit);
    const near = nearest <= limit ? 1 : 0;
    store<u8>(open + <usize>r, <u8>near);
    opened += near;
    lower += <usize>width * 2;
  }
  return opened;
}

function across(sum: v128): f32 {
  return (
    f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3))
  );
}

/** Dot product in float32; no component takes part in more than dim / 16 + 11 roundings. */
function dot(row: usize, centroid: usize, dim: i32): f32 {
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

/**
 * Measures the distance of each open row to its own centroid, and closes the rows for which that is enough.
 * @param biases −|c|²/2 of each centroid, float32
 * @returns number of the centroids that are still near, over all open rows
 */
export function measureOwn(
  rows: usize,
  count: i32,
  dim: i32,
  centroids: usize,
  biases: usize,
  norms: usize,
  slack: f32,
  width: i32,
  lower: usize,
  upper: usize,
  clusters: usize,
  open: usize,
): i32 {
  const bytes = <usize>dim * 4;
  let near = 0;
  for (let r = 0; r < count; r++, rows += bytes, lower += <usize>width * 2) {
    if (!load<u8>(open + <usize>r)) continue;
    const own = load<i32>(clusters + <usize>r * 4);
    const score = dot(rows, centroids + <usize>own * bytes, dim) + load<f32>(biases + <usize>own * 4);
    const squared = load<f32>(norms + <usize>r * 4) - 2 * score;
    const limit = min<i32>(<i32>load<u16>(upper + <usize>r * 2), above(squared, slack));
    store<u16>(upper + <usize>r * 2, <u16>limit);
    store<u16>(lower + <usize>own * 2, <u16>below(squared, slack));
    // The own centroid is one of them.
    const others = countNear(lower, width, limit) - 1;
    if (others === 0) store<u8>(open + <usize>r, 0);
    near += others;
  }
  return near;
}

/** The dot products of a row with four centroids, in float32; no component takes part in more than dim / 4 + 10 roundings. */
function fourDots(row: usize, p: usize, q: usize, u: usize, v: usize, dim: i32): v128 {
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

/**
 * Finds the nearest centroid of each open row among those whose bound lets them be it. To be called behind `measureOwn`.
 * @param near room for k + 8 int32
 * @param unsure receives the numbers of the rows for which several centroids may be the nearest
 * @returns number of those rows
 */
export function measureNear(
  rows: usize,
  count: i32,
  dim: i32,
  centroids: usize,
  biases: usize,
  norms: usize,
  slack: f32,
  k: i32,
  width: i32,
  lower: usize,
  upper: usize,
  clusters: usize,
  open: usize,
  near: usize,
  unsure: usize,
): i32 {
  const start = unsure;
  const bytes = <usize>dim * 4;
  for (let r = 0; r < count; r++, rows += bytes, lower += <usize>width * 2) {
    if (!load<u8>(open + <usize>r)) continue;
    const norm = f32x4.splat(load<f32>(norms + <usize>r * 4));
    const own = load<i32>(clusters + <usize>r * 4);
    let winner = own;
    let limit = <i32>load<u16>(upper + <usize>r * 2);
    let end = near;
    for (let j = 0; j < width; j += 8) {
      let mask = i16x8.bitmask(i16x8.le_u(v128.load(lower + <usize>j * 2), i16x8.splat(<i16>limit)));
      while (mask !== 0) {
        const c = j + ctz<i32>(mask);
        mask &= mask - 1;
        if (c === own || c >= k) continue;
        store<i32>(end, c);
        end += 4;
      }
    }
    // Behind the last one it is measured again, which changes nothing.
    v128.store(end, i32x4.splat(end > near ? load<i32>(end - 4) : own));
    let at = near;
    while (at < end) {
      // The limit may have fallen below the next one.
      const p = load<i32>(at);
      if (<i32>load<u16>(lower + <usize>p * 2) > limit) {
        at += 4;
        continue;
      }
      const q = load<i32>(at, 4);
      const u = load<i32>(at, 8);
      const v = load<i32>(at, 12);
      at += 16;
      const dots = fourDots(
        rows,
        centroids + <usize>p * bytes,
        centroids + <usize>q * bytes,
        centroids + <usize>u * bytes,
        centroids + <usize>v * bytes,
        dim,
      );
      let bias = f32x4.splat(load<f32>(biases + <usize>p * 4));
      bias = f32x4.replace_lane(bias, 1, load<f32>(biases + <usize>q * 4));
      bias = f32x4.replace_lane(bias, 2, load<f32>(biases + <usize>u * 4));
      bias = f32x4.replace_lane(bias, 3, load<f32>(biases + <usize>v * 4));
      const scores = f32x4.add(dots, bias);
      const squared = f32x4.sub(norm, f32x4.add(scores, scores));
      const from = units(f32x4.sub(squared, f32x4.splat(slack)), -1);
      const closest = i16x8.narrow_i32x4_u(from, from);
      store<u16>(lower + <usize>p * 2, <u16>i16x8.extract_lane_u(closest, 0));
      store<u16>(lower + <usize>q * 2, <u16>i16x8.extract_lane_u(closest, 1));
      store<u16>(lower + <usize>u * 2, <u16>i16x8.extract_lane_u(closest, 2));
      store<u16>(lower + <usize>v * 2, <u16>i16x8.extract_lane_u(closest, 3));
      const far = units(f32x4.add(squared, f32x4.splat(slack)), 2);
      if (!v128.any_true(i32x4.lt_s(far, i32x4.splat(limit)))) continue;
      const a = i32x4.extract_lane(far, 0);
      const b = i32x4.extract_lane(far, 1);
      const c = i32x4.extract_lane(far, 2);
      const d = i32x4.extract_lane(far, 3);
      if (a < limit) {
        limit = a;
        winner = p;
      }
      if (b < limit) {
        limit = b;
        winner = q;
      }
      if (c < limit) {
        limit = c;
        winner = u;
      }
      if (d < limit) {
        limit = d;
        winner = v;
      }
    }
    store<i32>(clusters + <usize>r * 4, winner);
    store<u16>(upper + <usize>r * 2, <u16>limit);
    if (countNear(lower, width, limit) > 1) {
      store<i32>(unsure, r);
      unsure += 4;
    }
  }
  return <i32>((unsure - start) >>> 2);
}
