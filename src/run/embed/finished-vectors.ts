import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FileDigest } from "../../vectors/store-writer.js";
import { type FileRecord, fileRecord, MANIFEST } from "../work/manifest.js";
import { type Fingerprint, fingerprintChange, parseState, type WorkState } from "../work/work-state.js";
import { EMBEDDINGS } from "../write/output-names.js";

/** Vectors of a finished run that this run would make again. */
export interface FinishedVectors {
  /** The complete state of the store, as the manifest has it. */
  readonly state: WorkState;
  /** Size and SHA-256 of embeddings.arrow, which have been checked. */
  readonly file: FileDigest;
}

/** The parts of a manifest by which its vectors are recognised. */
interface FinishedRun {
  readonly inputs?: readonly Partial<FileRecord>[];
  readonly outputs?: readonly Partial<FileRecord>[];
  readonly vectors?: unknown;
}

/**
 * Looks whether the output folder holds the vectors that this run would make: those of a finished run of the same inputs
 * (by size and SHA-256), model and options. So a change of `--threshold`, `--keep`, `--guard` or `--k` costs no
 * embedding. A folder that is damaged, incomplete or of another version has none.
 * @param options.inputs identity of every input of this run, in order
 */
export async function findFinishedVectors(options: {
  readonly out: string;
  readonly fingerprint: Fingerprint;
  readonly inputs: readonly FileRecord[];
}): Promise<FinishedVectors | undefined> {
  const { out, fingerprint, inputs } = options;
  try {
    const { inputs: before, outputs, vectors } = JSON.parse(await readFile(join(out, MANIFEST), "utf8")) as FinishedRun;
    const state = vectors === undefined ? undefined : parseState(JSON.stringify(vectors));
    if (state?.complete !== true || fingerprintChange(state.fingerprint, fingerprint) !== undefined) return undefined;
    const same = before?.length === inputs.length && inputs.every((input, at) => isSame(input, before[at]));
    const recorded = same ? outputs?.find(({ name }) => name === EMBEDDINGS) : undefined;
    if (recorded === undefined) return undefined;
    const { name, ...file } = await fileRecord(join(out, EMBEDDINGS), EMBEDDINGS);
    return isSame({ name, ...file }, recorded) ? { state, file } : undefined;
  } catch {
    return undefined;
  }
}

function isSame(one: FileRecord, other: Partial<FileRecord>): boolean {
  return one.name === other.name && one.bytes === other.bytes && one.sha256 === other.sha256;
}
