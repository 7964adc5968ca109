import type { Engine } from "../../onnx/engine.js";
import { cosine } from "../../vectors/cosine.js";
import { gatherInAnyOrder, samplePositions } from "../../vectors/gather.js";
import type { VectorReader } from "../../vectors/reader.js";
import { PairList } from "../pair-list.js";
import { createBasisLearner } from "./basis.js";
import { type CodeBook, EXTRA_COMPONENTS, fitCodeBook } from "./code-book.js";
import { allOf, ColumnCodes } from "./column-codes.js";
import { exactLevels } from "./device-product.js";
import { IntegerScreen } from "./integer-screen.js";
import { allocateCodes, type CodeScale, createProjection, encodeRows, type Projection } from "./row-codes.js";
import { createIntegerProduct, type IntegerProduct, PANEL, STRIP } from "./tile-product.js";

/** What a trial has found: numbers alone, of use to any join of similar vectors on this machine. */
export interface LearntCodes {
  readonly book: CodeBook;
  /** Rows of one call at which the product was fastest. */
  readonly callRows: number;
  /** Nanoseconds that the product of one pair took. */
  readonly productNs: number;
}

/** The codes of one join, and the kernels that make and multiply them. The caller releases the kernels. */
export interface CodePlan extends LearntCodes {
  /** The numbers of the book that hosts of columns need. */
  readonly scale: CodeScale;
  /** Computes the coordinates of rows. */
  readonly projection: Projection;
  /** Multiplies codes in this thread. */
  readonly product: IntegerProduct;
  /** Frees projection and product. */
  release(): Promise<void>;
}

/** What planning needs; see `JoinOptions`. */
export interface PlanOptions {
  readonly vectors: VectorReader;
  /** Vectors to be compared with each other and with those of `kept`. */
  readonly order: Uint32Array;
  /** Rows and pairs that the codes are for, where `order` is only a sample of them. */
  readonly whole?: { readonly rows: number; readonly pairs: number };
  readonly threshold: number;
  readonly engine: Engine;
  readonly wideEngine?: Engine;
  /** Nanoseconds of a pair's product on the device that multiplies most of them, by the depth of the codes. */
  readonly pairNs?: (depth: number) => Promise<number>;
  readonly signal?: AbortSignal;
}

/**
 * Sampled rows from which basis and scale are learnt. More rows cost time and let fewer pairs through, which pays where
 * there are many pairs; hence a share of all rows between two limits.
 */
const LEARN_ROWS = { least: 2048, most: 8192, share: 1 / 24 };
/** Of the rows learnt from, as many at even distances serve to fit scale and centre. */
const FIT_ROWS = 1024;
/**
 * Sampled rows on which a code is tried; more for a device, whose products are so cheap that one needless survivor in a
 * hundred million pairs counts: 8,192 rows have 34 million pairs.
 */
const TRIAL_ROWS = { processor: 1024, device: 8192 };
/** Vectors that planning reads at most, of any number. */
export const MOST_PLANNED = LEARN_ROWS.most + TRIAL_ROWS.processor;
/**
 * Numbers of rows that are timed. The int32 products of 512 rows and 320 columns take 640 KiB. More rows are not tried:
 * with the few panels of a trial they look equally fast about half the time, and a join that used them took 7 % longer.
 */
const CALL_ROWS = [256, 512];
/** Rough costs in nanoseconds: one multiplication in a plain loop, and coding one component of a row. */
const LOOP_NS = 1;
const CODE_NS = 5;
/** Deeper codes are not tried once the surviving pairs cost less than this share of the product. */
const NEGLIGIBLE = 0.1;
/** Upper limit of the factor by which doubling the depth prolongs a trial, whose largest part is cubic in the depth. */
const TRIAL_GROWTH = 5;
/** Surviving pairs that are measured, to learn the share of true near-duplicates, which survive at any depth. */
const MEASURED_PAIRS = 1000;

/**
 * Chooses the depth of the codes by trial. For growing depths it learns a basis from a sample, times the product on
 * this machine, and counts on other sampled rows how many pairs the bound lets through. The depth with the least cost
 * for each pair wins: a machine with slow integer products gets shorter codes, isotropic vectors or a low threshold get
 * longer ones.
 *
 *     cost of a pair = product + needless survivors · (scan of a strip + measure) + coding of a row / pairs of a row
 *
 * On a device the product's time is that of the device. Takes about 0.1 s for each depth tried. The outcome of a join
 * does not depend on the plan.
 * @param kept vectors that are not compared with each other; none by default
 * @throws the signal's reason once that is aborted
 */
export async function planCodes(options: PlanOptions, kept: Uint32Array = new Uint32Array(0)): Promise<CodePlan> {
  const { vectors, order, threshold, engine, wideEngine = engine, pairNs, signal } = options;
  const { dim } = vectors;
  const rows = options.whole?.rows ?? kept.length + order.length;
  const pairs = options.whole?.pairs ?? order.length * (order.length / 2 + kept.length);
  const learnRows = Math.min(LEARN_ROWS.most, Math.max(LEARN_ROWS.least, Math.round(LEARN_ROWS.share * rows)));
  const mostTried = pairNs === undefined ? TRIAL_ROWS.processor : TRIAL_ROWS.device;
  const positions = samplePositions(both(kept, order), learnRows + mostTried);
  const sample = new Float32Array(positions.length * dim);
  await gatherInAnyOrder(vectors, positions, sample);
  // Where there are enough rows, none of the trial rows is learnt from: a basis flatters the rows it was learnt from.
  const learntRows = Math.max(1, positions.length - mostTried);
  const trialRows = sample.subarray(Math.max(0, positions.length - mostTried) * dim);
  const fitRows = everyNthRow(sample, learntRows, dim);
  const learner = await createBasisLearner(wideEngine, sample.subarray(0, learntRows * dim), dim);
  let best: { plan: CodePlan; cost: number } | undefined;
  try {
    for (const depth of depthsToTry(dim)) {
      signal?.throwIfAborted();
      const started = performance.now();
      const deviceNs = await pairNs?.(depth);
      const basis = await learner.learn(depth - EXTRA_COMPONENTS);
      const projection = await createProjection(wideEngine, basis, dim);
      const product = await createIntegerProduct(engine, depth);
      const levels = (await saturates(product, depth)) ? 63 : exactLevels(depth);
      const coordinates = await projection.project(fitRows);
      const book = fitCodeBook({ basis, dim, depth, levels, coordinates });
      const { productNs, survivorNs, callRows } = await tryPlan({ book, projection, product }, trialRows, threshold);
      const plan = planOf({ book, callRows, productNs }, projection, product);
      const pairCost = deviceNs ?? productNs;
      const cost = pairCost + survivorNs + (CODE_NS * depth * rows) / pairs;
      if (best === undefined || cost < best.cost) {
        await best?.plan.release();
        best = { plan, cost };
      } else await plan.release();
      if (survivorNs < NEGLIGIBLE * pairCost) break;
      if (survivorNs * pairs < TRIAL_GROWTH * 1e6 * (performance.now() - started)) break;
    }
    return (best as { plan: CodePlan; cost: number }).plan;
  } catch (error) {
    await best?.plan.release();
    throw error;
  } finally {
    await learner.release();
  }
}

/** Learns codes as `planCodes` does, for joins to come. Nothing of the result has to be released. */
export async function learnCodes(options: PlanOptions): Promise<LearntCodes> {
  const { book, callRows, productNs, release } = await planCodes(options);
  await release();
  return { book, callRows, productNs };
}

/** Compiles the kernels of codes that were learnt before. */
export async function openCodes(
  learnt: LearntCodes,
  { engine, wideEngine = engine }: Pick<PlanOptions, "engine" | "wideEngine">,
): Promise<CodePlan> {
  const { basis, dim, depth } = learnt.book;
  return planOf(learnt, await createProjection(wideEngine, basis, dim), await createIntegerProduct(engine, depth));
}

function planOf(learnt: LearntCodes, projection: Projection, product: IntegerProduct): CodePlan {
  const { depth, scale, base, slack, usualLength } = learnt.book;
  return {
    ...learnt,
    scale: { depth, scale, base, slack, usualLength },
    projection,
    product,
    async release() {
      await Promise.all([projection.release(), product.release()]);
    },
  };
}

/** The positions of `kept`, then those of `order`. */
function both(kept: Uint32Array, order: Uint32Array): Uint32Array {
  if (kept.length === 0) return order;
  const all = new Uint32Array(kept.length + order.length);
  all.set(kept);
  all.set(order, kept.length);
  return all;
}

/** Copies about FIT_ROWS of the first `count` rows, at even distances. */
function everyNthRow(rows: Float32Array, count: number, dim: number): Float32Array {
  const stride = Math.ceil(count / FIT_ROWS);
  const thinned = new Float32Array(Math.ceil(count / stride) * dim);
  for (let row = 0, to = 0; row < count; row += stride, to += dim) {
    thinned.set(rows.subarray(row * dim, (row + 1) * dim), to);
  }
  return thinned;
}

/**
 * Doubling depths from 128 up to the one that holds every component. For 1,024 components: 128, 256, 512, 1024, 1088.
 */
function depthsToTry(dim: number): number[] {
  const whole = Math.ceil((dim + EXTRA_COMPONENTS) / 64) * 64;
  const depths: number[] = [];
  for (let depth = 128; depth < whole; depth *= 2) depths.push(depth);
  return [...depths, whole];
}

/**
 * Tries codes on rows: nanoseconds a pair for the product, for the needless survivors, and the best number of rows a
 * call.
 */
async function tryPlan(
  { book, projection, product }: Pick<CodePlan, "book" | "projection" | "product">,
  trialRows: Float32Array,
  threshold: number,
) {
  const count = trialRows.length / book.dim;
  const codes = allocateCodes(book, count);
  encodeRows(book, await projection.project(trialRows), count, codes, 0);
  const columns = new ColumnCodes();
  columns.append(book, codes, allOf(count));
  const screen = new IntegerScreen(book, product, threshold, count);
  const pairs = new PairList();
  await screen.within(codes, columns, pairs);
  // Each needless survivor costs the scan of a strip and a measure.
  const measured = Math.min(pairs.length, MEASURED_PAIRS);
  let near = 0;
  for (let i = 0; i < measured; i++) {
    const pair = Math.floor((i * pairs.length) / measured);
    const [r, c] = [pairs.rows[pair] * book.dim, pairs.columns[pair] * book.dim];
    if (cosine(trialRows, r, trialRows, c, book.dim) >= threshold) near++;
  }
  const inVain = pairs.length * (1 - near / Math.max(1, measured));
  const survivors = inVain / Math.max(1, (count * (count - 1)) / 2);
  const survivorNs = survivors * LOOP_NS * (STRIP * book.depth + book.dim);
  const panels = columns.panels(book.depth, 0, Math.min(product.mostPanels, columns.panels(book.depth).count));
  let productNs = Number.POSITIVE_INFINITY;
  let callRows = CALL_ROWS[0];
  for (let run = 0; run < 3; run++) {
    for (const size of CALL_ROWS) {
      if (size > count && size !== CALL_ROWS[0]) continue;
      const rows = codes.bytes.subarray(0, size * book.depth);
      const start = performance.now();
      await product.maxima(rows, panels);
      const ns = (1e6 * (performance.now() - start)) / ((rows.length / book.depth) * panels.count * PANEL);
      if (ns >= productNs) continue;
      productNs = ns;
      callRows = size;
    }
  }
  return { productNs, survivorNs, callRows };
}

/**
 * True where the machine gives wrong products of unsigned by signed bytes for large values. Without VNNI, x86 adds two
 * products in 16 bits and saturates. |q| <= 63 is safe there: 2 · (128 + 63) · 63 = 24,066 < 2^15.
 */
async function saturates(product: IntegerProduct, depth: number): Promise<boolean> {
  const columns = { data: new Int8Array(depth * PANEL).fill(127), count: 1 };
  for (const rows of [1, 64]) {
    const products = await product.products(new Uint8Array(rows * depth).fill(255), columns);
    if (products.some((value) => value !== 127 * 127 * depth)) return true;
  }
  return false;
}
