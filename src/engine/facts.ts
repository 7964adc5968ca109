import type { CacheCounts } from "../cache/settings.js";
import type { InputFormat } from "../io/input-format.js";
import type { Stricter } from "../join/stricter.js";
import type { ModelSpec } from "../models/spec.js";
import type { Account } from "../run/against/accounts.js";
import type { DeviceName } from "../run/embed/device.js";
import type { InputRecord } from "../run/read/open-inputs.js";
import type { FileRecord } from "../run/work/manifest.js";
import type { RefusedText, WorkState } from "../run/work/work-state.js";
import type { InputFault } from "./read/input-fault.js";

/** Counts of a shard and what the plan of later stages needs of it. */
export interface ReadFacts {
  /** Records, rejected ones among them, and rejected ones. */
  readonly records: number;
  readonly rejected: number;
  /** Rows whose `--keep` field is missing or has no order. */
  readonly unordered: number;
  /**
   * Whether the rows are ordered by the values of folders `FIELD=...`. They have no value where files of another shard hold
   * the field of `--keep` themselves.
   */
  readonly orderedByFolders: boolean;
  /** Texts of the shard that are distinct as received, and after normalisation. */
  readonly raws: number;
  readonly groups: number;
  /** Number of files texts/0.jsonl, texts/1.jsonl ...: `chunkTexts` groups each. */
  readonly chunks: number;
  /** Components of the input's own vectors; 0 if the input has none. */
  readonly vectorDim: number;
  /** Each file of the shard; `first_row` counts from the shard's first record. */
  readonly inputs: readonly InputRecord[];
  /** Format of each file; empty where one could not be opened. */
  readonly formats: readonly InputFormat[];
  /** Why the shard cannot be used; then the counts are those up to the fault, and there are no files but the rejects. */
  readonly fault?: InputFault;
}

/** Counts of a bucket of texts. */
export interface ExactFacts {
  /** Distinct texts, as received and after normalisation. */
  readonly raws: number;
  readonly groups: number;
  /** The first shard of those that this task has looked at whose columns cannot be read or written, and why. */
  readonly fault?: InputFault & { readonly shard: number };
}

/** The numbering of all rows and groups. */
export interface NumberFacts {
  /** Number of the first row and of the first group that begins in each shard, followed by the number of all. */
  readonly firstRows: readonly number[];
  readonly firstGroups: readonly number[];
  readonly rejected: number;
  readonly unordered: number;
  readonly raws: number;
  readonly groups: number;
  /** Rows, texts and groups that the references have. */
  readonly known: { readonly rows: number; readonly raws: number; readonly groups: number };
  /** Number of files of texts of each shard: one task embeds a file. */
  readonly chunks: readonly number[];
  /** Components of the input's own vectors; 0 if the input has none. */
  readonly vectorDim: number;
  /** Each file of the run, with `first_row` counted from the first row of all. */
  readonly inputs: readonly InputRecord[];
  /** Identity of the references: a later stage must find the same ones. Absent without `--against`. */
  readonly against?: string;
  /** Vectors that `--against` brings into the join; absent where there are none. */
  readonly references?: {
    /** Absolute path of the embeddings.arrow of each reference that has kept rows. */
    readonly stores: readonly string[];
    /** Kept vectors of all of them, at least 1: rows of references.arrow. */
    readonly vectors: number;
  };
}

/** The vectors of one chunk of texts. */
export interface EmbedFacts {
  readonly vectors: number;
  /** Components of a vector; 0 where the chunk has no text of its own to embed, but never in the first task. */
  readonly dim: number;
  readonly model: ModelSpec;
  readonly truncated: number;
  readonly tokens: number;
  /** Texts that the server refused, by their first rows in the numbering of all rows. */
  readonly refused: readonly RefusedText[];
  readonly cache: CacheCounts;
  readonly kind: ProcessorKind;
}

/** What computed vectors. Vectors of another kind may differ in their last bits. */
export interface ProcessorKind {
  readonly device: DeviceName;
  /** The processor and its instructions; empty where no processor of the worker decides on the bits. */
  readonly processor: string;
  /** SHA-256 of the vectors of a few fixed texts; empty where no model has run in the process. */
  readonly probe: string;
}

/** The vectors of the run in priority order, and how the join is cut. */
export interface OrderFacts {
  readonly vectors: number;
  /** Components of a vector, known even where no text has a direction. */
  readonly dim: number;
  readonly model: ModelSpec;
  readonly device: DeviceName;
  /** Texts that the server refused, by their first rows, ascending; few, or the stage fails. */
  readonly refused: readonly RefusedText[];
  /** Cosine from which two vectors are near-duplicates: as given, or the model's. */
  readonly threshold: number;
  /** Number of the first vector of each embed task, followed by the number of all. */
  readonly firstVectors: readonly number[];
  /** Vectors of a block but the last, in priority order; number of blocks. */
  readonly blockVectors: number;
  readonly blocks: number;
  /** Block b belongs to row group b mod rowGroups; a task of `drop` holds the rows of one row group. */
  readonly rowGroups: number;
}

/** Outcome of a task of the join. */
export interface JoinFacts {
  /** Vectors that this task removed or, in `decide`, kept of its block. */
  readonly removed: number;
  readonly kept: number;
  /** Pairs that were measured in float64. */
  readonly measured: number;
}

/** The fates of all rows. */
export interface FatesFacts {
  /** Pairs that the whole join measured in float64. */
  readonly measured: number;
  /** What higher thresholds would have kept. */
  readonly stricter: readonly Stricter[];
  /** Absent where the run has no references. */
  readonly references?: ReferenceFacts;
}

/** The references, as the removed rows name them. */
export interface ReferenceFacts {
  /** The folders that `keptIn` numbers. */
  readonly accounts: readonly Account[];
  /** What a person should know of the references. */
  readonly warnings: readonly string[];
}

/** What one shard wrote. */
export interface WriteFacts {
  readonly kept: number;
  readonly removed: { readonly exact: number; readonly normalized: number; readonly semantic: number };
  /** Rows that go on account of each folder of the references. */
  readonly against: readonly number[];
  /** Those of them whose texts are equal to that of the references' row. */
  readonly known: { readonly exact: number; readonly normalized: number };
  readonly guarded: number;
  /** Rows rejected because a server refused their texts. */
  readonly refused: number;
}

/** One finished file of the result; absent where the result has no such file. */
export interface AssembleFacts {
  readonly file?: FileRecord;
  /** Of embeddings.arrow: the texts that it stands for, as the state of a store tells them. */
  readonly texts?: Pick<WorkState, "through" | "digest">;
}

/** What is published. */
export interface PublishFacts {
  readonly files: readonly string[];
}

/** What a finished task of each stage tells the others: small, and kept in its marker. */
export interface StageFacts {
  readonly read: ReadFacts;
  readonly exact: ExactFacts;
  readonly number: NumberFacts;
  readonly embed: EmbedFacts;
  readonly order: OrderFacts;
  readonly against: JoinFacts;
  readonly decide: JoinFacts;
  readonly drop: JoinFacts;
  readonly fates: FatesFacts;
  readonly write: WriteFacts;
  readonly assemble: AssembleFacts;
  readonly publish: PublishFacts;
}

/** Name of a stage. */
export type StageName = keyof StageFacts;
