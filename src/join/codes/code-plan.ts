import type { Engine } from "../../onnx/engine.js";
import type { VectorReader } from "../../vectors/reader.js";
import { createBasisLearner, type Directions } from "./basis.js";
import { type CodeBook, DEPTH_STEP, fitCodeBook, MOST_EXTRA } from "./code-book.js";
import { type Choice, chooseSize, costOfPairs, sizesToTry } from "./code-size.js";
import { exactLevels } from "./device-product.js";
import { timeCalls, timeProcessor } from "./processor-speed.js";
import { type CodeScale, createProjection, type Projection } from "./row-codes.js";
import { drawSample, fitRows, MOST_SAMPLED } from "./sample.js";
import { createIntegerProduct, type IntegerProduct } from "./tile-product.js";

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

/** Vectors that planning reads at most, of any number. */
export const MOST_PLANNED = MOST_SAMPLED;
/** Directions learnt at first; more, up to all, are learnt only where so many are too few. */
const STAGES = [96, 256, 640];
/** Factor by which the next stage takes longer than the one before, about. */
const STAGE_GROWTH = 2;
/** Depths of codes for a device are multiples of this. */
const DEVICE_STEP = 64;

/**
 * Chooses codes by trial. It learns directions from a sample, foretells on other sampled rows how many pairs the bound of
 * each number of directions lets through, and times the product on this machine. The size with the least cost for each
 * pair wins: a machine with slow integer products gets shorter codes, vectors whose cosines crowd near the threshold get
 * longer ones.
 *
 *     cost of a pair = product + strips to scan + survivors to measure + coding of a row / pairs of a row
 *
 * On a device the product's time is that of the device. Takes 0.1 to 0.5 s. The outcome of a join does not depend on the
 * plan.
 * @param kept vectors that are not compared with each other; none by default
 * @throws the signal's reason once that is aborted
 */
export async function planCodes(options: PlanOptions, kept: Uint32Array = new Uint32Array(0)): Promise<CodePlan> {
  const { vectors, order, threshold, engine, wideEngine = engine, pairNs, signal } = options;
  const { dim } = vectors;
  const rows = options.whole?.rows ?? kept.length + order.length;
  const pairs = options.whole?.pairs ?? order.length * (order.length / 2 + kept.length);
  const onDevice = pairNs !== undefined;
  const sample = await drawSample(vectors, both(kept, order), { rows, onDevice });
  const speed = await timeProcessor(engine);
  const depthStep = onDevice ? DEVICE_STEP : DEPTH_STEP;
  const costs = costOfPairs({
    dim,
    rows,
    pairs,
    depthStep,
    productNs: pairNs ?? (async (depth) => speed.pairNs(depth)),
  });
  const learner = await createBasisLearner(wideEngine, sample.learnt, dim);
  try {
    let directions: Directions = { values: new Float64Array(0), size: 0 };
    let best: Choice = { size: 0, ns: 0, wasteNs: 0 };
    for (const stage of [...STAGES.filter((size) => size < dim), dim]) {
      signal?.throwIfAborted();
      const started = performance.now();
      directions = await learner.learn(stage, directions);
      const sizes = sizesToTry(directions.size, onDevice).filter((size) => size >= best.size);
      best = await chooseSize({
        engine: wideEngine,
        directions,
        sample,
        dim,
        sizes,
        threshold,
        levels: speed.levels,
        costs,
      });
      // A choice before the end is the best one, unless all sizes so far let nearly everything through. At the end, more
      // directions would have to save what learning them costs.
      if (directions.size < stage || (best.size < directions.size && best.wasteNs < best.ns / 2)) break;
      if (best.wasteNs * pairs < STAGE_GROWTH * 1e6 * (performance.now() - started)) break;
    }
    const basis = await learner.basisOf(directions, best.size);
    const projection = await createProjection(wideEngine, basis, dim);
    const coordinates = await projection.project(fitRows(sample, dim));
    const levels = Math.min(speed.levels, exactLevels(basis.size + MOST_EXTRA + depthStep));
    const book = fitCodeBook({ basis, dim, depthStep, levels, coordinates });
    const product = createIntegerProduct(engine, book.depth);
    return planOf({ book, ...(await timeCalls(product, book.depth)) }, projection, product);
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
  return planOf(learnt, await createProjection(wideEngine, basis, dim), createIntegerProduct(engine, depth));
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
