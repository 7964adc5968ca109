import type { CachePlace } from "../cache/place.js";
import type { SavedStarts } from "../cluster/saved.js";
import type { ShardWorkers } from "../cluster/shards.js";
import type { EndpointAddress } from "../embed/endpoint/address.js";
import type { KeepPolicy } from "../exact/priority.js";
import type { InputFormat } from "../io/input-format.js";
import type { Dtype, LongText } from "../models/spec.js";
import type { Provider } from "../onnx/ort-engine.js";
import type { Reporter } from "../reporter.js";
import type { Guards } from "../text/guard-choice.js";
import type { Limit } from "./check/limit.js";
import type { GpuMeter } from "./work/gpu-meter.js";

/** The text field where none is named. */
export const TEXT_FIELD = "text";

/**
 * A server that embeds in place of a local model. The manifest records this object; the secrets of the address are not
 * part of it.
 */
export interface EndpointChoice {
  /** Base URL without user, password and query. */
  readonly url: string;
  /** Model to use if the server has several. */
  readonly model?: string;
  /** Most requests in flight at once. */
  readonly concurrency: number;
  /** Returns the address with its secrets. A function, because JSON leaves functions out. */
  readonly address: () => EndpointAddress;
}

/** Options of both commands, resolved and checked, with defaults filled in. */
export interface SharedOptions {
  /** Files, folders, globs, or "-". */
  readonly inputs: readonly string[];
  /** Columns or paths whose strings, joined with newlines, are the text of a record. */
  readonly textFields: readonly string[];
  /** Format of all inputs; found by their content if absent. */
  readonly inputFormat?: InputFormat;
  /** Delimiter of CSV, one ASCII character; found by the header if absent. */
  readonly delimiter?: string;
  /** Column that takes the path of a row's input. */
  readonly sourceField?: string;
  /** Column that identifies rows for the user; checked to exist. */
  readonly idField?: string;
  /** Column of the input's own vectors, which take the place of a model's. */
  readonly vectorField?: string;
  /** Output folder. */
  readonly out: string;
  /** `builtin`, a known name, `owner/name` of a hub, or a folder. */
  readonly model: string;
  /** If given, the server decides on model, device, dtype and token limits. */
  readonly endpoint?: EndpointChoice;
  readonly device: "auto" | Provider;
  readonly dtype: "auto" | Dtype;
  /** Most tokens of a text; the model's limit if absent. */
  readonly maxLength?: number;
  /** What happens to longer texts. */
  readonly long: LongText;
  /** Padded tokens of a batch; the device's default if absent. */
  readonly batchTokens?: number;
  /** Ceiling of resident memory, in bytes. */
  readonly memory: number;
  readonly threads: number;
  readonly seed: number;
  /** Drops the work of an interrupted run instead of continuing it. */
  readonly fresh: boolean;
  /** Most rejected records that the run tolerates; no limit if absent. */
  readonly maxRejects?: Limit;
  /** Where vectors are remembered between runs; nowhere if absent. */
  readonly cache?: CachePlace;
}

/** Formats of the tables of kept and removed rows. */
export type Format = "arrow" | "parquet" | "jsonl";

/** Options of bge-dedup. */
export interface DedupOptions extends SharedOptions {
  /** Cosine in (0, 1] from which two texts are near-duplicates; the model's default if absent. */
  readonly threshold?: number;
  /** Which of equal or near rows stays. */
  readonly keep: KeepPolicy;
  /** Rules on texts that keep near pairs apart. */
  readonly guards: Guards;
  readonly formats: readonly Format[];
  /** Folders of earlier runs, or globs of them, whose rows come before all rows of this run; absent where not asked for. */
  readonly against?: readonly string[];
  /** Most removed rows that the run tolerates; no limit if absent. */
  readonly maxRemoved?: Limit;
}

/** The earlier clusters that a run goes on from. */
export interface LikeChoice {
  /** Folder that bge-cluster wrote. */
  readonly folder: string;
  /** Puts the rows into those clusters as they are, without fitting. */
  readonly assign: boolean;
}

/** Options of bge-cluster. */
export interface ClusterOptions extends SharedOptions {
  /** Number of clusters; `auto` lets the vectors decide. Absent only with `like`: as many as there. */
  readonly k?: number | "auto";
  /** Refuses to make fewer clusters than `k`. */
  readonly strictK: boolean;
  /** Most iterations of a start. */
  readonly iterations: number;
  /** Relative shift of the centroids at which the iterations end. */
  readonly tolerance: number;
  /** Number of k-means runs from different seeds; the run with the least inertia counts. */
  readonly starts: number;
  /** Scales the centroids to unit length. Absent only with `like`: as there. */
  readonly spherical?: boolean;
  /** Goes on from the clusters of an earlier run. */
  readonly like?: LikeChoice;
  /** Number of key terms of each cluster. */
  readonly labels: number;
}

/** Processes on other machines that k-means shares its rows with, in place of threads of this process. */
export interface SharedClustering {
  /** Workers over the vectors of the store at a path, which all of them can open. Calls in flight end with the signal. */
  workers(store: string, signal?: AbortSignal): ShardWorkers;
  /** Where k-means saves its way, so that the same command goes on from there. */
  readonly saved: SavedStarts;
  /** What the manifest says of the workers, once they have worked. */
  record(): object;
  /** Lets the workers go; what is saved stays. May be called more than once. */
  close(): Promise<void>;
}

/** What a run takes from its surroundings. */
export interface RunContext {
  readonly reporter: Reporter;
  /** What the input "-" reads. */
  readonly stdin: NodeJS.ReadableStream;
  /** Stops the run, which saves its state first. */
  readonly signal?: AbortSignal;
  /** Samples GPUs beside the run, which stops it at the end; nvidia-smi where absent. */
  readonly gpus?: GpuMeter;
  /** Machines that bge-cluster shares its rows with; threads of this process where absent. */
  readonly shared?: SharedClustering;
}
