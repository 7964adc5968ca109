import { createBreaks } from "../../breaks.js";
import { type Assigned, assignRows } from "../../cluster/assign-rows.js";
import type { ChosenK } from "../../cluster/choose-k.js";
import type { KMeansResult } from "../../cluster/kmeans.js";
import { farDistance } from "../../cluster/like/drift.js";
import { idsOf, matchClusters } from "../../cluster/like/matching.js";
import { warmStart } from "../../cluster/like/warm-start.js";
import { medoids } from "../../cluster/measure.js";
import { createOrtEngine } from "../../onnx/ort-engine.js";
import { rowWorkers } from "../../workers/row-workers.js";
import type { ClusterOptions } from "../options.js";
import { vectorBudget } from "../work/memory.js";
import type { Clustering } from "../write/clusters.js";
import { findDrift } from "./drift.js";
import { chosenK, describeClusters, type Finding, type FoundClusters, fitClusters, possibleK } from "./fit.js";
import type { Former } from "./former.js";
import { requireSameModel } from "./same-model.js";

/**
 * Centroids move only where an update saves this part of the inertia. A centroid that lies off the mean of its rows by
 * 3 % of their root mean square distance costs as much; so far apart lie the means of two samples of 2,000 rows.
 */
const LEAST_GAIN = 1e-3;

/**
 * Goes on from former clusters: puts the rows into them, lets k-means start from there unless `--assign` says that
 * nothing may move, and finds which clusters are still the same, by the rows of today. A cluster that is the same keeps
 * its id and its key terms, and a new one gets an id that no cluster has ever had, so an id never changes its meaning.
 *
 * Fitting again moves rows at the borders of clusters, and most of these moves improve nothing. So centroids stay where
 * they are unless moving them pays, and rows that are those of the former run keep all their ids.
 * @throws UsageError if the vectors have not the dimension of the former centroids; as `possibleK`
 */
export async function continueClusters(finding: Finding & { readonly former: Former }): Promise<FoundClusters> {
  const { former, options, rows } = finding;
  requireSameModel(former, { ...rows.model, dim: finding.vectors.dim });
  const today = await assignToFormer(finding);
  const fits = options.like?.assign !== true && !atRest(former, today, options);
  const chosen = fits && options.k === "auto" ? await chosenK(finding, former.spherical) : undefined;
  const found = fits ? await fitOn(finding, today, chosen) : asTheyAre(former, today);
  const result: Clustering = {
    ...found,
    ...(await describeClusters(finding, found)),
    labels: keptLabels(former, found.ids),
    // An assignment says nothing of how far rows may lie: the distance of the last fit stays.
    farDistance: options.like?.assign ? former.farDistance : farDistance(found.distances, rows.weights),
  };
  const drift = findDrift({ former, today, result, means: fits ? found.centroids : today.means, rows });
  return { result, chosen, drift };
}

/** The rows of today in the former clusters. */
async function assignToFormer(finding: Finding & { readonly former: Former }): Promise<Assigned> {
  const { former, options, rows, vectors, reporter, shared, signal } = finding;
  const { threads, memory } = options;
  const stage = reporter.stage("assign", rows.positions.length);
  const today = await assignRows({
    vectors,
    positions: rows.positions,
    weights: rows.weights,
    centroids: former.centroids,
    spherical: former.spherical,
    engine: createOrtEngine({ threads }),
    workers: shared?.workers(rows.storePath, signal) ?? rowWorkers(threads, rows.storePath),
    memory: vectorBudget(memory),
    onProgress: (done) => stage.advance(done),
    signal,
  });
  stage.end();
  return today;
}

/**
 * Whether the former clusters stay as they are: they are as many as wanted, none of them is empty, and moving the
 * centroids to their rows would save next to nothing. Or the rows are those that the clusters were fitted to, as many in
 * each and with the same inertia to the last bit: a repeated run does not go on where a limit of iterations ended.
 */
function atRest(former: Former, today: Assigned, { k = former.ids.length }: ClusterOptions): boolean {
  if (k !== former.ids.length || today.sizes.includes(0)) return false;
  const same = former.inertia === today.inertia && former.sizes.every((size, j) => size === today.sizes[j]);
  return today.gain < LEAST_GAIN || (former.fitted && same);
}

/** Clusters with their ids, ascending, before anything describes them. */
type Identified = KMeansResult & Pick<Clustering, "ids" | "next">;

/** The former clusters with the rows of today. A cluster may be empty; it stays, so that its id does. */
function asTheyAre({ ids, next, centroids }: Former, today: Assigned): Identified {
  const { assignment, squared, sizes, inertia } = today;
  return {
    centroids,
    assignment,
    distances: Float32Array.from(squared, Math.sqrt),
    sizes,
    medoids: medoids(assignment, squared, ids.length),
    inertia,
    iterations: 0,
    converged: true,
    ids,
    next,
  };
}

/** Runs k-means from the former centroids on. */
async function fitOn(
  finding: Finding & { readonly former: Former },
  today: Assigned,
  chosen: ChosenK | undefined,
): Promise<Identified> {
  const { former, options, rows, vectors, signal } = finding;
  const wanted = options.k === undefined || options.k === "auto" ? former.ids.length : options.k;
  const k = chosen?.k ?? (await possibleK(finding, wanted));
  const centroids = await warmStart({
    ...today,
    centroids: former.centroids,
    vectors,
    positions: rows.positions,
    weights: rows.weights,
    k,
    seed: options.seed,
    pause: createBreaks(signal),
  });
  const found = await fitClusters(finding, { k, centroids, spherical: former.spherical, leastGain: LEAST_GAIN });
  const partner = matchClusters({
    before: today.assignment,
    now: found.assignment,
    weights: rows.weights,
    former: former.ids.length,
    k,
  });
  return inOrderOfIds(found, idsOf({ partner, ids: former.ids, next: former.next }));
}

/** Numbers the clusters so that their ids ascend. */
function inOrderOfIds(found: KMeansResult, { ids, next }: Pick<Clustering, "ids" | "next">): Identified {
  const order = Array.from(ids.keys()).sort((a, b) => ids[a] - ids[b]);
  const dim = found.centroids.length / ids.length;
  const numberOf = new Int32Array(ids.length);
  const centroids = new Float32Array(found.centroids.length);
  for (const [number, slot] of order.entries()) {
    numberOf[slot] = number;
    centroids.set(found.centroids.subarray(slot * dim, (slot + 1) * dim), number * dim);
  }
  return {
    ...found,
    centroids,
    assignment: found.assignment.map((slot) => numberOf[slot]),
    sizes: Uint32Array.from(order, (slot) => found.sizes[slot]),
    medoids: Int32Array.from(order, (slot) => found.medoids[slot]),
    ids: Int32Array.from(order, (slot) => ids[slot]),
    next,
  };
}

/** The key terms of each cluster that is a former one and had any. */
function keptLabels(former: Former, ids: Int32Array): (readonly string[] | undefined)[] {
  const labelOf = new Map(former.labels.map((label, cluster) => [former.ids[cluster], label]));
  return Array.from(ids, (id) => {
    const label = labelOf.get(id);
    return label?.length ? label : undefined;
  });
}
