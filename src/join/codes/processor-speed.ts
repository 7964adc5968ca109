import type { Engine } from "../../onnx/engine.js";
import { ZERO_POINT } from "./code-book.js";
import { createIntegerProduct, type IntegerProduct, MOST_PANELS, PANEL } from "./tile-product.js";

/** What a processor makes of products of codes. */
export interface ProcessorSpeed {
  /** L: the largest level of codes whose products are exact. */
  readonly levels: number;
  /** Nanoseconds of a pair's product, by the depth of the codes. */
  pairNs(depth: number): number;
}

/** L where two products are added in 16 bits, see `saturates`: 2 · (128 + 79) · 79 = 32,706 < 2^15. */
const SATURATING_LEVELS = 79;
/** Depths that are timed. The time of a product is a line: multiplications, and maxima that are the same at any depth. */
const DEPTHS = [64, 256];
/** Rows and runs of a timed product. */
const TIMED = { rows: 256, runs: 3 };
/**
 * Numbers of rows of a call that are timed. The int32 products of 512 rows and 320 columns take 640 KiB. More rows are not
 * tried: with the few panels of a trial they look equally fast about half the time, and a join that used them took 7 %
 * longer.
 */
const CALL_ROWS = [256, 512];

/** Times products of this thread at two depths, and tries whether they are exact for the largest codes. */
export async function timeProcessor(engine: Engine): Promise<ProcessorSpeed> {
  const ns: number[] = [];
  let levels = 127;
  for (const depth of DEPTHS) {
    const product = createIntegerProduct(engine, depth);
    if (depth === DEPTHS[0] && (await saturates(product, depth))) levels = SATURATING_LEVELS;
    ns.push(await timeProduct(product, depth, TIMED.rows));
    await product.release();
  }
  const slope = Math.max(0, (ns[1] - ns[0]) / (DEPTHS[1] - DEPTHS[0]));
  return { levels, pairNs: (depth) => Math.max(ns[0] / 4, ns[0] + slope * (depth - DEPTHS[0])) };
}

/** The number of rows of a call at which the product is fastest, and nanoseconds of a pair with it. */
export async function timeCalls(product: IntegerProduct, depth: number) {
  let productNs = Number.POSITIVE_INFINITY;
  let callRows = CALL_ROWS[0];
  for (const rows of CALL_ROWS) {
    const ns = await timeProduct(product, depth, rows);
    if (ns >= productNs) continue;
    productNs = ns;
    callRows = rows;
  }
  return { productNs, callRows };
}

/** Least nanoseconds of a pair over some calls. Values do not matter to the time of a product. */
async function timeProduct(product: IntegerProduct, depth: number, rows: number): Promise<number> {
  const panels = { data: new Int8Array(MOST_PANELS * depth * PANEL), count: MOST_PANELS };
  const bytes = new Uint8Array(rows * depth).fill(ZERO_POINT);
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < TIMED.runs; run++) {
    const start = performance.now();
    await product.maxima(bytes, panels);
    best = Math.min(best, (1e6 * (performance.now() - start)) / (rows * MOST_PANELS * PANEL));
  }
  return best;
}

/**
 * True where the machine gives wrong products of unsigned by signed bytes for large values: without VNNI, x86 adds two
 * products in 16 bits and saturates.
 */
async function saturates(product: IntegerProduct, depth: number): Promise<boolean> {
  const columns = { data: new Int8Array(depth * PANEL).fill(127), count: 1 };
  for (const rows of [1, 64]) {
    const products = await product.products(new Uint8Array(rows * depth).fill(255), columns);
    if (products.some((value) => value !== 127 * 127 * depth)) return true;
  }
  return false;
}
