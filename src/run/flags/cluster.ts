import { UsageError } from "../../errors.js";
import type { ClusterOptions } from "../options.js";
import { isDedupFolder } from "../work/dedup-folder.js";
import { parseNumber, single, type Value } from "./parse.js";
import { type SharedFlags, sharedOptions } from "./shared.js";

/** Every name of `ClusterFlags` beside the shared ones. */
export const CLUSTER_NAMES = ["k", "strictK", "iterations", "tolerance", "starts", "spherical", "labels"];

/** The flags of bge-cluster as a person or a program gives them. */
export interface ClusterFlags extends SharedFlags {
  /** Number of clusters (50); `auto` lets the vectors decide. */
  readonly k?: Value;
  /** Ends with an error where there are fewer distinct texts than `k`, which else make fewer clusters (false). */
  readonly strictK?: boolean;
  /** Most iterations of Lloyd's algorithm (50). */
  readonly iterations?: Value;
  /** Relative shift of the centroids at which the iterations end (1e-4). */
  readonly tolerance?: Value;
  /** Runs from different seeds, of which the one with the least inertia counts (1). */
  readonly starts?: Value;
  /** Centroids of unit length: clusters by cosine alone (false). */
  readonly spherical?: boolean;
  /** Key terms of each cluster (5). */
  readonly labels?: Value;
}

/**
 * Checks the flags of bge-cluster and fills in the defaults. Clusters of a bge-dedup folder go into that folder unless
 * `out` says otherwise.
 * @throws UsageError naming the flag, its value and what was expected
 */
export function clusterOptions(flags: ClusterFlags, inputs: readonly string[]): ClusterOptions {
  const count = (flag: string, value: Value, min: number, max: number) =>
    parseNumber(flag, single(flag, value), { min, max, integer: true });
  const { k = 50, iterations = 50, tolerance = 1e-4, starts = 1, spherical = false, labels = 5 } = flags;
  const auto = single("k", k) === "auto";
  if (auto && flags.strictK) {
    throw new UsageError("--strict-k guards a number of clusters that you give; with --k auto leave it out");
  }
  return {
    ...sharedOptions(flags, inputs, flags.out ?? (isDedupFolder(inputs) ? inputs[0] : "bge-out")),
    k: auto ? "auto" : clusterCount(k),
    strictK: flags.strictK ?? false,
    iterations: count("iterations", iterations, 1, 1_000_000),
    tolerance: parseNumber("tolerance", single("tolerance", tolerance), { min: 0, max: 1 }),
    starts: count("starts", starts, 1, 10_000),
    spherical,
    labels: count("labels", labels, 0, 100),
  };
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
