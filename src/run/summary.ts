import type { CacheCounts } from "../cache/settings.js";
import type { ChosenK } from "../cluster/choose-k.js";
import type { Stricter } from "../join/stricter.js";
import type { FoundDrift } from "./cluster/drift.js";
import type { GpuUse } from "./work/gpu-meter.js";
import type { modelRecord } from "./work/manifest.js";
import type { ReferenceRecord } from "./work/reference-record.js";

/** Summary of a finished run of bge-dedup. `--json` prints the summary as it is, and the manifest contains it. */
export interface DedupSummary {
  readonly command: "bge-dedup";
  readonly version: string;
  readonly out: string;
  readonly files: readonly string[];
  /**
   * Rows by their fate: read = rejected + kept + removed, and removed = exact + normalized + semantic, as in
   * removed.arrow.
   */
  readonly counts: {
    readonly read: number;
    readonly rejected: number;
    readonly kept: number;
    readonly removed: number;
    readonly exact: number;
    readonly normalized: number;
    readonly semantic: number;
    /** Number of the removed rows that go on account of rows of the references; absent without `--against`. */
    readonly against?: number;
    /** Number of distinct texts that were cut to the model's length. */
    readonly truncated: number;
    /** Number of distinct texts without a direction. Such a text is never a near-duplicate. */
    readonly undirected: number;
    /** Number of kept rows that reach the threshold with another kept row and that only a guard keeps apart from it. */
    readonly guarded: number;
    /** Number of rows whose `--keep` field is missing or has no order. */
    readonly unordered: number;
  };
  /**
   * Copies that were found before anything was embedded. If a text is itself removed as a near-duplicate, its copies
   * count as semantic in `counts`, because the kept row on whose account they go is not a row that they equal. Rows that
   * equal a row of a reference are among the copies, unless the reference removed that row as a near-duplicate.
   */
  readonly exact_stage: { readonly exact: number; readonly normalized: number; readonly distinct: number };
  /** Cosine from which two texts were near-duplicates. */
  readonly threshold: number;
  /** Where the threshold comes from: the flag, or the model's default and its reason. */
  readonly threshold_source: string;
  /** Up to about how many more texts a threshold higher by 0.01 and by 0.02 would have kept, from the similarities measured. */
  readonly stricter: readonly Stricter[];
  readonly model: ReturnType<typeof modelRecord>;
  /** The references, and the folders that they name; absent without `--against`. */
  readonly references?: readonly ReferenceRecord[];
  /**
   * Number of tokens of the embedded texts, those from the cache included. With an endpoint: the sum of what the server
   * reports to this run, without texts from the cache; 0 if the server reports nothing.
   */
  readonly tokens: number;
  /** Number of vectors taken over from an interrupted run. */
  readonly resumed: number;
  /** Number of vectors taken from the finished run that was in the output folder: all of them, or 0. */
  readonly reused: number;
  readonly cache: CacheCounts;
  /** What a person should know of the result, such as a large share of rejected records; empty as a rule. */
  readonly warnings: readonly string[];
  readonly seconds: Readonly<Record<string, number>>;
  /** Most resident memory that the process had, in bytes. */
  readonly peak_memory: number;
  /** Use of the GPUs that the run saw; absent without CUDA, and where nvidia-smi told nothing. */
  readonly gpu?: readonly GpuUse[];
}

/** What has changed since the clusters of `--like`. */
export interface ClusterDrift extends Omit<FoundDrift, "farthest"> {
  /** The rows farthest from every former centroid with the start of their texts; at most ten, none that is near. */
  readonly farthest: readonly (FoundDrift["farthest"][number] & { readonly text: string })[];
}

/** Summary of a finished run of bge-cluster. `--json` prints the summary as it is, and the manifest contains it. */
export interface ClusterSummary {
  readonly command: "bge-cluster";
  readonly version: string;
  readonly out: string;
  readonly files: readonly string[];
  readonly counts: {
    /** Number of rows that have a cluster. */
    readonly clustered: number;
    /** Number of rows whose text has no direction; their cluster is null. */
    readonly undirected: number;
    readonly rejected: number;
    readonly clusters: number;
  };
  /** Sum of the squared distances of all rows to their centroids. */
  readonly inertia: number;
  /** Iterations of the start that counts; 0 where the clusters of `--like` stayed as they are. */
  readonly iterations: number;
  /** False if the iterations ended before the centroids came to rest. */
  readonly converged: boolean;
  /** How the number of clusters was found; only where it was `auto`. */
  readonly chosen_k?: ChosenK;
  /** What has changed since the clusters of `--like`; absent without it. */
  readonly drift?: ClusterDrift;
  /** The largest clusters, for a person to read. */
  readonly largest: readonly {
    readonly cluster: number;
    readonly size: number;
    /** Key terms, best first; none where no term sets the cluster apart. */
    readonly label: readonly string[];
    /** Rows that show what the cluster holds, the nearest to its centroid first, with the start of their texts. */
    readonly representatives: readonly { readonly row: number; readonly text: string }[];
  }[];
  /** What the cache of vectors had; only where the run embedded texts. */
  readonly cache?: CacheCounts;
  /** What a person should know of the result, such as a large share of rejected records; empty as a rule. */
  readonly warnings: readonly string[];
  readonly seconds: Readonly<Record<string, number>>;
  /** Most resident memory that the process had, in bytes. */
  readonly peak_memory: number;
  /** Use of the GPUs that the run saw; absent without CUDA, and where nvidia-smi told nothing. */
  readonly gpu?: readonly GpuUse[];
}
