import type { EndpointAddress } from "../embed/endpoint/address.js";
import type { KeepPolicy } from "../exact/priority.js";
import type { Dtype, LongText } from "../models/spec.js";
import type { Provider } from "../onnx/ort-engine.js";
import type { Reporter } from "../reporter.js";
import type { Guards } from "../text/guards.js";
import type { Limit } from "./check/limit.js";

/** A server that embeds in place of a local model. Goes into the manifest as it is, without the address's secrets. */
export interface EndpointChoice {
  /** Base URL without user, password and query. */
  readonly url: string;
  /** Model to use where the server has several. */
  readonly model?: string;
  /** Most requests under way at once. */
  readonly concurrency: number;
  /** The address with its secrets; a function, because those are not written to JSON. */
  readonly address: () => EndpointAddress;
}

/** What both commands need: resolved, checked, with defaults filled in. */
export interface SharedOptions {
  /** Files, folders, globs, or "-". */
  readonly inputs: readonly string[];
  readonly textFields: readonly string[];
  readonly idField?: string;
  /** Column of vectors that are used as they are in place of a model's. */
  readonly vectorField?: string;
  readonly out: string;
  readonly model: string;
  /** Where given, the model, device, dtype and token limits are the server's. */
  readonly endpoint?: EndpointChoice;
  readonly device: "auto" | Provider;
  readonly dtype: "auto" | Dtype;
  /** Tokens of the longest text; the model's limit where absent. */
  readonly maxLength?: number;
  /** What becomes of longer ones. */
  readonly long: LongText;
  /** Padded tokens of a batch; the model's default where absent. */
  readonly batchTokens?: number;
  /** Bytes. */
  readonly memory: number;
  readonly threads: number;
  readonly seed: number;
  readonly fresh: boolean;
  readonly maxRejects?: Limit;
}

/** Formats of kept and removed. */
export type Format = "arrow" | "parquet" | "jsonl";

/** Options of bge-dedup. */
export interface DedupOptions extends SharedOptions {
  /** Cosine in (0, 1]; the model's default where absent. */
  readonly threshold?: number;
  readonly keep: KeepPolicy;
  readonly guards: Guards;
  readonly formats: readonly Format[];
  readonly maxRemoved?: Limit;
}

/** Options of bge-cluster. */
export interface ClusterOptions extends SharedOptions {
  readonly k: number;
  readonly iterations: number;
  readonly tolerance: number;
  /** Runs from different seeds, of which the one with the least inertia counts. */
  readonly starts: number;
  /** Centroids of unit length. */
  readonly spherical: boolean;
  /** Key terms for each cluster. */
  readonly labels: number;
}

/** The outside world of a run. */
export interface RunContext {
  readonly reporter: Reporter;
  readonly stdin: NodeJS.ReadableStream;
  /** Stops the run with its state saved. */
  readonly signal?: AbortSignal;
}
