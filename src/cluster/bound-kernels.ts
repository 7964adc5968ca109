import {
  type Code,
  f32,
  f32x4,
  get,
  i32,
  integers,
  loop,
  repeat,
  set,
  v128,
  type WasmFunction,
} from "./wasm-builder.js";

/**
 * Kernels over the products of a tile of rows with the steps of all centroids: what the engine would do operator by operator, each time
 * through all the products. Of `columns` products of a row, the first `stride` are those of the first centroid of each group, the
 * next those of the second, and so on (see grouping.ts). The terms of four columns lie together: 16 bytes of the first, of the
 * second, of the third. Coefficients are four float32 a row: a, b, c and a threshold. Addresses and lengths are in bytes, those of
 * rows and groups multiples of 16.
 */
export interface BoundKernels {
  /**
   * Adds to each of a row's bounds the largest P + a·t₁ + b·t₂ + c·t₃ of its group, for the rows of products from `product` to before `end`. Writes a
   * byte for each four groups to `hits`, `hitBytes` a row, whose bits say which of their bounds now reach the row's threshold.
   */
  follow(
    product: number,
    end: number,
    rowBytes: number,
    groupBytes: number,
    terms: number,
    coefficients: number,
    bounds: number,
    hits: number,
    hitBytes: number,
  ): void;
  /**
   * Writes the largest P + a·t₁ of the columns 0, 4, 8 and so on of each row, of the columns 1, 5, 9 and so on, and two more, to `out`, four float32,
   * and the first column of each of them, four int32, after them. All bounds of a row become what is in place of its threshold.
   */
  lead(
    product: number,
    end: number,
    rowBytes: number,
    groupBytes: number,
    terms: number,
    coefficients: number,
    bounds: number,
    out: number,
  ): void;
}

const [P0, P1, P2, P3, P4, P5, P6, P7, P8] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(get);

const plus = (local: number, by: Code): Code => set(local, i32.add(get(local), by));
const advance = (local: number, by: number): Code => plus(local, i32.const(by));
const NOTHING = f32x4.splat(f32.const(Number.NEGATIVE_INFINITY));

/** Builds `follow`. */
export function follow(): WasmFunction {
  const [a, b, c, threshold, most] = [9, 10, 11, 12, 13];
  const [column, term, bound, hit, stop, groupsEnd, termStep] = [14, 15, 16, 17, 18, 19, 20];
  const scaled = (coefficient: number, offset: number) => f32x4.mul(get(coefficient), v128.load(get(term), offset));
  const value = f32x4.add(f32x4.add(v128.load(get(column)), scaled(a, 0)), f32x4.add(scaled(b, 16), scaled(c, 32)));
  const fourGroups = [
    ...set(column, i32.add(P0, i32.sub(get(bound), P6))),
    ...set(term, i32.add(P4, i32.mul(i32.sub(get(bound), P6), i32.const(3)))),
    ...set(most, NOTHING),
    ...repeat(
      [...set(most, f32x4.max(value, get(most))), ...plus(column, P3), ...plus(term, get(termStep))],
      i32.ltU(get(column), get(stop)),
    ),
    ...set(most, f32x4.add(get(most), v128.load(get(bound)))),
    ...v128.store(get(bound), get(most)),
    ...i32.store8(get(hit), integers.bitmask(f32x4.ge(get(most), get(threshold)))),
    ...advance(hit, 1),
  ];
  const row = [
    ...[a, b, c, threshold].flatMap((local, i) => set(local, v128.load32Splat(P5, 4 * i))),
    ...set(hit, P7),
    ...set(stop, i32.add(P0, P2)),
    ...set(groupsEnd, i32.add(P6, P3)),
    ...set(bound, P6),
    ...loop(bound, 16, get(groupsEnd), fourGroups),
    ...plus(0, P2),
    ...advance(5, 16),
    ...plus(6, P3),
    ...plus(7, P8),
  ];
  return {
    name: "follow",
    params: Array<"i32">(9).fill("i32"),
    locals: [...Array<"v128">(5).fill("v128"), ...Array<"i32">(7).fill("i32")],
    body: [...set(termStep, i32.mul(P3, i32.const(3))), ...repeat(row, i32.ltU(P0, P1))],
  };
}

/** Builds `lead`. */
export function lead(): WasmFunction {
  const [a, most, value, best, now, four] = [8, 9, 10, 11, 12, 13];
  const [column, term, stop] = [14, 15, 16];
  const row = [
    ...set(a, v128.load32Splat(P5, 12)),
    ...set(stop, i32.add(P6, P3)),
    ...loop(6, 16, get(stop), v128.store(P6, get(a))),
    ...set(a, v128.load32Splat(P5)),
    ...set(most, NOTHING),
    ...set(now, v128.const(0, 1, 2, 3)),
    ...set(best, get(now)),
    ...set(term, P4),
    ...set(stop, i32.add(P0, P2)),
    ...set(column, P0),
    ...loop(column, 16, get(stop), [
      ...set(value, f32x4.add(v128.load(get(column)), f32x4.mul(get(a), v128.load(get(term))))),
      ...set(best, v128.select(get(now), get(best), f32x4.gt(get(value), get(most)))),
      ...set(most, f32x4.max(get(value), get(most))),
      ...set(now, integers.addI32x4(get(now), get(four))),
      ...advance(term, 48),
    ]),
    ...v128.store(P7, get(most)),
    ...v128.store(P7, get(best), 16),
    ...plus(0, P2),
    ...advance(5, 16),
    ...advance(7, 32),
  ];
  return {
    name: "lead",
    params: Array<"i32">(8).fill("i32"),
    locals: [...Array<"v128">(6).fill("v128"), ...Array<"i32">(3).fill("i32")],
    body: [...set(four, v128.const(4, 4, 4, 4)), ...repeat(row, i32.ltU(P0, P1))],
  };
}
