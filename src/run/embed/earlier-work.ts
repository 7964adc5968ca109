import { existsSync } from "node:fs";
import { openVectorStore } from "../../vectors/store.js";
import { openVectorStoreWriter, type VectorStoreWriter } from "../../vectors/store-writer.js";
import type { WorkArea } from "../work/work-area.js";
import { type Fingerprint, fingerprintChange, type WorkState } from "../work/work-state.js";
import { EMBEDDINGS } from "../write/output-names.js";

/**
 * The work of an earlier run belongs to other texts or is damaged. Whoever catches the error begins the stage again
 * with `fresh`, which drops the work.
 */
export class StaleWorkError extends Error {}

/**
 * What an interrupted run left: a state to continue from, or the reason why the work does not fit. Neither is set if
 * there is no earlier work.
 */
export interface EarlierWork {
  readonly state?: WorkState;
  readonly misfit?: string;
}

/**
 * Looks for the work of an interrupted run. Nothing is dropped yet.
 * @param options.fresh treats any earlier work as unfit
 */
export async function findEarlierWork(options: {
  work: WorkArea;
  fingerprint: Fingerprint;
  fresh: boolean;
}): Promise<EarlierWork> {
  const { work, fingerprint, fresh } = options;
  const state = await work.readState();
  if (state === undefined) return {};
  if (fresh) return { misfit: "--fresh" };
  const change = fingerprintChange(state.fingerprint, fingerprint);
  if (change !== undefined) return { misfit: change };
  return existsSync(work.path(EMBEDDINGS)) ? { state } : { misfit: `${EMBEDDINGS} is gone` };
}

/** The vectors that an interrupted run stored. */
export interface StoredVectors {
  /** Rows of the stored vectors, by position in the store. */
  readonly rows: Float64Array;
  /** Continues the store; absent if the store is finished or empty. The caller closes the writer. */
  readonly writer?: VectorStoreWriter;
}

/**
 * Opens the store of an earlier run for continuation.
 * @param path the store
 * @param state the state to continue from; undefined if there is none, which gives an empty result
 * @throws StaleWorkError if the store does not hold what its state says
 */
export async function openStoredVectors(path: string, state: WorkState | undefined): Promise<StoredVectors> {
  if (state === undefined || (state.stored === 0 && !state.complete)) return { rows: new Float64Array(0) };
  try {
    if (!state.complete) {
      const writer = await openVectorStoreWriter({ path, dim: state.dim, resumeAt: state.stored });
      return { rows: writer.resumedRows, writer };
    }
    const store = await openVectorStore(path);
    const rows = await store.rows();
    await store.close();
    if (rows.length !== state.stored) throw new Error(`${path} holds ${rows.length} vectors, expected ${state.stored}`);
    return { rows };
  } catch (cause) {
    throw new StaleWorkError(`what the earlier run has left is damaged: ${(cause as Error).message}`);
  }
}
