import {
  type Code,
  f32,
  f32x4,
  f64,
  f64x2,
  get,
  i32,
  loop,
  reduceF32,
  set,
  v128,
  type WasmFunction,
} from "./wasm-builder.js";

/** Products of two rows in WebAssembly (see row-kernels.ts). */

const [P0, P1, P2] = [0, 1, 2].map(get);

const plus = (base: Code, offset: Code): Code => i32.add(base, offset);

/** Builds `dot`. */
export function dot(): WasmFunction {
  const [i, sumA, sumB] = [3, 4, 5];
  const wide = (base: Code, offset: number) => f64x2.promote(v128.load64(plus(base, get(i)), offset));
  const step = (offset: number, sum: number) =>
    set(sum, f64x2.add(get(sum), f64x2.mul(wide(P0, offset), wide(P2, offset))));
  return {
    name: "dot",
    params: ["i32", "i32", "i32"],
    locals: ["i32", "v128", "v128"],
    result: "f64",
    body: [
      ...loop(i, 16, P1, [...step(0, sumA), ...step(8, sumB)]),
      ...set(sumA, f64x2.add(get(sumA), get(sumB))),
      ...f64.add(f64x2.lane(get(sumA), 0), f64x2.lane(get(sumA), 1)),
    ],
  };
}

/** Builds `roughDot`. */
export function roughDot(): WasmFunction {
  const i = 3;
  const sums = [4, 5, 6, 7];
  const word = (sum: number, w: number) => {
    const product = f32x4.mul(v128.load(plus(P0, get(i)), 16 * w), v128.load(plus(P2, get(i)), 16 * w));
    return set(sum, f32x4.add(get(sum), product));
  };
  const [a, b, c, d] = sums.map(get);
  return {
    name: "roughDot",
    params: ["i32", "i32", "i32"],
    locals: ["i32", "v128", "v128", "v128", "v128"],
    result: "f64",
    body: [
      ...loop(i, 64, P1, sums.flatMap(word)),
      ...f64.promote(reduceF32(f32.add, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))),
    ],
  };
}

/**
 * What `roughDot` of rows of so many components can be off: sixteen sums go on side by side, then come together in four additions.
 * Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
 */
export function roughBound(width: number): number {
  const roundings = (width / 16 + 5) * 2 ** -24;
  return roundings / (1 - roundings);
}
