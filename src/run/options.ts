import type { KeepPolicy } from "../dedup/row-order.js";
import type { Dtype } from "../model/spec.js";
import type { Provider } from "../onnx/ort-engine.js";
import type { Guards } from "../text/guards.js";
import type { Limit } from "./limit.js";
import type { Reporter } from "./reporter.js";

/** What both commands need: resolved, checked, with defaults filled in. */
export interface SharedOptions {
  /** Files, folders, globs, or "-". */
  readonly inputs: readonly string[];
  readonly textFields: readonly string[];
  readonly idField?: string;
  readonly out: string;
  readonly model: string;
  readonly device: "auto" | Provider;
  readonly dtype: "auto" | Dtype;
  /** Tokens of the longest text; the model's limit where absent. */
  readonly maxLength?: number;
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
