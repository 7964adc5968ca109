import { dataType, type Graph, type Initializer, modelProto, type Node, type ValueInfo } from "../../onnx/builder.js";
import type { Engine, Kernel, Tile } from "../../onnx/engine.js";
import { ZERO_POINT } from "./code-book.js";
import { HALF_INFINITY, halfAtMost, halfOfCode } from "./half.js";
import { int64, STRIP } from "./tile-product.js";

/** Whole numbers up to this size, and sums that stay within it, are exact in float32. */
const EXACT = 2 ** 24;

/**
 * L for codes of this depth: the largest level, at most 127, at which a product of codes sums exactly in float32, so
 * that the same codes serve every device. depth · L² <= 2^24: 127 up to depth 1,040, and 124 at 1,088.
 */
export function exactLevels(depth: number): number {
  return Math.min(127, Math.floor(Math.sqrt(EXACT / depth)));
}

/**
 * How a device multiplies codes and what it returns for a product I of whole numbers:
 *
 * - `float`: float32 factors, I itself. Every partial sum is a whole number below 2^24, so sums are exact in whatever
 *   order the device adds, and also where it shortens factors to the 11 bits of TF32.
 * - `half`: float16 factors q · 2^-5, exact with their 8 bits, added in float32. By the same argument the sum is exactly
 *   I · 2^-10. It is rounded *once*, to the float16 number r(I) that leaves the product. Rounding to a neighbour never
 *   changes an order: I >= T gives r(I) >= ⌊T⌋, the largest float16 number not above T. Hence the maximum of rounded
 *   products is the rounded maximum, and "maximum >= ⌊T⌋" rejects no strip that "maximum >= T" lets through. The few that
 *   pass in addition, where I < T and r(I) >= ⌊T⌋, fall to the exact products of `scanStrips`. |I · 2^-10| <= 2^14 is
 *   far from overflow, and the smallest step 2^-10 far from underflow.
 *
 * `half` moves half the bytes and is made for tensor cores: onnxruntime's CUDA provider asks cuBLAS for float16 products
 * added in float32 (CUBLAS_COMPUTE_32F). A device that rounds partial sums fails `checkProduct` and takes `float`. Bytes
 * (MatMulInteger) are not used: WebGPU has no such operator, and on CUDA int32 products move twice the bytes of `half`.
 */
export type Precision = "half" | "float";

/** Element type of factors and products. */
type Factor = "float16" | "float32";

/** What the calls of a product have in common. */
interface Shape {
  readonly dtype: Factor;
  readonly depth: number;
  readonly rows: number;
}

/** The parts that the columns of each strip are divided into: the maximum over parts is one pass over their products. */
export const PARTS = 8;
/** Columns of a strip in one part. */
const PART_STRIP = STRIP / PARTS;
/** Rows of each call by default. Fewer are filled up, so that every call has one of the few shapes that were checked. */
export const DEVICE_ROWS = 1024;

/** Strips whose maximum reaches the threshold of a row, ordered by strip, then row. */
export interface FoundStrips {
  readonly length: number;
  readonly strips: Int32Array;
  readonly rows: Int32Array;
}

/**
 * Codes of columns, strips × STRIP of them, as bytes with a zero point of 128. Part j holds columns 8j to 8j + 7 of each
 * strip, one column after the other: strips · 8 × depth.
 */
export type ColumnParts = readonly Uint8Array[];

/** Columns that a device holds. */
export interface DeviceColumns {
  /**
   * Strips with a product that reaches the row's threshold, up to the rounding of `half`.
   * @param rows up to `DeviceProduct.rows` × depth bytes @param thresholds one a row
   */
  find(rows: Uint8Array, thresholds: Int32Array): Promise<FoundStrips>;
  /** Frees the columns on the device. */
  release(): Promise<void>;
}

/** Products of codes on a device, reduced to strips there: no product and no maximum comes back. */
export interface DeviceProduct {
  readonly precision: Precision;
  /** Rows of each call. */
  readonly rows: number;
  /** As `DeviceColumns.find`, with columns that travel with the call. */
  find(rows: Uint8Array, thresholds: Int32Array, columns: ColumnParts): Promise<FoundStrips>;
  /** Sends columns to the device, so that they do not travel with every call. They become constants of a graph. */
  fix(columns: ColumnParts): Promise<DeviceColumns>;
  /**
   * Products of rows with every `step`th column of the first part, columns × rows, as the device rounds them; for
   * the check.
   * @param codes rows × depth bytes
   */
  sample(codes: Uint8Array, columns: ColumnParts, step: number): Promise<Tile["data"]>;
  /** Frees the kernels. */
  release(): Promise<void>;
}

/**
 * Graph of what leaves a call. S strips, n rows:
 *
 *     rows (n, depth) -> turned (depth, n)
 *     8 parts (8 S, depth) · turned -> products (8 S, n) -> their maximum (8 S, n) -> (S, 8, n) -> maxima (S, n)
 *     maxima >= thresholds (n) -> NonZero -> (strip, row) of each that is
 *
 * NonZero runs on the processor where the device has none (WebGPU), on one byte for 64 products.
 */
function findGraph({ dtype, depth, rows }: Shape, fixed?: readonly Initializer[]): Graph {
  const nodes: Node[] = [
    ...decoded(dtype, "bytes", "rows"),
    { op: "Transpose", inputs: ["rows"], outputs: ["turned"], attributes: { perm: { ints: [1, 0] } } },
  ];
  const inputs: ValueInfo[] = [
    { name: "bytes", dtype: "uint8", shape: [rows, depth] },
    { name: "thresholds", dtype, shape: [rows] },
  ];
  const products: string[] = [];
  for (let part = 0; part < PARTS; part++) {
    if (fixed === undefined) {
      inputs.push({ name: `bytes${part}`, dtype: "uint8", shape: ["m", depth] });
      nodes.push(...decoded(dtype, `bytes${part}`, `columns${part}`));
    }
    nodes.push({ op: "MatMul", inputs: [`columns${part}`, "turned"], outputs: [`products${part}`] });
    products.push(`products${part}`);
  }
  nodes.push(
    { op: "Max", inputs: products, outputs: ["best"] },
    { op: "Reshape", inputs: ["best", "in_strips"], outputs: ["runs"] },
    { op: "ReduceMax", inputs: ["runs", "second"], outputs: ["maxima"], attributes: { keepdims: { int: 0 } } },
    { op: "GreaterOrEqual", inputs: ["maxima", "thresholds"], outputs: ["reaches"] },
    { op: "NonZero", inputs: ["reaches"], outputs: ["found"] },
  );
  const constants = [int64("in_strips", -1, PART_STRIP, rows), int64("second", 1)];
  const outputs: ValueInfo[] = [{ name: "found", dtype: "int64", shape: [2, "k"] }];
  return { nodes, inputs, outputs, initializers: [...decoding(dtype), ...constants, ...(fixed ?? [])] };
}

/** Graph of `DeviceProduct.sample`, with the product of `findGraph`. */
function sampleGraph({ dtype, depth, rows }: Shape): Graph {
  return {
    nodes: [
      ...decoded(dtype, "bytes", "rows"),
      { op: "Transpose", inputs: ["rows"], outputs: ["turned"], attributes: { perm: { ints: [1, 0] } } },
      ...decoded(dtype, "bytes0", "columns0"),
      { op: "MatMul", inputs: ["columns0", "turned"], outputs: ["products0"] },
      { op: "Gather", inputs: ["products0", "chosen"], outputs: ["sample"] },
    ],
    inputs: [
      { name: "bytes", dtype: "uint8", shape: [rows, depth] },
      { name: "bytes0", dtype: "uint8", shape: ["m", depth] },
      { name: "chosen", dtype: "int64", shape: ["k"] },
    ],
    outputs: [{ name: "sample", dtype, shape: ["k", rows] }],
    initializers: decoding(dtype),
  };
}

/** Nodes that turn bytes into factors, by the constants of `decoding`. */
function decoded(dtype: Factor, bytes: string, factors: string): Node[] {
  return [
    { op: "Cast", inputs: [bytes], outputs: [`${bytes}_cast`], attributes: { to: { int: dataType[dtype] } } },
    { op: "Sub", inputs: [`${bytes}_cast`, "zero_point"], outputs: [`${bytes}_centred`] },
    { op: "Mul", inputs: [`${bytes}_centred`, "unit"], outputs: [factors] },
  ];
}

/** The zero point of bytes, and the factor that 1 becomes. */
function decoding(dtype: Factor): Initializer[] {
  const scalar = (name: string, data: Float32Array | Uint16Array): Initializer => ({ name, dtype, shape: [], data });
  return dtype === "float32"
    ? [scalar("zero_point", Float32Array.of(ZERO_POINT)), scalar("unit", Float32Array.of(1))]
    : [
        // 128 is 2^17 units of 2^-10.
        scalar("zero_point", Uint16Array.of(halfAtMost(ZERO_POINT * 1024))),
        scalar("unit", Uint16Array.of(halfOfCode(1))),
      ];
}

/** Factors of all bytes, for columns that become constants. */
function factorTable(dtype: Factor): Float32Array | Uint16Array {
  const codes = Array.from({ length: 256 }, (_, byte) => byte - ZERO_POINT);
  return dtype === "float32" ? Float32Array.from(codes) : Uint16Array.from(codes, halfOfCode);
}

/**
 * Compiles products of codes of one depth for a device.
 * @param engine engine of the device; its kernels are freed by `release`
 * @throws the engine's error where the device does not compute in this precision
 */
export async function createDeviceProduct(
  engine: Engine,
  { depth, precision, rows = DEVICE_ROWS }: { depth: number; precision: Precision; rows?: number },
): Promise<DeviceProduct> {
  const dtype = precision === "half" ? "float16" : "float32";
  const shape = { dtype, depth, rows } as const;
  const table = factorTable(dtype);
  const any = await engine.compile(modelProto(findGraph(shape)));
  const sampled = await engine.compile(modelProto(sampleGraph(shape)));
  const columnTile = (data: Uint8Array): Tile => ({ dtype: "uint8", shape: [data.length / depth, depth], data });
  /** Room for the bytes of a whole call: rows beyond those of the caller keep what an earlier call left there. */
  const room = new Uint8Array(rows * depth).fill(ZERO_POINT);
  const rowsTile = (codes: Uint8Array): Tile => {
    if (codes.length === room.length) return columnTile(codes);
    room.set(codes);
    return columnTile(room);
  };
  const run = async (kernel: Kernel, codes: Uint8Array, thresholds: Int32Array, columns: Record<string, Tile> = {}) => {
    const feeds = { bytes: rowsTile(codes), thresholds: thresholdTile(shape, thresholds), ...columns };
    return foundStrips((await kernel.run(feeds)).found);
  };
  return {
    precision,
    rows,
    find: (codes, thresholds, columns) => {
      const feeds = columns.map((data, part) => [`bytes${part}`, columnTile(data)] as const);
      return run(any, codes, thresholds, Object.fromEntries(feeds));
    },
    async fix(columns) {
      const fixed = columns.map((bytes, part): Initializer => {
        const data = dtype === "float32" ? new Float32Array(bytes.length) : new Uint16Array(bytes.length);
        for (let i = 0; i < bytes.length; i++) data[i] = table[bytes[i]];
        return { name: `columns${part}`, dtype, shape: [bytes.length / depth, depth], data };
      });
      const kernel = await engine.compile(modelProto(findGraph(shape, fixed)));
      return {
        find: (codes, thresholds) => run(kernel, codes, thresholds),
        release: () => kernel.release(),
      };
    },
    async sample(codes, columns, step) {
      const { length } = columns[0];
      const numbers = BigInt64Array.from({ length: Math.ceil(length / depth / step) }, (_, i) => BigInt(i * step));
      const chosen: Tile = { dtype: "int64", shape: [numbers.length], data: numbers };
      const feeds = { bytes: rowsTile(codes), bytes0: columnTile(columns[0]), chosen };
      return (await sampled.run(feeds)).sample.data;
    },
    async release() {
      await Promise.all([any.release(), sampled.release()]);
    },
  };
}

/** Thresholds as the device compares them, filled up to all rows with one that nothing reaches. */
function thresholdTile({ dtype, rows }: Shape, thresholds: Int32Array): Tile {
  if (dtype === "float16") {
    const data = new Uint16Array(rows).fill(HALF_INFINITY);
    for (let i = 0; i < thresholds.length; i++) data[i] = halfAtMost(thresholds[i]);
    return { dtype, shape: [rows], data };
  }
  // Beyond ±2^24 float32 rounds; but there no product lies, so that the comparison comes out the same.
  const data = new Float32Array(rows).fill(Number.POSITIVE_INFINITY);
  data.set(thresholds);
  return { dtype, shape: [rows], data };
}

/** The answer of NonZero, (2, k) int64, as int32. */
function foundStrips({ data }: Tile): FoundStrips {
  const { buffer, byteOffset } = data as BigInt64Array;
  const length = data.length / 2;
  // The low halves of small int64 numbers on a little-endian machine, the only kind that onnxruntime serves.
  const halves = length === 0 ? new Int32Array(0) : new Int32Array(buffer, byteOffset, 4 * length);
  const strips = new Int32Array(length);
  const rows = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    strips[i] = halves[2 * i];
    rows[i] = halves[2 * (length + i)];
  }
  return { length, strips, rows };
}
