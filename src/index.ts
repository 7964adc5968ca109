/**
 * bge-dedup as a library: the functions behind the two commands and the two engines below them. Options are the flags
 * of the commands in camelCase, and a value in brackets is a default.
 *
 * Nothing is printed, and nothing ends the process. Errors are those of errors.ts, whose `exitCode` is the command's.
 * Every function may be called again and side by side in one process; of two runs into one output folder the second one
 * fails. A function loads what it needs at its first call.
 */

import type { KMeansResult } from "./cluster/kmeans.js";
import { UsageError } from "./errors.js";
import type { JoinResult } from "./join/judge.js";
import type { Calibration } from "./run/calibration.js";
import type { CalibrateFlags } from "./run/flags/calibrate.js";
import type { ClusterFlags } from "./run/flags/cluster.js";
import type { DedupFlags } from "./run/flags/dedup.js";
import type { Value } from "./run/flags/parse.js";
import { contextOf, type Progress, type RunHooks, reporterOf } from "./run/hooks.js";
import type { ClusterSummary, DedupSummary } from "./run/summary.js";
import type { VerifyReport } from "./run/verify.js";

/** The errors of a run; `exitCode` is that of the command. */
export { BrakeError, FailedRunError, InputError, UnavailableError, UsageError } from "./errors.js";
/** What the functions below return and tell. */
export type { Calibration, ClusterSummary, DedupSummary, JoinResult, KMeansResult, Progress, RunHooks, VerifyReport };

/** Options of `dedup`: the flags of bge-dedup. */
export interface DedupOptions extends DedupFlags, RunHooks {
  /** Files, folders, globs, or "-" for JSONL on `stdin`. */
  readonly inputs: string | readonly string[];
  /** What "-" reads (the process's standard input). */
  readonly stdin?: NodeJS.ReadableStream;
}

/** Options of `cluster`: the flags of bge-cluster. */
export interface ClusterOptions extends ClusterFlags, RunHooks {
  /** A folder that `dedup` wrote, whose kept rows are clustered, or raw inputs as of `dedup` (bge-out). */
  readonly inputs?: string | readonly string[];
  /** What "-" reads (the process's standard input). */
  readonly stdin?: NodeJS.ReadableStream;
}

/** Options of `calibrate`: the flags of bge-dedup calibrate. */
export interface CalibrateOptions extends Omit<CalibrateFlags, "out" | "fresh">, RunHooks {
  /** Inputs as of `dedup`, or a folder that `dedup` wrote, whose vectors and model are used. */
  readonly inputs: string | readonly string[];
  /** What "-" reads (the process's standard input). */
  readonly stdin?: NodeJS.ReadableStream;
}

/** Options of `verify`. */
export interface VerifyOptions extends RunHooks {
  /** A folder that `dedup` wrote. */
  readonly dir: string;
  /** Ceiling of resident memory, in bytes or as text such as "4GB" (4GB). */
  readonly memory?: Value;
  /** Number of threads that compute products (all cores). */
  readonly threads?: Value;
}

/** Options that `selfJoin` and `kmeans` share. */
interface VectorOptions {
  /** Unit vectors, n × dim, row-major. The array stays the caller's and must not change during the call. */
  readonly vectors: Float32Array;
  /** Number of components of each vector. */
  readonly dim: number;
  /** Number of threads (all cores). */
  readonly threads?: Value;
  /** Bytes that may be held beside the vectors, also as text such as "1GB" (1GB). */
  readonly memory?: Value;
  readonly signal?: AbortSignal;
}

/** Options of `selfJoin`. */
export interface SelfJoinOptions extends VectorOptions {
  /** Cosine in (0, 1] from which two vectors are near-duplicates. */
  readonly threshold: number;
  /** Every position once, in priority order: of two near-duplicates the earlier stays (0, 1, 2, …). */
  readonly order?: Uint32Array;
  /** A signature of each vector. Two vectors with different signatures are never merged. */
  readonly signatures?: BigUint64Array;
  /** Called with the number of vectors decided so far. */
  readonly onProgress?: (decided: number) => void;
}

/** Options of `kmeans`. */
export interface KMeansOptions extends VectorOptions {
  /** Number of clusters, at most the number of distinct vectors. */
  readonly k: number;
  /** Number of times that each vector counts, at least 1 (1). */
  readonly weights?: Uint32Array;
  /** Most iterations of a start (50). */
  readonly iterations?: number;
  /** Relative shift of the centroids at which the iterations end (1e-4). */
  readonly tolerance?: number;
  /** Seed of all random choices (0). */
  readonly seed?: number;
  /** Number of starts from different seeds; the start with the least inertia counts (1). */
  readonly starts?: number;
  /** Scales the centroids to unit length (false). */
  readonly spherical?: boolean;
  /** Called with the stage and the rows of it that are done. */
  readonly onProgress?: (progress: { stage: string; iteration: number; done: number; total: number }) => void;
}

/**
 * Removes near-duplicate rows as `bge-dedup` does and writes the output folder.
 * @returns the summary that `bge-dedup --json` prints
 * @throws UsageError, InputError, BrakeError or UnavailableError, which are the command's exit codes 2 to 5; any other
 * Error if the run failed and may be repeated
 */
export async function dedup(options: DedupOptions): Promise<DedupSummary> {
  const { inputs, signal, onProgress, onNote, stdin, ...flags } = given(options);
  const { DEDUP_NAMES, dedupOptions } = await import("./run/flags/dedup.js");
  const { inputsOf, requireKnown, SHARED_NAMES } = await import("./run/flags/shared.js");
  requireKnown(flags, [...SHARED_NAMES, ...DEDUP_NAMES]);
  const checked = dedupOptions(flags, inputsOf(inputs));
  const { runDedup } = await load(() => import("./run/dedup.js"));
  return runDedup(checked, contextOf({ signal, onProgress, onNote, stdin }, checked.inputs));
}

/**
 * Clusters rows as `bge-cluster` does and writes clusters.arrow and centroids.arrow.
 * @returns the summary that `bge-cluster --json` prints
 * @throws as `dedup`
 */
export async function cluster(options: ClusterOptions = {}): Promise<ClusterSummary> {
  const { inputs = "bge-out", signal, onProgress, onNote, stdin, ...flags } = given(options);
  const { CLUSTER_NAMES, clusterOptions } = await import("./run/flags/cluster.js");
  const { inputsOf, requireKnown, SHARED_NAMES } = await import("./run/flags/shared.js");
  requireKnown(flags, [...SHARED_NAMES, ...CLUSTER_NAMES]);
  const checked = clusterOptions(flags, inputsOf(inputs));
  const { runCluster } = await load(() => import("./run/cluster.js"));
  return runCluster(checked, contextOf({ signal, onProgress, onNote, stdin }, checked.inputs));
}

/**
 * Helps to choose a threshold on rows without labels, as `bge-dedup calibrate` does: planted damages tell what each
 * threshold finds, the rows themselves tell what it removes. Writes nothing.
 * @returns what `bge-dedup calibrate --json` prints: a table of thresholds, pairs near to each, a suggestion
 * @throws UsageError, InputError, BrakeError or UnavailableError as `dedup`
 */
export async function calibrate(options: CalibrateOptions): Promise<Calibration> {
  const { inputs, signal, onProgress, onNote, stdin, ...flags } = given(options);
  const { CALIBRATE_NAMES, calibrateOptions } = await import("./run/flags/calibrate.js");
  const { inputsOf, requireKnown, SHARED_NAMES } = await import("./run/flags/shared.js");
  const shared = SHARED_NAMES.filter((name) => name !== "out" && name !== "fresh");
  requireKnown(flags, [...shared, ...CALIBRATE_NAMES]);
  const checked = calibrateOptions(flags, inputsOf(inputs));
  const { runCalibrate } = await load(() => import("./run/calibrate.js"));
  return runCalibrate(checked, contextOf({ signal, onProgress, onNote, stdin }, checked.inputs));
}

/**
 * Proves the result of a run again from its files alone, as `bge-dedup verify` does.
 * @returns `ok`, or the first violation in words
 * @throws InputError if the folder is not one that `dedup` wrote in Arrow format
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { dir, memory, threads, signal, onProgress, onNote, ...others } = given(options);
  const { memoryOf, requireKnown, threadsOf } = await import("./run/flags/shared.js");
  requireKnown(others, ["dir", "memory", "threads", "signal", "onProgress", "onNote"]);
  if (typeof dir !== "string" || dir === "") throw new UsageError(`dir is ${dir}; expected a folder that dedup wrote`);
  const { verifyFolder } = await load(() => import("./run/verify.js"));
  const reporter = reporterOf({ onProgress, onNote });
  return verifyFolder({ folder: dir, memory: memoryOf(memory), threads: threadsOf(threads), reporter, signal });
}

/**
 * Joins vectors in memory with themselves, exactly: a vector is removed if an earlier vector that stays has a cosine >=
 * threshold with it, and stays otherwise. The result equals that of a float64 scan of all pairs.
 * @returns for each vector the vector that removed it, or -1 if it stays, and their cosine; the arrays are the caller's
 * @throws UsageError if a vector does not have length 1, the threshold is not in (0, 1], or `order` is not a
 * permutation
 */
export async function selfJoin(options: SelfJoinOptions): Promise<JoinResult> {
  const {
    vectors,
    dim,
    threshold,
    signatures,
    onProgress,
    signal,
    order: ordered,
    threads,
    memory,
    ...others
  } = given(options);
  const { memoryOf, requireKnown, threadsOf } = await import("./run/flags/shared.js");
  const { arrayReader } = await import("./vectors/array.js");
  requireKnown(others, [...VECTOR_NAMES, "threshold", "signatures", "order"]);
  const reader = arrayReader(vectors, dim);
  const order = ordered ?? Uint32Array.from({ length: reader.count }, (_, position) => position);
  if (!(threshold > 0 && threshold <= 1)) throw new UsageError(`threshold ${threshold} is not in (0, 1]`);
  requirePermutation(order, reader.count);
  if (signatures !== undefined && signatures.length !== reader.count) {
    throw new UsageError(`${signatures.length} signatures for ${reader.count} vectors; expected one for each`);
  }
  const [{ createOrtEngine }, { columnWorkers }, join] = await load(() =>
    Promise.all([import("./onnx/ort-engine.js"), import("./workers/column-workers.js"), import("./join/self-join.js")]),
  );
  return join.selfJoin({
    vectors: reader,
    order,
    threshold,
    signatures,
    engine: createOrtEngine({ threads: 1 }),
    wideEngine: createOrtEngine({ threads: threadsOf(threads) }),
    workers: columnWorkers(threadsOf(threads)),
    memory: memoryOf(memory ?? "1GB"),
    onProgress,
    signal,
  });
}

/**
 * Clusters vectors in memory by k-means. Each vector is assigned to the nearest centroid by float64 distance. The work
 * runs on the caller's thread and holds the thread for one tile of rows at a time.
 * @returns clusters numbered from the largest to the smallest; the arrays are the caller's
 * @throws UsageError if a vector does not have length 1, or if k exceeds the number of distinct vectors
 */
export async function kmeans(options: KMeansOptions): Promise<KMeansResult> {
  const { vectors, dim, threads, memory, k, weights, onProgress, signal, ...rest } = given(options);
  const { iterations, tolerance, seed, starts, spherical, ...others } = rest;
  const { memoryOf, requireKnown, threadsOf } = await import("./run/flags/shared.js");
  const { arrayReader } = await import("./vectors/array.js");
  requireKnown(others, [...VECTOR_NAMES, "k", "weights", "iterations", "tolerance", "seed", "starts", "spherical"]);
  const reader = arrayReader(vectors, dim);
  const [{ createOrtEngine }, { kmeans: run }] = await load(() =>
    Promise.all([import("./onnx/ort-engine.js"), import("./cluster/kmeans.js")]),
  );
  return run({
    vectors: reader,
    k,
    weights,
    iterations,
    tolerance,
    seed,
    starts,
    spherical,
    onProgress,
    signal,
    engine: createOrtEngine({ threads: threadsOf(threads) }),
    memory: memoryOf(memory ?? "1GB"),
  });
}

/**
 * Loads modules that use onnxruntime. Unless told otherwise, onnxruntime keeps usage figures for its makers in the
 * user's cache.
 */
function load<T>(modules: () => Promise<T>): Promise<T> {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  return modules();
}

/** Names of the options that `selfJoin` and `kmeans` share. */
const VECTOR_NAMES = ["vectors", "dim", "threads", "memory", "signal", "onProgress"];

/** The options that have a value: a program that is not checked by types may give null for those that it leaves out. */
function given<Options extends object>(options: Options): Options {
  const entries = Object.entries(options ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as Options;
}

/**
 * Checks that `order` holds every position below `count` exactly once.
 * @throws UsageError that names the first offending position
 */
function requirePermutation(order: Uint32Array, count: number): void {
  const seen = new Uint8Array(count);
  for (const position of order) {
    if (position >= count || seen[position]++ > 0) {
      throw new UsageError(`order holds position ${position} ${position >= count ? `of ${count}` : "twice"}`);
    }
  }
  if (order.length !== count) throw new UsageError(`order holds ${order.length} positions; expected all ${count}`);
}
