import { type Graph, type Initializer, modelProto, type Node, type ValueInfo } from "../../onnx/builder.js";
import type { Engine, Kernel, Tile } from "../../onnx/engine.js";

/** Columns whose scores are reduced to one maximum inside the graph. */
export const STRIP = 64;
/**
 * Columns of one integer product. With 512 rows its int32 scores take 640 KiB, so they stay in a core's cache between the
 * product and the maximum: 1.2 times the speed of one product over 4,096 columns. No power of two, so that the rows of a
 * block of scores do not fall on the same lines of the cache: 5 % faster than 256.
 */
export const PANEL = 320;
/** Maxima of a row and a panel. */
export const STRIPS = PANEL / STRIP;

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

/** Products of row codes (uint8 around 128) with column codes (int8). */
export interface IntegerProduct {
  /** Panels that a call of `maxima` takes, 1 at least. */
  readonly mostPanels: number;
  /** @param rows n × depth */
  maxima(rows: Uint8Array, panels: Panels): Promise<Maxima>;
  /** Every product: panels × n × PANEL. @param rows n × depth */
  products(rows: Uint8Array, panels: Panels): Promise<Int32Array>;
  /**
   * Every product of each 64 rows with the 64 columns of the same numbers: (panels · STRIPS) × STRIP × STRIP.
   * @param rows (panels · PANEL) × depth
   */
  diagonal(rows: Uint8Array, panels: Panels): Promise<Int32Array>;
  /** On a device: brings columns there, so that they need not travel with each call. */
  fix?(panels: Panels): Promise<FixedProduct>;
  release(): Promise<void>;
}

/** Maxima of products, so that what is below can be passed over in two steps. */
export interface Maxima {
  /** Of each strip of columns: n × (panels · STRIPS). */
  readonly strips: Int32Array;
  /** Of each row: n. */
  readonly rows: Int32Array;
}

/** Maxima with columns that a device holds. */
export interface FixedProduct {
  /** @param rows n × depth */
  maxima(rows: Uint8Array): Promise<Maxima>;
  release(): Promise<void>;
}

/**
 * Panels that processors take at once. With 512 rows a pair takes 0.57 ns one panel at a time, 0.50 four and 0.48 eight, of
 * which packing the columns is so little that having the engine pack them once and for all gains nothing.
 */
export const MOST_PANELS = 6;

const zeroPoint: Initializer = { name: "zero_point", dtype: "uint8", shape: [], data: Uint8Array.of(128) };

function int64(name: string, ...values: number[]): Initializer {
  return { name, dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

const keepdims = { keepdims: { int: 0 } };

/** The maxima of products with `panels` inputs `columns{i}`. */
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

/** Nodes that take the strips of panels apart, p × depth × PANEL to (p · STRIPS) × depth × STRIP, and their constants. */
export function splitIntoStrips(
  columns: string,
  strips: string,
  depth: number,
): { nodes: Node[]; constants: Initializer[] } {
  return {
    nodes: [
      { op: "Reshape", inputs: [columns, "in_strips"], outputs: ["split"] },
      { op: "Transpose", inputs: ["split"], outputs: ["turned"], attributes: { perm: { ints: [0, 2, 1, 3] } } },
      { op: "Reshape", inputs: ["turned", "as_strips"], outputs: [strips] },
    ],
    constants: [int64("in_strips", 0, 0, STRIPS, STRIP), int64("as_strips", -1, depth, STRIP)],
  };
}

/** Compiles integer products of one depth. Sums are exact in int32 (depth · 127² < 2^31 for every depth below 133,000). */
export async function createIntegerProduct(engine: Engine, depth: number): Promise<IntegerProduct> {
  const panelBytes = depth * PANEL;
  const product = (columns: string): Node => ({
    op: "MatMulInteger",
    inputs: ["codes", columns, "zero_point"],
    outputs: ["products"],
  });
  const columns: ValueInfo = { name: "columns", dtype: "int8", shape: ["g", depth, PANEL] };
  const all = await engine.compile(
    modelProto({
      nodes: [product("columns")],
      inputs: [{ name: "codes", dtype: "uint8", shape: ["n", depth] }, columns],
      outputs: [{ name: "products", dtype: "int32", shape: ["g", "n", PANEL] }],
      initializers: [zeroPoint],
    }),
  );
  const strips = splitIntoStrips("columns", "strips", depth);
  const own = await engine.compile(
    modelProto({
      nodes: [...strips.nodes, product("strips")],
      inputs: [{ name: "codes", dtype: "uint8", shape: ["b", STRIP, depth] }, columns],
      outputs: [{ name: "products", dtype: "int32", shape: ["b", STRIP, STRIP] }],
      initializers: [zeroPoint, ...strips.constants],
    }),
  );
  /** By the number of panels, compiled where they are needed: calls come one after the other. */
  const reduced: Kernel[] = [];
  const rowsTile = (data: Uint8Array): Tile => ({ dtype: "uint8", shape: [data.length / depth, depth], data });
  const columnsTile = ({ data, count }: Panels): Tile => ({ dtype: "int8", shape: [count, depth, PANEL], data });
  return {
    mostPanels: MOST_PANELS,
    async maxima(rows, { data, count }) {
      reduced[count] ??= await engine.compile(modelProto(maximaGraph(depth, count)));
      const feeds: Record<string, Tile> = { codes: rowsTile(rows) };
      for (let i = 0; i < count; i++) {
        const panel = data.subarray(i * panelBytes, (i + 1) * panelBytes);
        feeds[`columns${i}`] = { dtype: "int8", shape: [depth, PANEL], data: panel };
      }
      const { strips, rows: ofRows } = await reduced[count].run(feeds);
      return { strips: strips.data as Int32Array, rows: ofRows.data as Int32Array };
    },
    async products(rows, panels) {
      const { products } = await all.run({ codes: rowsTile(rows), columns: columnsTile(panels) });
      return products.data as Int32Array;
    },
    async diagonal(rows, panels) {
      const codes: Tile = { dtype: "uint8", shape: [panels.count * STRIPS, STRIP, depth], data: rows };
      return (await own.run({ codes, columns: columnsTile(panels) })).products.data as Int32Array;
    },
    async release() {
      await Promise.all([all, own, ...reduced].map((kernel) => kernel?.release()));
    },
  };
}
