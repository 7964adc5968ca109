import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { type KeepPolicy, parseKeepPolicy } from "../../exact/priority.js";
import type { Guards } from "../../text/guards.js";
import { isFileName } from "../write/output-names.js";
import { type FileRecord, MANIFEST } from "./manifest.js";
import { hasPlan } from "./publication.js";

/** What other commands read of the manifest of bge-dedup. */
export interface DedupManifest {
  readonly threshold: number;
  readonly counts: Readonly<Record<CountName, number>>;
  readonly options: {
    readonly textFields: readonly string[];
    readonly vectorField?: string;
    readonly keep: KeepPolicy;
    readonly guards: Guards;
  };
  readonly outputs: readonly FileRecord[];
  /** Files of bge-cluster, where it has run on the folder since. */
  readonly clusterOutputs: readonly FileRecord[];
  /** The model as the manifest shows it. */
  readonly model: object;
  /** Identifies the run: as written, byte for byte. */
  readonly text: string;
}

/** Counts that are proved again from the tables. */
export const COUNTS = ["read", "rejected", "kept", "removed", "exact", "normalized", "semantic"] as const;
/** One of them. */
export type CountName = (typeof COUNTS)[number];

/** Whether inputs are one folder that bge-dedup wrote, even if it was stopped in the midst of its publication. */
export function isDedupFolder(inputs: readonly string[]): boolean {
  const [folder] = inputs;
  if (inputs.length !== 1 || !existsSync(folder) || !statSync(folder).isDirectory()) return false;
  return existsSync(join(folder, "embeddings.arrow")) || hasPlan(folder);
}

/**
 * Reads and checks the manifest of a folder whose files belong together.
 * @throws InputError where it is missing or is none of bge-dedup's, or where files of two runs may be mixed
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

/** @throws InputError where another run has published into the folder since its manifest was read */
export async function requireUnchanged(folder: string, { text }: DedupManifest): Promise<void> {
  const now = await readFile(join(folder, MANIFEST), "utf8").catch(() => undefined);
  if (now === text && !hasPlan(folder)) return;
  throw new InputError(`${folder} was written anew while it was read; run the same command again`);
}

function parseManifest(text: string): DedupManifest {
  const read = JSON.parse(text) as {
    threshold?: unknown;
    counts?: Record<string, unknown>;
    options?: { textFields?: unknown; vectorField?: unknown; keep?: unknown; guards?: Partial<Guards> };
    outputs?: unknown;
    model?: unknown;
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
  const { textFields, vectorField, keep, guards } = options ?? {};
  require("list of text fields", Array.isArray(textFields) && textFields.every((field) => typeof field === "string"));
  require("vector field", vectorField === undefined || typeof vectorField === "string");
  const policy = typeof keep === "string" ? parseKeepPolicy(keep) : undefined;
  require("keep policy", policy !== undefined);
  require("guards", typeof guards?.numbers === "boolean" && typeof guards.negation === "boolean");
  require("model", typeof model === "object" && model !== null);
  require("list of outputs", isRecordList(read?.outputs));
  require("list of clusters' outputs", read?.cluster === undefined || isRecordList(read.cluster?.outputs));
  return {
    threshold: threshold as number,
    counts: counts as DedupManifest["counts"],
    options: { ...(options as DedupManifest["options"]), keep: policy as KeepPolicy },
    outputs: read?.outputs as FileRecord[],
    clusterOutputs: (read?.cluster?.outputs ?? []) as FileRecord[],
    model: model as object,
    text,
  };
}

/** Whether a value lists files of a folder; a name that leads out of it would have any file read. */
function isRecordList(value: unknown): value is FileRecord[] {
  return (
    Array.isArray(value) &&
    value.every((record: Partial<FileRecord> | null) => isFileName(record?.name) && typeof record?.sha256 === "string")
  );
}
