import { FULL } from "./units";

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
