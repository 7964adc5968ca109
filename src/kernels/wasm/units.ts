// Distances of rows and centroids in k-means as whole numbers of units, 2^15 to 1, in uint16: subtraction is exact and ends at 0.

const UNIT: f32 = 32768;
/** What stands for all distances of 65,535 units and more. */
export const FULL: i32 = 65535;

/** Adding this to a float32 below 2^23 rounds it to an integer, which the low bits then hold. */
const INTEGER: f32 = 8388608;
const INTEGER_BITS: i32 = 0x4b000000;

/**
 * Four distances in units, `more` added and ended at 0 and 65,535 later. With −1 they are from below, with 2 from above:
 * that covers rounding to an integer and the roundings of the root.
 */
export function units(squared: v128, more: i32): v128 {
  const root = f32x4.mul(f32x4.sqrt(f32x4.pmax(f32x4.splat(0), squared)), f32x4.splat(UNIT));
  return i32x4.sub(f32x4.add(root, f32x4.splat(INTEGER)), i32x4.splat(INTEGER_BITS - more));
}

/** A distance from below, in units. One unit covers the roundings of the root. */
export function below(squared: f32, slack: f32): i32 {
  const root = sqrt<f32>(max<f32>(squared - slack, 0)) * UNIT;
  return max<i32>(0, min<i32>(FULL, <i32>root - 1));
}

/** A distance from above, in units. */
export function above(squared: f32, slack: f32): i32 {
  const root = sqrt<f32>(max<f32>(squared + slack, 0)) * UNIT;
  return min<i32>(FULL, <i32>root + 2);
}

/** How many of a row's centroids may be as near as `upper`. */
export function countNear(lower: usize, width: i32, upper: i32): i32 {
  const limit = i16x8.splat(<i16>upper);
  let near = 0;
  for (const end = lower + <usize>width * 2; lower < end; lower += 16) {
    // lower <= upper
    near += popcnt<i32>(i16x8.bitmask(i16x8.le_u(v128.load(lower), limit)));
  }
  return near;
}
