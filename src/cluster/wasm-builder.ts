/**
 * Builds WebAssembly modules of 128-bit vector kernels from nested expressions, each the bytes of its instructions. For what
 * the engine has no fused operator for: it would pass over the rows once for each elementary operation.
 * Opcodes: https://webassembly.github.io/spec/core/binary/instructions.html
 */
export type Code = readonly number[];

/** Value types of locals. */
export const type = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

/** Name of a value type. */
export type ValueType = keyof typeof type;

/** One exported function. Parameters come first in the numbering of locals. */
export interface WasmFunction {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly locals: readonly ValueType[];
  /** What it returns; nothing where absent. */
  readonly result?: ValueType;
  readonly body: Code;
}

/** A module with the functions given and one memory, imported as `env.memory`. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ params, result }) => {
    const results = result === undefined ? [] : [[type[result]]];
    return [0x60, ...vector(params.map((name) => [type[name]])), ...vector(results)];
  });
  const bodies = functions.map(({ locals, body }) => {
    const code = [...vector(locals.map((name) => [1, type[name]])), ...body, 0x0b];
    return [...unsigned(code.length), ...code];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, vector([[...name("env"), ...name("memory"), 2, 0, 0]])),
    ...section(3, vector(functions.map((_, f) => unsigned(f)))),
    ...section(7, vector(functions.map((fn, f) => [...name(fn.name), 0, ...unsigned(f)]))),
    ...section(10, vector(bodies)),
  ]);
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): Code {
  return vector([...text].map((letter) => [letter.charCodeAt(0)]));
}

function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const rest = value >> 7;
  const last = (rest === 0 && (value & 64) === 0) || (rest === -1 && (value & 64) !== 0);
  return last ? [value & 127] : [(value & 127) | 128, ...signed(rest)];
}

/** An operator of the 0xfd group on operands already encoded. */
const simd =
  (opcode: number) =>
  (...operands: Code[]): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)];

const scalar =
  (opcode: number) =>
  (...operands: Code[]): Code => [...operands.flat(), opcode];

/** Alignment (as a hint) and offset of a memory access. */
const at = (offset: number): Code => [0, ...unsigned(offset)];

/** The value of a local. */
export const get = (local: number): Code => [0x20, ...unsigned(local)];
/** Sets a local to a value. */
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

/** Instructions on 32-bit integers, addresses among them. */
export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: scalar(0x6a),
  sub: scalar(0x6b),
  mul: scalar(0x6c),
  shrU: scalar(0x76),
  ltU: scalar(0x49),
  /** 1 for 0, else 0. */
  not: scalar(0x45),
  /** The lowest byte. */
  store8: (address: Code, value: Code): Code => [...address, ...value, 0x3a, ...at(0)],
};

/** Instructions on float32. Offsets of stores are in bytes, here and below. */
export const f32 = {
  const: (value: number): Code => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)],
  add: scalar(0x92),
  mul: scalar(0x94),
  div: scalar(0x95),
  max: scalar(0x97),
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x38, ...at(offset)],
};

/** Instructions on float64. */
export const f64 = {
  const: (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)],
  /** Of a float32. */
  promote: scalar(0xbb),
  add: scalar(0xa0),
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x39, ...at(offset)],
};

/** Loads and stores of vectors. */
export const v128 = {
  load: (address: Code, offset = 0): Code => [...address, 0xfd, 0x00, ...at(offset)],
  /** 8 bytes, the rest zero. */
  load64: (address: Code, offset = 0): Code => [...address, 0xfd, ...unsigned(0x5d), ...at(offset)],
  /** Four times the 4 bytes. */
  load32Splat: (address: Code, offset = 0): Code => [...address, 0xfd, 0x09, ...at(offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0xfd, 0x0b, ...at(offset)],
  /** Four 32-bit integers. */
  const: (...lanes: number[]): Code => [0xfd, 0x0c, ...new Uint8Array(Int32Array.from(lanes).buffer)],
  /** Bits of `a` where the mask has them, else of `b`. */
  select: (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, 0xfd, 0x52],
};

/** Instructions on vectors of four float32. */
export const f32x4 = {
  splat: simd(0x13),
  lane: (value: Code, lane: number): Code => [...value, 0xfd, 0x1f, lane],
  abs: simd(0xe0),
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  /** Of a NaN and a number either: one instruction, where IEEE's maximum takes five. */
  max: simd(0xeb),
  /** Lanes of all ones where it holds. */
  gt: simd(0x44),
  ge: simd(0x46),
};

/** Instructions on vectors of two float64. */
export const f64x2 = {
  splat: simd(0x14),
  lane: (value: Code, lane: number): Code => [...value, 0xfd, 0x21, lane],
  /** Of the lower two float32. */
  promote: simd(0x5f),
  add: simd(0xf0),
  sub: simd(0xf1),
  mul: simd(0xf2),
};

/** Instructions on vectors of integers. Narrowing saturates. */
export const integers = {
  addI32x4: simd(0xae),
  splatI32: simd(0x11),
  toI16: simd(0x86),
  toU8: simd(0x66),
  /** Highest bits of the four 32-bit lanes. */
  bitmask: simd(0xa4),
};

/** Runs the body until the condition, evaluated after it, is false. */
export function repeat(body: Code, condition: Code): Code {
  return [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];
}

/** Runs the body, then adds `step` to the local, until that has reached `end`; at least once. */
export function loop(local: number, step: number, end: Code, body: Code): Code {
  const next = set(local, i32.add(get(local), i32.const(step)));
  return repeat([...body, ...next], i32.ltU(get(local), end));
}

/** Sum or maximum of the four lanes. */
export function reduceF32(combine: (a: Code, b: Code) => Code, value: Code): Code {
  const lane = (number: number) => f32x4.lane(value, number);
  return combine(combine(lane(0), lane(1)), combine(lane(2), lane(3)));
}

/** The part of the WebAssembly interface used here; TypeScript declares it for browsers only. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
  Instance: new (module: object, imports: { env: { memory: object } }) => { readonly exports: unknown };
};

const PAGE = 65536;

/** Compiles a module; what it returns makes an instance with a zeroed memory of its own, of at least `bytes`. */
export function compileWasm<Exports>(module: Uint8Array<ArrayBuffer>) {
  const compiled = new WebAssembly.Module(module);
  return (bytes: number): { exports: Exports; buffer: ArrayBuffer } => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    return { exports: exports as Exports, buffer: memory.buffer };
  };
}
