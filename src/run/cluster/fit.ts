import { createBreaks } from "../../breaks.js";
import { type ChosenK, chooseK } from "../../cluster/choose-k.js";
import { countDistinct } from "../../cluster/distinct.js";
import { type KMeansResult, kmeans } from "../../cluster/kmeans.js";
import { membersByDistance, outlierShares } from "../../cluster/members.js";
import { chooseRepresentatives } from "../../cluster/representatives.js";
import { UsageError } from "../../errors.js";
import { createOrtEngine } from "../../onnx/ort-engine.js";
import type { Reporter } from "../../reporter.js";
import type { VectorReader } from "../../vectors/reader.js";
import { rowWorkers } from "../../workers/row-workers.js";
import type { ClusterOptions, SharedClustering } from "../options.js";
import { vectorBudget } from "../work/memory.js";
import type { ClusterRows } from "../write/cluster-rows.js";
import type { Clustering } from "../write/clusters.js";
import type { FoundDrift } from "./drift.js";

/** Rows that are read at once to count the vectors that can be told apart. */
const COUNTED_ROWS = 1024;

/** Number of representatives of each cluster. */
const REPRESENTATIVES = 3;

/** Candidates that `--k auto` tries as a rule, for the bar. */
const CANDIDATES = 20;

/** The rows of a run with their vectors, and how the run clusters them. */
export interface Finding {
  readonly options: ClusterOptions;
  readonly rows: ClusterRows;
  readonly vectors: VectorReader;
  readonly reporter: Reporter;
  /** Machines that share the rows of k-means; threads of this process where absent. */
  readonly shared?: SharedClustering;
  readonly signal?: AbortSignal;
}

/** The clusters of a run. */
export interface FoundClusters {
  readonly result: Clustering;
  /** Why there are so many of them, where that was not given. */
  readonly chosen?: ChosenK;
  /** What has changed since the former clusters, where there are any. */
  readonly drift?: FoundDrift;
}

/**
 * Runs k-means over the distinct vectors of the rows. Each vector weighs as many rows as have it, so that copies count
 * without being computed again.
 * @param start.k number of clusters, at most that of the distinct vectors
 * @param start.centroids where to start in place of seeding; the clusters are then numbered as these
 * @param start.leastGain as `kmeans` has it
 */
export async function fitClusters(
  { options, rows, vectors, reporter, shared, signal }: Finding,
  start: {
    readonly k: number;
    readonly spherical: boolean;
    readonly centroids?: Float32Array;
    readonly leastGain?: number;
  },
): Promise<KMeansResult> {
  const { centroids, ...settings } = start;
  const total = rows.positions.length;
  const { starts, iterations, threads } = options;
  // Progress counts rows: a start seeds once, iterates at most `iterations` times and measures the result once.
  const perStart = total * (iterations + 2);
  const stage = reporter.stage("k-means", starts * perStart);
  const found = await kmeans({
    vectors,
    positions: rows.positions,
    weights: rows.weights,
    ...settings,
    iterations,
    tolerance: options.tolerance,
    starts,
    start: centroids,
    keepNumbers: centroids !== undefined,
    seed: options.seed,
    engine: createOrtEngine({ threads }),
    workers: shared?.workers(rows.storePath, signal) ?? rowWorkers(threads, rows.storePath),
    saved: shared?.saved,
    memory: vectorBudget(options.memory),
    onProgress: ({ start, iteration, done }) => stage.advance((start - 1) * perStart + iteration * total + done, total),
    signal,
  });
  stage.end();
  return found;
}

/** Finds what shows each cluster to a person: typical rows, and how far out each row lies. */
export async function describeClusters(
  { rows, vectors, signal }: Finding,
  { assignment, distances, sizes }: Pick<KMeansResult, "assignment" | "distances" | "sizes">,
): Promise<Pick<Clustering, "outliers" | "representatives">> {
  const members = membersByDistance({ assignment, distances, k: sizes.length });
  const representatives = await chooseRepresentatives({
    vectors,
    positions: rows.positions,
    members,
    count: REPRESENTATIVES,
    pause: createBreaks(signal),
  });
  return { outliers: outlierShares({ members, distances, weights: rows.weights }), representatives };
}

/** The number of clusters that the vectors themselves suggest. */
export async function chosenK(
  { options, rows, vectors, reporter, signal }: Finding,
  spherical: boolean,
): Promise<ChosenK> {
  const { seed, threads, memory } = options;
  // The number of candidates is not known before.
  const stage = reporter.stage("choose k", CANDIDATES);
  const chosen = await chooseK({
    vectors,
    positions: rows.positions,
    spherical,
    seed,
    engine: createOrtEngine({ threads }),
    memory: vectorBudget(memory),
    onCandidate: (tried) => stage.advance(Math.min(tried, CANDIDATES)),
    signal,
  });
  stage.end();
  return chosen;
}

/**
 * The number of clusters that was asked for, or of the vectors that can be told apart where there are fewer.
 * @throws UsageError with `--strict-k` where there are fewer
 */
export async function possibleK({ options, rows, vectors }: Finding, wanted: number): Promise<number> {
  const distinct = await countDistinct(vectors, rows.positions, wanted, COUNTED_ROWS);
  if (options.strictK && distinct < wanted) {
    const asked = options.k === undefined && options.like ? `the ${wanted} clusters of --like` : `--k ${wanted}`;
    throw new UsageError(
      `${asked} ${options.k === undefined ? "are" : "is"} more than there are texts to tell apart: ${distinct} in ` +
        `${rows.count} rows; lower --k, or leave out --strict-k`,
    );
  }
  return Math.min(wanted, distinct);
}
