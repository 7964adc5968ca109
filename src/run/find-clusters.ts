import { createBreaks } from "../breaks.js";
import { type ChosenK, chooseK } from "../cluster/choose-k.js";
import { countDistinct } from "../cluster/distinct.js";
import { kmeans } from "../cluster/kmeans.js";
import { membersByDistance, outlierShares } from "../cluster/members.js";
import { chooseRepresentatives } from "../cluster/representatives.js";
import { InputError, UsageError } from "../errors.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import type { Reporter } from "../reporter.js";
import type { VectorReader } from "../vectors/reader.js";
import { openVectorStore } from "../vectors/store.js";
import { rowWorkers } from "../workers/row-workers.js";
import type { ClusterOptions } from "./options.js";
import { vectorBudget } from "./work/memory.js";
import type { ClusterRows } from "./write/cluster-rows.js";
import type { Clustering } from "./write/clusters.js";

/** Rows that are read at once to count the vectors that can be told apart. */
const COUNTED_ROWS = 1024;

/** Number of representatives of each cluster. */
const REPRESENTATIVES = 3;

/** Candidates that `--k auto` tries as a rule, for the bar. */
const CANDIDATES = 20;

/** What `findClusters` needs of a run. */
interface Finding {
  readonly options: ClusterOptions;
  readonly rows: ClusterRows;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Chooses the number of clusters where it is `auto`, runs k-means over the distinct vectors of the rows, and finds what
 * shows each cluster to a person. Each vector weighs as many rows as have it, so that copies count without being
 * computed again. Fewer distinct vectors than `--k` make as many clusters.
 * @returns the clusters, and why there are so many of them where that was not given
 * @throws InputError if there is nothing to cluster; UsageError with `--strict-k` if `--k` is more than the number of
 * distinct vectors
 */
export async function findClusters(finding: Finding): Promise<{ result: Clustering; chosen?: ChosenK }> {
  const { options, rows, reporter, signal } = finding;
  const total = rows.positions.length;
  if (total === 0) {
    throw new InputError(`there is nothing to cluster: no text of ${rows.count} rows has a direction`);
  }
  const vectors = await openVectorStore(rows.storePath);
  try {
    const chosen = options.k === "auto" ? await chosenK(finding, vectors) : undefined;
    const k = chosen?.k ?? (await possibleK(finding, vectors));
    const { starts, iterations, threads } = options;
    // Progress counts rows: a start seeds once, iterates at most `iterations` times and measures the result once.
    const perStart = total * (iterations + 2);
    const stage = reporter.stage("k-means", starts * perStart);
    const found = await kmeans({
      vectors,
      positions: rows.positions,
      weights: rows.weights,
      k,
      iterations,
      tolerance: options.tolerance,
      starts,
      spherical: options.spherical,
      seed: options.seed,
      engine: createOrtEngine({ threads }),
      workers: rowWorkers(threads, rows.storePath),
      memory: vectorBudget(options.memory),
      onProgress: ({ start, iteration, done }) =>
        stage.advance((start - 1) * perStart + iteration * total + done, total),
      signal,
    });
    const members = membersByDistance({ ...found, k });
    const representatives = await chooseRepresentatives({
      vectors,
      positions: rows.positions,
      members,
      count: REPRESENTATIVES,
      pause: createBreaks(signal),
    });
    stage.end();
    const outliers = outlierShares({ members, distances: found.distances, weights: rows.weights });
    return { result: { ...found, outliers, representatives }, chosen };
  } finally {
    await vectors.close();
  }
}

/** The number of clusters that the vectors themselves suggest. */
async function chosenK({ options, rows, reporter, signal }: Finding, vectors: VectorReader): Promise<ChosenK> {
  const { spherical, seed, threads, memory } = options;
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

/** The number of clusters that was asked for, or of the vectors that can be told apart where there are fewer. */
async function possibleK({ options, rows }: Finding, vectors: VectorReader): Promise<number> {
  const { k, strictK } = options;
  const wanted = k as number;
  const distinct = await countDistinct(vectors, rows.positions, wanted, COUNTED_ROWS);
  if (strictK && distinct < wanted) {
    throw new UsageError(
      `--k ${wanted} is more than there are texts to tell apart: ${distinct} in ${rows.count} rows; lower it, or leave out --strict-k`,
    );
  }
  return Math.min(wanted, distinct);
}
