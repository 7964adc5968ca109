import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { counted } from "../../counted.js";
import { FailedRunError } from "../../errors.js";
import type { ReferenceRow, ReferenceRows } from "../../join/group-fates.js";
import type { ReferenceVectors } from "../../join/join-options.js";
import type { Reporter, Stage } from "../../reporter.js";
import { openVectorStores, type VectorStores } from "../../vectors/stores.js";
import type { KnownReferences } from "../embed/embed-inputs.js";
import type { DedupOptions } from "../options.js";
import type { ReferenceRecord } from "../work/reference-record.js";
import { type Account, Accounts, referenceRecords } from "./accounts.js";
import { longTextWarnings, requireDimensionOf, requireOneDimension, requireSameModel } from "./comparable.js";
import { findReferences } from "./find-references.js";
import { hasVectors, type ReferenceRowsRead, readReferences } from "./read-references.js";
import { type Reference, requireSameReference } from "./reference.js";

/** The references of a run, from `--against` to the records in its manifest. The caller closes them. */
export interface Against extends KnownReferences, ReferenceRows {
  /** The folders that `ReferenceRow.folder` numbers; all of them once `readTexts` has been called. */
  readonly accounts: readonly Account[];
  /** Their paths, as `_kept_in` names them. */
  readonly paths: readonly string[];
  /** Kept vectors of the references; undefined where they have none. Once `readTexts` has been called. */
  readonly vectors: ReferenceVectors | undefined;
  /** Paths of the vectors of those references that have kept rows, in their order. */
  readonly stores: readonly string[];
  /** Bytes that texts and places of the references take in memory, once `readTexts` has been called. */
  readonly byteLength: number;
  /** What a person should know of the references, once `readTexts` has been called; empty as a rule. */
  readonly warnings: readonly string[];
  /** Forgets what only the first pass needs. */
  forgetTexts(): void;
  /** Makes sure that all references are still those that were opened. @throws FailedRunError */
  requireUnchanged(): Promise<void>;
  /**
   * What the manifest records.
   * @param removed rows of the run that went on account of each folder
   */
  records(removed: readonly number[]): Promise<ReferenceRecord[]>;
  close(): Promise<void>;
}

/**
 * Finds and opens the references of a run. Their manifests are read now, their tables once the model is known. Nothing
 * in them is locked or changed: a run that publishes into one meanwhile makes `requireUnchanged` fail.
 * @returns undefined where the run has no `--against`
 * @throws as `findReferences`
 */
export async function openAgainst(
  options: Pick<DedupOptions, "against" | "guards" | "long" | "memory" | "out">,
  { reporter, signal }: { readonly reporter: Reporter; readonly signal?: AbortSignal },
): Promise<Against | undefined> {
  const { against, guards, long, memory, out } = options;
  if (against === undefined) return undefined;
  const references = await findReferences({ against, out, note: reporter.note });
  const filled = references.filter(hasVectors);
  const accounts = new Accounts(references);
  let warnings: readonly string[] = [];
  let stores: VectorStores | undefined;
  let read: ReferenceRowsRead | undefined;
  const once = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error("the references are used before they are read");
    return value;
  };
  const requireUnchanged = async () => {
    for (const reference of references) await requireSameReference(reference);
  };
  return {
    identity: identityOfAll(references),
    async readTexts(model) {
      for (const reference of references) requireSameModel(reference, model);
      requireOneDimension(filled);
      warnings = longTextWarnings(references, { maxTokens: model.maxTokens, long });
      const stage = stageOf(references, reporter);
      try {
        if (filled.length > 0) stores = await openVectorStores(filled.map(({ store }) => store));
        read = await readReferences({ references, accounts, stores, guards, memory, stage, signal });
      } catch (error) {
        // A reference that is replaced while it is read looks damaged.
        await requireUnchanged();
        throw error;
      }
      stage.end();
      return read.texts;
    },
    requireDimension(dim) {
      if (stores !== undefined && stores.count > 0) requireDimensionOf(filled[0].path, stores.dim, dim);
    },
    get warnings() {
      return warnings;
    },
    get accounts() {
      return accounts.all;
    },
    get paths() {
      return accounts.paths;
    },
    get vectors() {
      return read?.vectors;
    },
    stores: filled.map(({ store }) => store),
    get byteLength() {
      return read === undefined ? 0 : read.texts.byteLength + read.byteLength;
    },
    forgetTexts: () => read?.texts.close(),
    fate: (entry) => once(read).texts.fate(entry),
    rowAt: (position): ReferenceRow => once(read).rowAt(position),
    requireUnchanged,
    records: async (removed) => referenceRecords(accounts.all, await realpath(out), removed),
    close: async () => stores?.close(),
  };
}

/** Says how many references there are, and begins the stage that reads their rows. */
function stageOf(references: readonly Reference[], { note, stage }: Reporter): Stage {
  const sum = (name: "kept" | "removed") => references.reduce((rows, { manifest }) => rows + manifest.counts[name], 0);
  const [kept, removed] = [sum("kept"), sum("removed")];
  note(`${counted(references.length, "reference")} with ${counted(kept, "kept row")}`);
  return stage("references", kept + removed);
}

/** Identity of all references in their order, as a person may read it in a message. */
function identityOfAll(references: readonly Reference[]): string {
  const all = references.map(({ identity }) => identity).join("\n");
  return `${references.length} with ${createHash("sha256").update(all).digest("hex").slice(0, 16)}`;
}

/**
 * Runs what reads references. Where it fails because another run replaced a reference meanwhile, the error says so.
 * @throws FailedRunError in that case, else what `task` throws
 */
export async function whileUnchanged<T>(against: Against | undefined, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof FailedRunError)) await against?.requireUnchanged();
    throw error;
  }
}
