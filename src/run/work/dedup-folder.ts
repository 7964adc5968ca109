import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FailedRunError, InputError } from "../../errors.js";
import { type KeepPolicy, parseKeepPolicy } from "../../exact/priority.js";
import type { LongText } from "../../models/spec.js";
import type { Guards } from "../../text/guard-choice.js";
import { isFileName } from "../write/output-names.js";
import { type FileRecord, MANIFEST } from "./manifest.js";
import { hasPlan } from "./publication.js";
import type { RecordedModel } from "./recorded-model.js";
import { isReferenceList, type ReferenceRecord } from "./reference-record.js";

/** The parts of bge-dedup's manifest that other commands read. */
export interface DedupManifest {
  readonly threshold: number;
  readonly counts: Readonly<Record<CountName, number>>;
  readonly options: {
    readonly textFields: readonly string[];
    readonly vectorField?: string;
    readonly idField?: string;
    readonly keep: KeepPolicy;
    readonly guards: Guards;
    /** What happened to long texts; absent where a version that knew only one way wrote the manifest. */
    readonly long?: LongText;
  };
  /** The inputs in order; `first_row` and `rows` are absent where version 0.1 wrote the manifest. */
  readonly inputs: readonly { readonly name: string; readonly rows?: number; readonly first_row?: number }[];
  readonly outputs: readonly FileRecord[];
  /** Outputs of bge-cluster, if it has run on the folder since; else empty. */
  readonly clusterOutputs: readonly FileRecord[];
  /** The model as the manifest shows it. */
  readonly model: RecordedModel;
  /** What `--against` named and what that led to; absent where the run had no `--against`. */
  readonly references?: readonly ReferenceRecord[];
  /** The manifest as written. Comparing it byte for byte shows whether another run has published meanwhile. */
  readonly text: string;
}

/** The counts that `verify` proves again from the tables. */
export const COUNTS = ["read", "rejected", "kept", "removed", "exact", "normalized", "semantic"] as const;
/** Name of one of these counts. */
export type CountName = (typeof COUNTS)[number];

/** Whether the inputs are a single folder that bge-dedup wrote, even if its publication was interrupted. */
export function isDedupFolder(inputs: readonly string[]): boolean {
  const [folder] = inputs;
  if (inputs.length !== 1 || !existsSync(folder) || !statSync(folder).isDirectory()) return false;
  return existsSync(join(folder, "embeddings.arrow")) || hasPlan(folder);
}

/**
 * Reads and checks the manifest of a folder.
 * @throws InputError if the manifest is missing, is not one of bge-dedup's, or if the folder may mix files of two runs
 */
export async function readDedupManifest(folder: string): Promise<DedupManifest> {
  if (hasPlan(folder)) {
    throw new InputError(
      `a publication into ${folder} is under way or was cut short; run the same command as then again, which completes it`,
    );
  }
  const path = join(folder, MANIFEST);
  try {
    const text = await readFile(path, "utf8");
    return parseManifest(text);
  } catch (cause) {
    throw new InputError(`cannot read ${path}: ${(cause as Error).message}; name a folder that bge-dedup wrote`);
  }
}

/**
 * Makes sure that the folder is still the one whose manifest was read.
 * @throws FailedRunError if another run has published into the folder since
 */
export async function requireUnchanged(folder: string, { text }: DedupManifest): Promise<void> {
  const now = await readFile(join(folder, MANIFEST), "utf8").catch(() => undefined);
  if (now === text && !hasPlan(folder)) return;
  throw new FailedRunError(`${folder} was written anew while it was read; run the same command again`);
}

/** @throws Error that names the first part of the manifest that is missing or damaged */
function parseManifest(text: string): DedupManifest {
  const read = JSON.parse(text) as {
    threshold?: unknown;
    counts?: Record<string, unknown>;
    options?: {
      textFields?: unknown;
      vectorField?: unknown;
      keep?: unknown;
      idField?: unknown;
      guards?: Partial<Guards>;
      long?: unknown;
    };
    inputs?: unknown;
    outputs?: unknown;
    model?: unknown;
    references?: unknown;
    cluster?: { outputs?: unknown };
  } | null;
  const { threshold, counts, options, model } = read ?? {};
  const require = (name: string, holds: boolean) => {
    if (!holds) throw new Error(`its ${name} is missing or damaged`);
  };
  require("threshold", typeof threshold === "number" && threshold > 0 && threshold <= 1);
  for (const name of COUNTS) {
    const count = counts?.[name];
    require(`count of rows ${name}`, typeof count === "number" && count >= 0 && count < 2 ** 32);
  }
  const { textFields, vectorField, idField, keep, guards, long } = options ?? {};
  require("list of text fields", Array.isArray(textFields) && textFields.every((field) => typeof field === "string"));
  require("vector field", vectorField === undefined || typeof vectorField === "string");
  require("id field", idField === undefined || typeof idField === "string");
  const policy = typeof keep === "string" ? parseKeepPolicy(keep) : undefined;
  require("keep policy", policy !== undefined);
  // Folders of version 0.2.0 and before know no names.
  const { numbers, negation, names = false } = guards ?? {};
  require("guards", [numbers, negation, names].every((guard) => typeof guard === "boolean"));
  require("way of long texts", long === undefined || long === "truncate" || long === "mean");
  require("model", typeof model === "object" && model !== null);
  require("list of references", read?.references === undefined || isReferenceList(read.references));
  require("list of outputs", isRecordList(read?.outputs));
  require("list of clusters' outputs", read?.cluster === undefined || isRecordList(read.cluster?.outputs));
  return {
    threshold: threshold as number,
    counts: counts as DedupManifest["counts"],
    options: {
      ...(options as DedupManifest["options"]),
      keep: policy as KeepPolicy,
      guards: { numbers, negation, names } as Guards,
    },
    inputs: Array.isArray(read?.inputs) ? (read.inputs as DedupManifest["inputs"]) : [],
    outputs: read?.outputs as FileRecord[],
    clusterOutputs: (read?.cluster?.outputs ?? []) as FileRecord[],
    model: model as RecordedModel,
    references: read?.references as DedupManifest["references"],
    text,
  };
}

/**
 * Whether a value is a list of files of a folder. A name that leads out of the folder is refused, because it would make
 * the program read any file.
 */
function isRecordList(value: unknown): value is FileRecord[] {
  return (
    Array.isArray(value) &&
    value.every((record: Partial<FileRecord> | null) => isFileName(record?.name) && typeof record?.sha256 === "string")
  );
}
