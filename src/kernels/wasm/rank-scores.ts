import { above, below, countNear, FULL, units } from "./units";

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
