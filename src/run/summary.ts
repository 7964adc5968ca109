import type { modelRecord } from "./work/manifest.js";

/** What a finished run of bge-dedup tells; `--json` prints it as it is. */
export interface DedupSummary {
  readonly command: "bge-dedup";
  readonly version: string;
  readonly out: string;
  readonly files: readonly string[];
  /** read = rejected + kept + removed, and removed = exact + normalized + semantic, as in removed.arrow. */
  readonly counts: {
    readonly read: number;
    readonly rejected: number;
    readonly kept: number;
    readonly removed: number;
    readonly exact: number;
    readonly normalized: number;
    readonly semantic: number;
    /** Distinct texts that were cut to the model's length. */
    readonly truncated: number;
    /** Distinct texts without a direction, which are never near-duplicates. */
    readonly undirected: number;
    /** Kept rows that are as near to another kept one, but that a guard keeps apart. */
    readonly guarded: number;
    /** Rows whose `--keep` field is missing or has no order. */
    readonly unordered: number;
  };
  /**
   * Copies that were found before anything was embedded. Of these, the copies of a text that is itself removed as a
   * near-duplicate count as semantic above, since they go on account of another row than the one they equal.
   */
  readonly exact_stage: { readonly exact: number; readonly normalized: number; readonly distinct: number };
  readonly threshold: number;
  readonly threshold_source: string;
  readonly model: ReturnType<typeof modelRecord>;
  /** Tokens that were embedded; of an endpoint the sum of what the server reports, 0 where it does not. */
  readonly tokens: number;
  /** Vectors taken over from an interrupted run. */
  readonly resumed: number;
  readonly seconds: Readonly<Record<string, number>>;
  /** Most resident memory that the process had, in bytes. */
  readonly peak_memory: number;
}

/** What a finished run of bge-cluster tells. */
export interface ClusterSummary {
  readonly command: "bge-cluster";
  readonly version: string;
  readonly out: string;
  readonly files: readonly string[];
  readonly counts: {
    /** Rows that have a cluster. */
    readonly clustered: number;
    /** Rows whose text has no direction; their cluster is null. */
    readonly undirected: number;
    readonly rejected: number;
    readonly clusters: number;
  };
  readonly inertia: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** The largest clusters with their terms, for a person to look at. */
  readonly largest: readonly { readonly cluster: number; readonly size: number; readonly label: readonly string[] }[];
  readonly seconds: Readonly<Record<string, number>>;
  /** Most resident memory that the process had, in bytes. */
  readonly peak_memory: number;
}
