import { existsSync } from "node:fs";
import { openVectorStore } from "../../vectors/store.js";
import { openVectorStoreWriter, type VectorStoreWriter } from "../../vectors/store-writer.js";
import { type Fingerprint, fingerprintChange, type WorkArea, type WorkState } from "../work/work-area.js";
import { EMBEDDINGS } from "../write/output-names.js";

/** The work that an earlier run left belongs to other texts or is damaged; the stage must begin anew with `fresh`, which drops it. */
export class StaleWorkError extends Error {}

/** What an interrupted run has left: its state where it can be continued, else why it cannot. */
export interface EarlierWork {
  readonly state?: WorkState;
  readonly misfit?: string;
}

/** Looks for the work of an interrupted run. @param options.fresh drops it in any case */
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

/** The store of an interrupted run. */
export interface StoredVectors {
  /** Rows of the vectors that it holds, in their order. */
  readonly rows: Float64Array;
  /** Continues the store; absent where it is finished or holds nothing. The caller closes it. */
  readonly writer?: VectorStoreWriter;
}

/**
 * Opens the store of an interrupted run.
 * @throws StaleWorkError where the store does not hold what its state says
 */
export async function openStoredVectors(work: WorkArea, state: WorkState | undefined): Promise<StoredVectors> {
  if (state === undefined || (state.stored === 0 && !state.complete)) return { rows: new Float64Array(0) };
  const path = work.path(EMBEDDINGS);
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
    throw new StaleWorkError(`what the interrupted run has left is damaged: ${(cause as Error).message}`);
  }
}
