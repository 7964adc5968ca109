import type { ShardSettings } from "../cluster/shard.js";
import type { Totals } from "../cluster/sums.js";

/** What goes to a worker that has a shard of the rows to be clustered and what comes back. Results are transferred, settings copied. */

/** What the worker is to work with. */
export interface RowWorkerData {
  /** The store of the vectors. */
  readonly store: string;
  /** Of its engine. */
  readonly threads: number;
}

/** Everything that a worker is asked; it does one thing after the other. */
export type RowRequest =
  | { readonly kind: "open"; readonly settings: ShardSettings }
  | { readonly kind: "pass"; readonly centroids: Float32Array; readonly fresh: boolean }
  | { readonly kind: "move"; readonly row: number; readonly to: number }
  | { readonly kind: "distances" }
  | { readonly kind: "assignment" }
  | { readonly kind: "close" };

/** What each kind of request returns. */
export interface RowResults {
  readonly open: undefined;
  readonly pass: Totals;
  readonly move: Totals;
  readonly distances: Float64Array<ArrayBuffer>;
  readonly assignment: Int32Array<ArrayBuffer>;
}

/** One result for each request, in their order, or what went wrong; and between them the rows of a pass done so far. */
export type RowReply =
  | { readonly kind: "rows"; readonly rows: number }
  | { readonly kind: "result"; readonly value: RowResults[keyof RowResults] }
  | { readonly kind: "error"; readonly message: string; readonly input: boolean };
