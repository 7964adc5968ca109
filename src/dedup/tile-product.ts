import { type Initializer, modelProto, type Node } from "../onnx/builder.js";
import type { Engine } from "../onnx/engine.js";

/** Columns whose scores are reduced to one maximum inside the graph. */
export const BLOCK = 64;
/**
 * Columns of one integer product. With 512 rows its int32 scores take 512 KiB, so they stay in a core's cache between the
 * product and the maximum: 1.2 times the speed of one product over 4,096 columns.
 */
export const PANEL = 256;

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

/** Column panels of integer codes, panels × depth × 256 in one buffer. */
export interface Panels {
  readonly data: Int8Array;
  readonly count: number;
}

/** Integer products of row codes (uint8 around 128) with column codes (int8). */
export interface IntegerProduct {
  /** Maximum over each run of 64 columns: panels × n × 4. @param rows n × depth */
  maxima(rows: Uint8Array, columns: Panels): Promise<Int32Array>;
  /** Every product: panels × n × 256. @param rows n × depth */
  products(rows: Uint8Array, columns: Panels): Promise<Int32Array>;
  /** Compiles maxima with columns that stay: the engine packs them once, which makes each call about a third faster. */
  fix(columns: Panels): Promise<FixedProduct>;
  release(): Promise<void>;
}

/** Maxima with constant columns. */
export interface FixedProduct {
  /** As `IntegerProduct.maxima`. */
  maxima(rows: Uint8Array): Promise<Int32Array>;
  release(): Promise<void>;
}

const zeroPoint: Initializer = { name: "zero_point", dtype: "uint8", shape: [], data: Uint8Array.of(128) };

function int64(name: string, ...values: number[]): Initializer {
  return { name, dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** Compiles integer products of one depth. Sums are exact in int32 (depth · 127² < 2^31 for every depth below 133,000). */
export async function createIntegerProduct(engine: Engine, depth: number): Promise<IntegerProduct> {
  const rowsInput = { name: "rows", dtype: "uint8" as const, shape: ["n", depth] };
  const columnsInput = { name: "columns", dtype: "int8" as const, shape: ["g", depth, PANEL] };
  const product: Node = { op: "MatMulInteger", inputs: ["rows", "columns", "zero_point"], outputs: ["products"] };
  const all = await engine.compile(
    modelProto({
      nodes: [product],
      inputs: [rowsInput, columnsInput],
      outputs: [{ name: "products", dtype: "int32", shape: ["g", "n", PANEL] }],
      initializers: [zeroPoint],
    }),
  );
  const op = "ReduceMax";
  const attributes = { keepdims: { int: 0 } };
  const reduced = await engine.compile(
    modelProto({
      nodes: [
        product,
        { op: "Reshape", inputs: ["products", "blocks"], outputs: ["blocked"] },
        { op, inputs: ["blocked", "axis"], outputs: ["maxima"], attributes },
      ],
      inputs: [rowsInput, columnsInput],
      outputs: [{ name: "maxima", dtype: "int32", shape: ["g", "n", PANEL / BLOCK] }],
      initializers: [zeroPoint, int64("blocks", 0, 0, -1, BLOCK), int64("axis", 3)],
    }),
  );
  const feeds = (rows: Uint8Array, { data, count }: Panels) => ({
    rows: { dtype: "uint8" as const, shape: [rows.length / depth, depth], data: rows },
    columns: { dtype: "int8" as const, shape: [count, depth, PANEL], data },
  });
  return {
    maxima: async (rows, columns) => (await reduced.run(feeds(rows, columns))).maxima.data as Int32Array,
    products: async (rows, columns) => (await all.run(feeds(rows, columns))).products.data as Int32Array,
    async fix({ data, count }) {
      const nodes: Node[] = [];
      const initializers = [zeroPoint, int64("blocks", 0, -1, BLOCK), int64("axis", 2)];
      const parts: string[] = [];
      for (let i = 0; i < count; i++) {
        const panel = data.subarray(i * depth * PANEL, (i + 1) * depth * PANEL);
        initializers.push({ name: `columns${i}`, dtype: "int8", shape: [depth, PANEL], data: panel });
        nodes.push(
          { op: "MatMulInteger", inputs: ["rows", `columns${i}`, "zero_point"], outputs: [`products${i}`] },
          { op: "Reshape", inputs: [`products${i}`, "blocks"], outputs: [`blocked${i}`] },
          { op, inputs: [`blocked${i}`, "axis"], outputs: [`maxima${i}`], attributes },
        );
        parts.push(`maxima${i}`);
      }
      nodes.push({ op: "Concat", inputs: parts, outputs: ["maxima"], attributes: { axis: { int: 0 } } });
      const kernel = await engine.compile(
        modelProto({
          nodes,
          inputs: [rowsInput],
          outputs: [{ name: "maxima", dtype: "int32", shape: ["g*n", PANEL / BLOCK] }],
          initializers,
        }),
      );
      return {
        async maxima(rows) {
          const feed = { dtype: "uint8" as const, shape: [rows.length / depth, depth], data: rows };
          return (await kernel.run({ rows: feed })).maxima.data as Int32Array;
        },
        release: () => kernel.release(),
      };
    },
    async release() {
      await Promise.all([all.release(), reduced.release()]);
    },
  };
}
