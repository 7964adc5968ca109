import { modelProto, type Node } from "../../onnx/builder.js";
import type { Engine, Kernel, Tile } from "../../onnx/engine.js";
import { ZERO_POINT } from "./code-book.js";
import {
  type IntegerProduct,
  type Maxima,
  PANEL,
  type Panels,
  STRIP,
  STRIPS,
  splitIntoStrips,
} from "./tile-product.js";

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
 * Products of codes on a device that multiplies no bytes, such as a GPU: the codes are multiplied as float32 numbers.
 * With levels of `exactLevels(depth)` every partial sum is a whole number below 2^24, so the result is the integer
 * product in whatever order the device sums, and also where the device shortens factors to the 11 bits of TF32. The
 * bound of code-book.ts therefore holds unchanged, and a device decides nothing differently.
 * @param engine engine of the device; its kernels are freed by `release`
 */
export async function createFloatProduct(engine: Engine, depth: number): Promise<IntegerProduct> {
  const codes = { name: "codes", dtype: "float32" as const, shape: ["n", depth] };
  const columns = { name: "columns", dtype: "float32" as const, shape: ["g", depth, PANEL] };
  const product: Node = { op: "MatMul", inputs: ["codes", "columns"], outputs: ["products"] };
  /** Every product. */
  const all = await engine.compile(
    modelProto({
      nodes: [product],
      inputs: [codes, columns],
      outputs: [{ name: "products", dtype: "float32", shape: ["g", "n", PANEL] }],
    }),
  );
  const strips = splitIntoStrips("columns", "strips", depth);
  /** Products of strips of rows with the strips of columns of the same numbers. */
  const own = await engine.compile(
    modelProto({
      nodes: [...strips.nodes, { op: "MatMul", inputs: ["codes", "strips"], outputs: ["products"] }],
      inputs: [{ name: "codes", dtype: "float32", shape: ["b", STRIP, depth] }, columns],
      outputs: [{ name: "products", dtype: "float32", shape: ["b", STRIP, STRIP] }],
      initializers: strips.constants,
    }),
  );
  const outputs = [
    { name: "strips", dtype: "float32" as const, shape: ["n", "b"] },
    { name: "rows", dtype: "float32" as const, shape: ["n"] },
  ];
  const keepdims = { keepdims: { int: 0 } };
  // (panels, n, PANEL) -> runs of a strip -> maxima (panels, n, STRIPS) -> (n, panels · STRIPS) -> maxima of rows.
  const reduced: Node[] = [
    product,
    { op: "Reshape", inputs: ["products", "runs"], outputs: ["in_runs"] },
    { op: "ReduceMax", inputs: ["in_runs", "last"], outputs: ["maxima"], attributes: keepdims },
    { op: "Transpose", inputs: ["maxima"], outputs: ["by_row"], attributes: { perm: { ints: [1, 0, 2] } } },
    { op: "Reshape", inputs: ["by_row", "flat"], outputs: ["strips"] },
    { op: "ReduceMax", inputs: ["strips", "second"], outputs: ["rows"], attributes: keepdims },
  ];
  const int64 = (name: string, ...values: bigint[]) => ({
    name,
    dtype: "int64" as const,
    shape: [values.length],
    data: BigInt64Array.from(values),
  });
  const constants = [
    int64("runs", 0n, 0n, BigInt(STRIPS), BigInt(STRIP)),
    int64("last", 3n),
    int64("flat", 0n, -1n),
    int64("second", 1n),
  ];
  /** Maxima with columns that travel with the call. */
  const any = await engine.compile(
    modelProto({ nodes: reduced, inputs: [codes, columns], outputs, initializers: constants }),
  );
  const tile = (data: Float32Array, ...shape: number[]): Tile => ({ dtype: "float32", shape, data });
  const rowsTile = (rows: Uint8Array) => tile(centred(rows), rows.length / depth, depth);
  /** Runs a kernel of maxima and turns its whole float32 numbers into int32. */
  const columnsTile = ({ data, count }: Panels) => tile(Float32Array.from(data), count, depth, PANEL);
  const run = async (kernel: Kernel, feeds: Record<string, Tile>): Promise<Maxima> => {
    const { strips, rows } = await kernel.run(feeds);
    return { strips: Int32Array.from(strips.data as Float32Array), rows: Int32Array.from(rows.data as Float32Array) };
  };
  return {
    mostPanels: Number.POSITIVE_INFINITY,
    maxima: (rows, panels) => run(any, { codes: rowsTile(rows), columns: columnsTile(panels) }),
    async products(rows, panels) {
      const { products } = await all.run({ codes: rowsTile(rows), columns: columnsTile(panels) });
      return Int32Array.from(products.data as Float32Array);
    },
    async diagonal(rows, panels) {
      const codes = tile(centred(rows), panels.count * STRIPS, STRIP, depth);
      const { products } = await own.run({ codes, columns: columnsTile(panels) });
      return Int32Array.from(products.data as Float32Array);
    },
    async fix(panels) {
      // The columns become a constant of the graph, so the device keeps them between calls.
      const held = { name: "columns", ...columnsTile(panels) };
      const kernel = await engine.compile(
        modelProto({ nodes: reduced, inputs: [codes], outputs, initializers: [...constants, held] }),
      );
      return {
        maxima: (rows) => run(kernel, { codes: rowsTile(rows) }),
        release: () => kernel.release(),
      };
    },
    async release() {
      await Promise.all([all.release(), own.release(), any.release()]);
    },
  };
}

/** Row codes as the signed integers they stand for. */
function centred(codes: Uint8Array): Float32Array {
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = codes[i] - ZERO_POINT;
  return values;
}

/**
 * Tests a device: multiplies the largest codes, and codes of a fixed pattern, and compares with sums in plain integers.
 * @throws Error where a product differs, since the bound does not hold on such a device
 */
export async function checkExact(product: IntegerProduct, depth: number): Promise<void> {
  const levels = exactLevels(depth);
  const rows = new Uint8Array(4 * depth);
  const data = new Int8Array(depth * PANEL);
  for (let i = 0; i < depth; i++) {
    rows[i] = ZERO_POINT + levels;
    for (let row = 1; row < 4; row++) rows[row * depth + i] = ZERO_POINT + ((i * 37 * row) % (2 * levels + 1)) - levels;
    data.fill(levels, i * PANEL, i * PANEL + STRIP);
    for (let c = STRIP; c < PANEL; c++) data[i * PANEL + c] = ((i * 29 + c * 53) % (2 * levels + 1)) - levels;
  }
  const products = await product.products(rows, { data, count: 1 });
  for (let row = 0; row < 4; row++) {
    for (let c = 0; c < PANEL; c++) {
      let expected = 0;
      for (let i = 0; i < depth; i++) expected += (rows[row * depth + i] - ZERO_POINT) * data[i * PANEL + c];
      const found = products[row * PANEL + c];
      if (found !== expected) {
        throw new Error(
          `the device gives ${found} for a product of codes that is ${expected}, expected exact sums below 2^24`,
        );
      }
    }
  }
}
