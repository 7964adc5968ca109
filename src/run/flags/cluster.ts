import { UsageError } from "../../errors.js";
import type { ClusterOptions, LikeChoice } from "../options.js";
import { isDedupFolder } from "../work/dedup-folder.js";
import { parseNumber, single, textOf, type Value } from "./parse.js";
import { type SharedFlags, sharedOptions } from "./shared.js";

/** Every name of `ClusterFlags` beside the shared ones. */
export const CLUSTER_NAMES = [
  "k",
  "strictK",
  "iterations",
  "tolerance",
  "starts",
  "spherical",
  "labels",
  "like",
  "assign",
];

/** The flags of bge-cluster as a person or a program gives them. */
export interface ClusterFlags extends SharedFlags {
  /** Number of clusters (50, or as many as `like` has); `auto` lets the vectors decide. */
  readonly k?: Value;
  /** Ends with an error where there are fewer distinct texts than `k`, which else make fewer clusters (false). */
  readonly strictK?: boolean;
  /** Most iterations of Lloyd's algorithm (50). */
  readonly iterations?: Value;
  /** Relative shift of the centroids at which the iterations end (1e-4). */
  readonly tolerance?: Value;
  /** Runs from different seeds, of which the one with the least inertia counts (1). */
  readonly starts?: Value;
  /** Centroids of unit length: clusters by cosine alone (false, or as `like` has them). */
  readonly spherical?: boolean;
  /** Key terms of each cluster (5). */
  readonly labels?: Value;
  /** Folder of earlier clusters to go on from: clusters that are the same keep their ids and key terms. */
  readonly like?: string;
  /** Puts the rows into the clusters of `like` as they are, without fitting (false). */
  readonly assign?: boolean;
}

/**
 * Checks the flags of bge-cluster and fills in the defaults. Clusters of a bge-dedup folder go into that folder unless
 * `out` says otherwise.
 * @throws UsageError naming the flag, its value and what was expected
 */
export function clusterOptions(flags: ClusterFlags, inputs: readonly string[]): ClusterOptions {
  const count = (flag: string, value: Value, min: number, max: number) =>
    parseNumber(flag, single(flag, value), { min, max, integer: true });
  const like = likeChoice(flags);
  const { iterations = 50, tolerance = 1e-4, starts = 1, labels = 5 } = flags;
  const { k = like ? undefined : 50, spherical = like ? undefined : false } = flags;
  const auto = k !== undefined && single("k", k) === "auto";
  if (auto && flags.strictK) {
    throw new UsageError("--strict-k guards a number of clusters that you give; with --k auto leave it out");
  }
  return {
    ...sharedOptions(flags, inputs, flags.out ?? (isDedupFolder(inputs) ? inputs[0] : "bge-out")),
    ...(k === undefined ? {} : { k: auto ? "auto" : clusterCount(k) }),
    strictK: flags.strictK ?? false,
    iterations: count("iterations", iterations, 1, 1_000_000),
    tolerance: parseNumber("tolerance", single("tolerance", tolerance), { min: 0, max: 1 }),
    starts: count("starts", starts, 1, 10_000),
    ...(spherical === undefined ? {} : { spherical }),
    labels: count("labels", labels, 0, 100),
    ...(like === undefined ? {} : { like }),
  };
}

/**
 * The earlier clusters to go on from.
 * @throws UsageError for `--assign` without them, or beside a flag that says how to fit
 */
function likeChoice({ like, assign = false, k, strictK, starts = 1 }: ClusterFlags): LikeChoice | undefined {
  if (like === undefined) {
    if (assign) throw new UsageError("--assign needs --like, the folder whose clusters take the rows");
    return undefined;
  }
  if (assign && (k !== undefined || strictK)) {
    const flag = k === undefined ? "--strict-k" : "--k";
    throw new UsageError(`--assign takes the clusters of --like as they are; leave out ${flag}`);
  }
  if (Number(starts) !== 1) {
    throw new UsageError(`--like is the only start; leave out --starts ${String(starts)}`);
  }
  return { folder: textOf("like", like), assign };
}

/** @throws UsageError, which also names the word that stands for a number */
function clusterCount(k: Value): number {
  try {
    return parseNumber("k", single("k", k), { min: 1, max: 2 ** 31 - 1, integer: true });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}, or auto`);
  }
}
