import type { Engine } from "../../onnx/engine.js";
import type { Directions } from "./basis.js";
import { DEPTH_STEP, MOST_EXTRA } from "./code-book.js";
import { stripNs } from "./integer-screen.js";
import { createProjection } from "./row-codes.js";
import type { Sample } from "./sample.js";
import { type Survival, survivalOf } from "./survival.js";
import { STRIP } from "./tile-product.js";

/** A number of coordinates for codes. */
export interface Choice {
  readonly size: number;
  /** Nanoseconds that a pair costs. */
  readonly ns: number;
  /** Nanoseconds a pair of these that go into strips and pairs which survive. */
  readonly wasteNs: number;
}

/** Nanoseconds a pair of codes of a size that let `survival` through. */
export type PairCosts = (survival: Survival) => Promise<{ ns: number; wasteNs: number }>;

/** A strip costs at most what the products of its pairs cost once more, with all of them fetched. */
const FETCH_NS = 2;
/** Nanoseconds in which float32 scores measure a pair that survives: each component, and the pair itself. */
const COMPONENT_NS = 0.15;
const PAIR_NS = 300;
/** Coding one component of a row. */
const CODE_NS = 3;
/** Costs fall and then rise with the size. Where they are this many times the least, it lies behind. */
const PAST = 1.2;
/** Digits of most codes. */
const USUAL_DIGITS = 3;
/** Share of the rows whose coordinates are this many standard deviations from the centre is negligible: codes reach so far. */
const DEVIATIONS = 4.5;

/**
 * Numbers of coordinates worth a trial, ascending, up to `most` and with it: steps of an eighth on a processor; on a
 * device, which is asked for its speed at each depth, those of depths 128, 256, 512 and so on.
 */
export function sizesToTry(most: number, onDevice: boolean): number[] {
  const sizes: number[] = [];
  if (onDevice) for (let depth = 128; depth - MOST_EXTRA < most; depth *= 2) sizes.push(depth - MOST_EXTRA);
  else for (let size = 24; size < most; size += Math.max(DEPTH_STEP, size >> 3)) sizes.push(size);
  return [...sizes, most];
}

/**
 * What a pair costs.
 * @param options.rows rows that are coded @param options.pairs pairs that they make
 * @param options.depthStep depths are multiples of this
 * @param options.productNs nanoseconds of a pair's product by the depth of the codes
 */
export function costOfPairs(options: {
  dim: number;
  rows: number;
  pairs: number;
  depthStep: number;
  productNs: (depth: number) => Promise<number>;
}): PairCosts {
  const { dim, rows, pairs, depthStep, productNs } = options;
  return async ({ size, pairs: survivors, strips }) => {
    const depth = Math.ceil((size + 1 + USUAL_DIGITS) / depthStep) * depthStep;
    const product = await productNs(depth);
    const scan = Math.min((strips * stripNs(depth)) / STRIP, product + FETCH_NS);
    const wasteNs = scan + survivors * (COMPONENT_NS * dim + PAIR_NS);
    return { ns: product + wasteNs + (CODE_NS * depth * rows) / pairs, wasteNs };
  };
}

/**
 * Chooses the number of directions with the least cost of a pair, by a trial on sampled vectors.
 * @param options.sizes numbers to choose from, ascending
 */
export async function chooseSize(options: {
  engine: Engine;
  directions: Directions;
  sample: Sample;
  dim: number;
  sizes: readonly number[];
  threshold: number;
  /** L of the codes. */
  levels: number;
  costs: PairCosts;
}): Promise<Choice> {
  const { engine, directions, sample, dim, sizes, threshold, levels, costs } = options;
  const width = directions.size;
  // Too few vectors to try anything on: codes of all directions let the least through.
  if (sample.columns.length === 0 || width === 0) return { size: width, ns: 0, wasteNs: 0 };
  const basis = { directions: Float32Array.from(directions.values), size: width, defect: 0 };
  const projection = await createProjection(engine, basis, dim);
  const [rows, columns] = [await projection.project(sample.rows), await projection.project(sample.columns)];
  await projection.release();
  const energy = centredEnergy(columns, width);
  const survivals = survivalOf({
    engine,
    rows,
    columns,
    width,
    sizes,
    threshold,
    margin: (size) => roundingMargin(energy[size], levels),
  });
  let best: Choice = { size: sizes[0], ns: Number.POSITIVE_INFINITY, wasteNs: 0 };
  for await (const survival of survivals) {
    const { ns, wasteNs } = await costs(survival);
    if (ns < best.ns) best = { size: survival.size, ns, wasteNs };
    else if (ns > PAST * best.ns) break;
  }
  return best;
}

/**
 * About how much rounding to codes adds to a bound: 2|e||w| of code-book.ts, with scale = DEVIATIONS standard deviations
 * of a coordinate / levels, and |e|² = size · scale² / 12.
 * @param energy mean of |w|² of codes of this size
 */
function roundingMargin(energy: number, levels: number): number {
  return (2 * DEVIATIONS * energy) / (levels * Math.sqrt(12));
}

/** Mean squared length of the first p coordinates around their mean, for every p up to `width`: width + 1 numbers. */
function centredEnergy(coordinates: Float32Array, width: number): Float64Array {
  const count = coordinates.length / width;
  const energy = new Float64Array(width + 1);
  for (let i = 0; i < width; i++) {
    let sum = 0;
    let squares = 0;
    for (let at = i; at < coordinates.length; at += width) {
      sum += coordinates[at];
      squares += coordinates[at] * coordinates[at];
    }
    energy[i + 1] = energy[i] + squares / count - (sum / count) ** 2;
  }
  return energy;
}
