import { type BoundKernels, follow, lead } from "./bound-kernels.js";
import { dot, roughDot } from "./dot-kernels.js";
import { plainKernels } from "./row-kernels-plain.js";
import {
  type Code,
  compileWasm,
  f32,
  f32x4,
  f64,
  f64x2,
  get,
  i32,
  integers,
  loop,
  reduceF32,
  repeat,
  set,
  v128,
  type WasmFunction,
  wasmModule,
} from "./wasm-builder.js";

/**
 * Kernels over the components of rows in WebAssembly: 4 to 8 times as fast as the same loops in JavaScript, which engines do not
 * turn into vector instructions. Addresses and lengths are in bytes, rows a multiple of 64 bytes apart and as long.
 */
export interface RowKernels extends BoundKernels {
  /** Product of two rows, summed in float64. */
  dot(row: number, bytes: number, other: number): number;
  /** Product of two rows, off by at most `roughBound` of the product of their lengths: three times as fast. */
  roughDot(row: number, bytes: number, other: number): number;
  /** sums[i] += weight · round(row[i] · scale) for the `bytes` of a row; writes the row's squared norm, a float64, to `norm`. */
  add(row: number, bytes: number, sums: number, scale: number, weight: number, norm: number): void;
  /** Moves what `add` added from `source` to `target`. */
  move(row: number, bytes: number, source: number, target: number, scale: number, weight: number): void;
  /**
   * Writes y = H(x − centre) for the rows x from `source` on to those from `rows` up to `end`, which may be the same, with H the
   * butterflies (a, b) ← (a + b, a − b) over the halves of the row, then over those of each half, and so on down to halves of `least` bytes,
   * a multiple of 16 and at most half a row.
   */
  mix(source: number, rows: number, end: number, bytes: number, centre: number, least: number): void;
  /**
   * Writes round(y[i] / s) + 128 for s = max(|y[i]|) / 127, at least 2^-40, to `codes`, a byte for each component, and four float32 for
   * each row to `out`: s, the sums of squares of y − s·code and of y, and 0.
   */
  quantise(rows: number, end: number, bytes: number, codes: number, out: number): void;
}

/** Adding and subtracting these rounds a float64 below 2^51 and a float32 below 2^22 to an integer, which the low bits then are. */
const ROUND64 = 1.5 * 2 ** 52;
const ROUND32 = 1.5 * 2 ** 23;
const ROUND32_BITS = 0x4b400000;

/** A row of nothing has no scale of its own; any will do. */
const LEAST_SCALE = 2 ** -40;

const [P0, P1, P2, P3, P4, P5] = [0, 1, 2, 3, 4, 5].map(get);

const plus = (base: Code, offset: Code): Code => i32.add(base, offset);
const advance = (local: number, by: number): Code => set(local, i32.add(get(local), i32.const(by)));

/** Two components on the grid, times the weight. */
const units = (pair: Code, scale: number, round: number, weight: number): Code =>
  f64x2.mul(get(weight), f64x2.sub(f64x2.add(f64x2.mul(pair, get(scale)), get(round)), get(round)));

// Constants go to locals: compilers of WebAssembly do not move them out of loops. Locals are numbered after the parameters.

const add = (): WasmFunction => {
  const [i, scale, round, weight, normA, normB, wide, at] = [6, 7, 8, 9, 10, 11, 12, 13];
  const step = (offset: number, norm: number) => [
    ...set(wide, f64x2.promote(v128.load64(plus(P0, get(i)), offset))),
    ...set(norm, f64x2.add(get(norm), f64x2.mul(get(wide), get(wide)))),
    ...v128.store(
      get(at),
      f64x2.add(v128.load(get(at), 2 * offset), units(get(wide), scale, round, weight)),
      2 * offset,
    ),
  ];
  return {
    name: "add",
    params: ["i32", "i32", "i32", "f64", "f64", "i32"],
    locals: ["i32", "v128", "v128", "v128", "v128", "v128", "v128", "i32"],
    body: [
      ...set(scale, f64x2.splat(P3)),
      ...set(round, f64x2.splat(f64.const(ROUND64))),
      ...set(weight, f64x2.splat(P4)),
      ...set(at, P2),
      ...loop(i, 16, P1, [...step(0, normA), ...step(8, normB), ...advance(at, 32)]),
      ...set(normA, f64x2.add(get(normA), get(normB))),
      ...f64.store(P5, f64.add(f64x2.lane(get(normA), 0), f64x2.lane(get(normA), 1))),
    ],
  };
};

const move = (): WasmFunction => {
  const [i, scale, round, weight, value] = [6, 7, 8, 9, 10];
  const step = (offset: number) => [
    ...set(value, units(f64x2.promote(v128.load64(plus(P0, get(i)), offset)), scale, round, weight)),
    ...v128.store(P2, f64x2.sub(v128.load(P2, 2 * offset), get(value)), 2 * offset),
    ...v128.store(P3, f64x2.add(v128.load(P3, 2 * offset), get(value)), 2 * offset),
  ];
  return {
    name: "move",
    params: ["i32", "i32", "i32", "i32", "f64", "f64"],
    locals: ["i32", "v128", "v128", "v128", "v128"],
    body: [
      ...set(scale, f64x2.splat(P4)),
      ...set(round, f64x2.splat(f64.const(ROUND64))),
      ...set(weight, f64x2.splat(P5)),
      ...loop(i, 16, P1, [...step(0), ...step(8), ...advance(2, 32), ...advance(3, 32)]),
    ],
  };
};

const mix = (): WasmFunction => {
  const [i, half, low, high, end, a, b] = [6, 7, 8, 9, 10, 11, 12];
  const butterflies = [
    ...set(high, plus(get(low), get(half))),
    ...set(end, get(high)),
    ...loop(low, 16, get(end), [
      ...set(a, v128.load(get(low))),
      ...set(b, v128.load(get(high))),
      ...v128.store(get(low), f32x4.add(get(a), get(b))),
      ...v128.store(get(high), f32x4.sub(get(a), get(b))),
      ...advance(high, 16),
    ]),
  ];
  const stage = [
    ...set(low, P1),
    // `low` stops at the half that `high` has just passed.
    ...repeat(butterflies, [...set(low, get(high)), ...i32.ltU(get(low), plus(P1, P3))]),
  ];
  const difference = f32x4.sub(v128.load(plus(P0, get(i))), v128.load(plus(P4, get(i))));
  const row = [
    ...set(i, i32.const(0)),
    ...loop(i, 16, P3, v128.store(plus(P1, get(i)), difference)),
    ...set(half, i32.shrU(P3, i32.const(1))),
    ...repeat(stage, [...set(half, i32.shrU(get(half), i32.const(1))), ...i32.not(i32.ltU(get(half), P5))]),
    ...set(0, plus(P0, P3)),
    ...set(1, plus(P1, P3)),
  ];
  return {
    name: "mix",
    params: ["i32", "i32", "i32", "i32", "i32", "i32"],
    locals: ["i32", "i32", "i32", "i32", "i32", "v128", "v128"],
    body: repeat(row, i32.ltU(P1, P2)),
  };
};

const quantise = (): WasmFunction => {
  const [i, inverse, scale, round, bias, value, code] = [5, 6, 7, 8, 9, 10, 11];
  const [errors, squares, words] = [
    [12, 13],
    [14, 15],
    [16, 17, 18, 19],
  ];
  // Four running maxima, so that one need not wait for the other.
  const magnitude = (w: number) =>
    set(words[w], f32x4.max(get(words[w]), f32x4.abs(v128.load(plus(P0, get(i)), 16 * w))));
  const word = (w: number) => [
    ...set(value, v128.load(plus(P0, get(i)), 16 * w)),
    ...set(code, f32x4.add(f32x4.mul(get(value), get(inverse)), get(round))),
    ...set(words[w], integers.addI32x4(get(code), get(bias))),
    ...set(squares[w % 2], f32x4.add(get(squares[w % 2]), f32x4.mul(get(value), get(value)))),
    ...set(value, f32x4.sub(get(value), f32x4.mul(f32x4.sub(get(code), get(round)), get(scale)))),
    ...set(errors[w % 2], f32x4.add(get(errors[w % 2]), f32x4.mul(get(value), get(value)))),
  ];
  const zero = f32x4.splat(f32.const(0));
  const [w0, w1, w2, w3] = words.map(get);
  const row = [
    ...[...words, ...errors, ...squares].flatMap((local) => set(local, zero)),
    ...set(i, i32.const(0)),
    ...loop(i, 64, P2, [0, 1, 2, 3].flatMap(magnitude)),
    ...set(
      scale,
      f32x4.splat(
        f32.max(
          f32.const(LEAST_SCALE),
          f32.mul(reduceF32(f32.max, f32x4.max(f32x4.max(w0, w1), f32x4.max(w2, w3))), f32.const(1 / 127)),
        ),
      ),
    ),
    ...set(inverse, f32x4.splat(f32.div(f32.const(1), f32x4.lane(get(scale), 0)))),
    ...set(i, i32.const(0)),
    ...loop(i, 64, P2, [
      ...[0, 1, 2, 3].flatMap(word),
      ...v128.store(P3, integers.toU8(integers.toI16(w0, w1), integers.toI16(w2, w3))),
      ...advance(3, 16),
    ]),
    ...f32.store(P4, f32x4.lane(get(scale), 0)),
    ...f32.store(P4, reduceF32(f32.add, f32x4.add(get(errors[0]), get(errors[1]))), 4),
    ...f32.store(P4, reduceF32(f32.add, f32x4.add(get(squares[0]), get(squares[1]))), 8),
    ...advance(4, 16),
    ...set(0, plus(P0, P2)),
  ];
  return {
    name: "quantise",
    params: ["i32", "i32", "i32", "i32", "i32"],
    locals: ["i32", ...Array<"v128">(14).fill("v128")],
    body: [
      ...set(round, f32x4.splat(f32.const(ROUND32))),
      ...set(bias, integers.splatI32(i32.const(128 - ROUND32_BITS))),
      ...repeat(row, i32.ltU(P0, P1)),
    ],
  };
};

const wasm = compileWasm<RowKernels>(
  wasmModule([dot(), roughDot(), add(), move(), mix(), quantise(), follow(), lead()]),
);

/** Kernels on a zeroed memory of at least so many bytes, at most 4 GiB, which the caller lays out. */
export function createRowKernels(bytes: number): { kernels: RowKernels; buffer: ArrayBuffer } {
  try {
    const { exports, buffer } = wasm(bytes);
    return { kernels: exports, buffer };
  } catch (error) {
    // Ten GiB of addresses, guard pages among them, may be more than a limit on these allows.
    if (!(error instanceof RangeError)) throw error;
    const buffer = new ArrayBuffer(bytes);
    return { kernels: plainKernels(buffer), buffer };
  }
}
