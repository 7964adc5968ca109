import { type Initializer, modelProto, type Node, type ValueInfo } from "../onnx/builder.js";
import type { Engine, Kernel, Tile } from "../onnx/engine.js";

/** Columns whose scores are reduced to one maximum inside the graph. */
export const BLOCK = 64;
/**
 * Columns of one integer product. With 512 rows its int32 scores take 640 KiB, so they stay in a core's cache between the
 * product and the maximum: 1.2 times the speed of one product over 4,096 columns. No power of two, so that the rows of a
 * block of scores do not fall on the same lines of the cache: 5 % faster than 256.
 */
export const PANEL = 320;
/** Maxima of a row and a panel. */
export const BLOCKS = PANEL / BLOCK;

/** All float32 scores of two tiles. */
export interface ScoreProduct {
  /** @param rows n × dim; @param columns m × dim; @returns n × m, row-major */
  scores(rows: Float32Array, columns: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Compiles rows · columnsᵀ in float32. */
export async function createScoreProduct(engine: Engine, dim: number): Promise<ScoreProduct> {
  const kernel = await engine.compile(
    modelProto({
      nodes: [{ op: "Gemm", inputs: ["rows", "columns"], outputs: ["scores"], attributes: { transB: { int: 1 } } }],
      inputs: [
        { name: "rows", dtype: "float32", shape: ["n", dim] },
        { name: "columns", dtype: "float32", shape: ["m", dim] },
      ],
      outputs: [{ name: "scores", dtype: "float32", shape: ["n", "m"] }],
    }),
  );
  return {
    async scores(rows, columns) {
      const { scores } = await kernel.run({
        rows: { dtype: "float32", shape: [rows.length / dim, dim], data: rows },
        columns: { dtype: "float32", shape: [columns.length / dim, dim], data: columns },
      });
      return scores.data as Float32Array;
    },
    release: () => kernel.release(),
  };
}

/** Column panels of integer codes, panels × depth × PANEL in one buffer. */
export interface Panels {
  readonly data: Int8Array;
  readonly count: number;
}

/**
 * Products of row codes (uint8 around 128) with column codes (int8). Results lie in buffers that the next call of the same
 * kind may write to, whichever object it is made on.
 */
export interface IntegerProduct {
  /** Maxima with one panel. @param rows n × depth @param panel depth × PANEL */
  maxima(rows: Uint8Array, panel: Int8Array): Promise<Maxima>;
  /** Every product: panels × n × PANEL. @param rows n × depth */
  products(rows: Uint8Array, columns: Panels): Promise<Int32Array>;
  /** Every product of each 64 rows with 64 columns of their own: g × BLOCK × BLOCK. @param rows g × BLOCK × depth @param columns g × depth × BLOCK */
  diagonal(rows: Uint8Array, columns: Int8Array): Promise<Int32Array>;
  /** Compiles maxima with columns that stay: the engine packs them once, which makes each call about a third faster. */
  fix(columns: Panels): Promise<FixedProduct>;
  release(): Promise<void>;
}

/** Maxima of products, so that what is below can be passed over in two steps. */
export interface Maxima {
  /** Of each block of columns: n × (panels · BLOCKS). */
  readonly blocks: Int32Array;
  /** Of each row: n. */
  readonly rows: Int32Array;
}

/** Maxima with constant columns. */
export interface FixedProduct {
  /** @param rows n × depth */
  maxima(rows: Uint8Array): Promise<Maxima>;
  release(): Promise<void>;
}

const zeroPoint: Initializer = { name: "zero_point", dtype: "uint8", shape: [], data: Uint8Array.of(128) };

function int64(name: string, ...values: number[]): Initializer {
  return { name, dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

const constants = [zeroPoint, int64("blocked", 0, -1, BLOCK), int64("last", 2), int64("second", 1)];
const keepdims = { keepdims: { int: 0 } };

/** Nodes that reduce the products with `panels` inputs or constants `columns{i}` to `blocks` and `rows`. */
function reducedProducts(panels: number): { nodes: Node[]; outputs: ValueInfo[] } {
  const nodes: Node[] = [];
  const parts: string[] = [];
  for (let i = 0; i < panels; i++) {
    nodes.push(
      { op: "MatMulInteger", inputs: ["codes", `columns${i}`, "zero_point"], outputs: [`products${i}`] },
      { op: "Reshape", inputs: [`products${i}`, "blocked"], outputs: [`runs${i}`] },
      { op: "ReduceMax", inputs: [`runs${i}`, "last"], outputs: [`maxima${i}`], attributes: keepdims },
    );
    parts.push(`maxima${i}`);
  }
  nodes.push(
    { op: "Concat", inputs: parts, outputs: ["blocks"], attributes: { axis: { int: 1 } } },
    { op: "ReduceMax", inputs: ["blocks", "second"], outputs: ["rows"], attributes: keepdims },
  );
  const outputs: ValueInfo[] = [
    { name: "blocks", dtype: "int32", shape: ["n", panels * BLOCKS] },
    { name: "rows", dtype: "int32", shape: ["n"] },
  ];
  return { nodes, outputs };
}

/** Compiles integer products of one depth. Sums are exact in int32 (depth · 127² < 2^31 for every depth below 133,000). */
export async function createIntegerProduct(engine: Engine, depth: number): Promise<IntegerProduct> {
  const codes = { name: "codes", dtype: "uint8" as const, shape: ["n", depth] };
  const panelBytes = depth * PANEL;
  const all = await engine.compile(
    modelProto({
      nodes: [{ op: "MatMulInteger", inputs: ["codes", "columns", "zero_point"], outputs: ["products"] }],
      inputs: [codes, { name: "columns", dtype: "int8", shape: ["g", depth, PANEL] }],
      outputs: [{ name: "products", dtype: "int32", shape: ["g", "n", PANEL] }],
      initializers: [zeroPoint],
    }),
  );
  const own = await engine.compile(
    modelProto({
      nodes: [{ op: "MatMulInteger", inputs: ["codes", "columns", "zero_point"], outputs: ["products"] }],
      inputs: [
        { name: "codes", dtype: "uint8", shape: ["g", BLOCK, depth] },
        { name: "columns", dtype: "int8", shape: ["g", depth, BLOCK] },
      ],
      outputs: [{ name: "products", dtype: "int32", shape: ["g", BLOCK, BLOCK] }],
      initializers: [zeroPoint],
    }),
  );
  const reduced = await engine.compile(
    modelProto({
      ...reducedProducts(1),
      inputs: [codes, { name: "columns0", dtype: "int8", shape: [depth, PANEL] }],
      initializers: constants,
    }),
  );
  // Outputs go to buffers that stay: fresh ones cost as much as small products, and the collector later.
  const buffers = { blocks: new Int32Buffer(), rows: new Int32Buffer(), products: new Int32Buffer() };
  const feed = (rows: Uint8Array) => ({ dtype: "uint8" as const, shape: [rows.length / depth, depth], data: rows });
  const run = async (kernel: Kernel, feeds: Record<string, Tile>, panels: number): Promise<Maxima> => {
    const [n] = feeds.codes.shape;
    const { blocks, rows } = await kernel.run(feeds, {
      blocks: { dtype: "int32", shape: [n, panels * BLOCKS], data: buffers.blocks.take(n * panels * BLOCKS) },
      rows: { dtype: "int32", shape: [n], data: buffers.rows.take(n) },
    });
    return { blocks: blocks.data as Int32Array, rows: rows.data as Int32Array };
  };
  return {
    maxima(rows, panel) {
      const columns0 = { dtype: "int8" as const, shape: [depth, PANEL], data: panel };
      return run(reduced, { codes: feed(rows), columns0 }, 1);
    },
    async products(rows, { data, count }) {
      const n = rows.length / depth;
      const columns = { dtype: "int8" as const, shape: [count, depth, PANEL], data };
      const shape = [count, n, PANEL];
      const into = { dtype: "int32" as const, shape, data: buffers.products.take(count * n * PANEL) };
      return (await all.run({ codes: feed(rows), columns }, { products: into })).products.data as Int32Array;
    },
    async diagonal(rows, columns) {
      const g = columns.length / depth / BLOCK;
      const outputs = await own.run({
        codes: { dtype: "uint8", shape: [g, BLOCK, depth], data: rows },
        columns: { dtype: "int8", shape: [g, depth, BLOCK], data: columns },
      });
      return outputs.products.data as Int32Array;
    },
    async fix({ data, count }) {
      const columns = Array.from({ length: count }, (_, i) => {
        const panel = data.subarray(i * panelBytes, (i + 1) * panelBytes);
        return { name: `columns${i}`, dtype: "int8" as const, shape: [depth, PANEL], data: panel };
      });
      const kernel = await engine.compile(
        modelProto({ ...reducedProducts(count), inputs: [codes], initializers: [...constants, ...columns] }),
      );
      return {
        maxima: (rows) => run(kernel, { codes: feed(rows) }, count),
        release: () => kernel.release(),
      };
    },
    async release() {
      await Promise.all([all.release(), own.release(), reduced.release()]);
    },
  };
}

/** One growing buffer. */
class Int32Buffer {
  #data = new Int32Array(0);

  /** The first `length` entries; what they held is lost where the buffer had to grow. */
  take(length: number): Int32Array {
    if (this.#data.length < length) this.#data = new Int32Array(length);
    return this.#data.subarray(0, length);
  }
}
