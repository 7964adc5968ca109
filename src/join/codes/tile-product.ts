import { type Graph, type Initializer, modelProto, type Node, type ValueInfo } from "../../onnx/builder.js";
import type { Engine, Kernel, Tile } from "../../onnx/engine.js";

/** Columns whose products are reduced to one maximum inside the graph. */
export const STRIP = 64;
/**
 * Columns of one integer product. With 512 rows its int32 products take 640 KiB, so they stay in a core's cache between
 * the product and the maximum: 1.2 times as fast as one product over 4,096 columns. No power of two, so that the rows
 * of a panel do not fall on the same cache lines: 5 % faster than 256.
 */
export const PANEL = 320;
/** Strips of a panel. */
export const STRIPS = PANEL / STRIP;

/** Computes all float32 scores of two tiles of vectors. */
export interface ScoreProduct {
  /** @param rows n × dim @param columns m × dim @returns n × m, row-major */
  scores(rows: Float32Array, columns: Float32Array): Promise<Float32Array>;
  /** Frees the kernel. */
  release(): Promise<void>;
}

/** Compiles rows · columnsᵀ in float32, for any number of rows and columns. */
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

/** Columns of integer codes in panels: panels × depth × PANEL in one buffer, so each panel is a row-major matrix. */
export interface Panels {
  readonly data: Int8Array;
  readonly count: number;
}

/** Products of row codes with column codes, in integers. Rows are n × depth bytes around a zero point of 128. */
export interface IntegerProduct {
  /** Panels that one call of `maxima` takes, at least 1. */
  readonly mostPanels: number;
  /** Largest product of each strip and of each row. @param rows n × depth */
  maxima(rows: Uint8Array, panels: Panels): Promise<Maxima>;
  /** Every product, panels × n × PANEL. @param rows n × depth */
  products(rows: Uint8Array, panels: Panels): Promise<Int32Array>;
  /** Frees the kernels. */
  release(): Promise<void>;
}

/** Maxima of products at two levels: a row below its threshold is passed over without a look at its strips. */
export interface Maxima {
  /** Largest product of each strip, n × (panels · STRIPS). */
  readonly strips: Int32Array;
  /** Largest product of each row, n. */
  readonly rows: Int32Array;
}

/**
 * Panels that a processor takes at once. With 512 rows, a pair takes 0.57 ns at one panel a call, 0.50 at four, 0.48 at
 * eight. Packing the columns is so small a part of this that having the engine pack them once gains nothing.
 */
export const MOST_PANELS = 6;

const zeroPoint: Initializer = { name: "zero_point", dtype: "uint8", shape: [], data: Uint8Array.of(128) };

/** A constant of int64 numbers, such as the axes of an operator. */
export function int64(name: string, ...values: number[]): Initializer {
  return { name, dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

const keepdims = { keepdims: { int: 0 } };

/** Graph of the maxima of products with `panels` inputs, named columns0, columns1 and so on. */
function maximaGraph(depth: number, panels: number): Graph {
  const nodes: Node[] = [];
  const inputs: ValueInfo[] = [{ name: "codes", dtype: "uint8", shape: ["n", depth] }];
  const parts: string[] = [];
  for (let i = 0; i < panels; i++) {
    inputs.push({ name: `columns${i}`, dtype: "int8", shape: [depth, PANEL] });
    nodes.push(
      { op: "MatMulInteger", inputs: ["codes", `columns${i}`, "zero_point"], outputs: [`products${i}`] },
      { op: "Reshape", inputs: [`products${i}`, "in_strips"], outputs: [`runs${i}`] },
      { op: "ReduceMax", inputs: [`runs${i}`, "last"], outputs: [`maxima${i}`], attributes: keepdims },
    );
    parts.push(`maxima${i}`);
  }
  nodes.push(
    { op: "Concat", inputs: parts, outputs: ["strips"], attributes: { axis: { int: 1 } } },
    { op: "ReduceMax", inputs: ["strips", "second"], outputs: ["rows"], attributes: keepdims },
  );
  const outputs: ValueInfo[] = [
    { name: "strips", dtype: "int32", shape: ["n", panels * STRIPS] },
    { name: "rows", dtype: "int32", shape: ["n"] },
  ];
  const initializers = [zeroPoint, int64("in_strips", 0, -1, STRIP), int64("last", 2), int64("second", 1)];
  return { nodes, inputs, outputs, initializers };
}

/**
 * Compiles integer products of one depth on a processor. Sums are exact in int32: depth · 127² < 2^31 for every depth
 * below 133,000.
 */
export function createIntegerProduct(engine: Engine, depth: number): IntegerProduct {
  const panelBytes = depth * PANEL;
  const columns: ValueInfo = { name: "columns", dtype: "int8", shape: ["g", depth, PANEL] };
  /** Every product. Each graph is compiled when first needed: many joins need only the maxima. */
  const all = lazily(() =>
    engine.compile(
      modelProto({
        nodes: [{ op: "MatMulInteger", inputs: ["codes", "columns", "zero_point"], outputs: ["products"] }],
        inputs: [{ name: "codes", dtype: "uint8", shape: ["n", depth] }, columns],
        outputs: [{ name: "products", dtype: "int32", shape: ["g", "n", PANEL] }],
        initializers: [zeroPoint],
      }),
    ),
  );
  const reduced = Array.from({ length: MOST_PANELS + 1 }, (_, panels) =>
    lazily(() => engine.compile(modelProto(maximaGraph(depth, panels)))),
  );
  const rowsTile = (data: Uint8Array): Tile => ({ dtype: "uint8", shape: [data.length / depth, depth], data });
  const columnsTile = ({ data, count }: Panels): Tile => ({ dtype: "int8", shape: [count, depth, PANEL], data });
  return {
    mostPanels: MOST_PANELS,
    async maxima(rows, { data, count }) {
      const feeds: Record<string, Tile> = { codes: rowsTile(rows) };
      for (let i = 0; i < count; i++) {
        const panel = data.subarray(i * panelBytes, (i + 1) * panelBytes);
        feeds[`columns${i}`] = { dtype: "int8", shape: [depth, PANEL], data: panel };
      }
      const { strips, rows: ofRows } = await (await reduced[count].get()).run(feeds);
      return { strips: strips.data as Int32Array, rows: ofRows.data as Int32Array };
    },
    async products(rows, panels) {
      const { products } = await (await all.get()).run({ codes: rowsTile(rows), columns: columnsTile(panels) });
      return products.data as Int32Array;
    },
    async release() {
      await Promise.all([all, ...reduced].map((kernel) => kernel.release()));
    },
  };
}

/** A kernel that is compiled when it is first asked for. */
function lazily(compile: () => Promise<Kernel>) {
  let kernel: Promise<Kernel> | undefined;
  return {
    get: () => (kernel ??= compile()),
    release: async () => (await kernel)?.release(),
  };
}
