// Kernels of k-means that measure distances where the bounds leave a doubt.

import { dot, fourDots } from "./row-products";
import { above, below, countNear, units } from "./units";

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
