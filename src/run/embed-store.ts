import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import type { WindowVectors } from "../embed/embedder.js";
import { orderedMap } from "../embed/ordered-map.js";
import { openVectorStore } from "../io/vector-store.js";
import { openVectorStoreWriter, storeBatchRows, type VectorStoreWriter } from "../io/vector-store-writer.js";
import type { TextWindow } from "./read-texts.js";
import type { Stage } from "./reporter.js";
import { type Fingerprint, fingerprintChange, type WorkArea, type WorkState } from "./work-area.js";

/** Name of the store in the work area and in the output folder. */
export const EMBEDDINGS = "embeddings.arrow";

/** Windows under way at once: one being tokenized, one on the device, one being stored. */
const WINDOWS_IN_FLIGHT = 3;

/** State is saved at most this often, in milliseconds; an interruption saves it as well. */
const SAVE_EVERY = 2000;

/** What the embedding stage did. */
export interface EmbeddedTexts {
  /** First row of each vector's text, by position in the store. */
  readonly rowOfVector: Float64Array;
  readonly dim: number;
  /** Texts that were cut to the model's length. */
  readonly truncated: number;
  /** Tokens that the model has seen. */
  readonly tokens: number;
  /** Vectors that an earlier, interrupted run had stored. */
  readonly resumed: number;
}

/** Gives the vectors of a window: a model that embeds its texts, or what brings its own vectors to unit length. */
export interface WindowEmbedder {
  readonly dim: number;
  embed(window: TextWindow): Promise<WindowVectors>;
  close(): Promise<void>;
}

/** The work that an earlier run left belongs to other texts; it has been dropped and the stage must begin anew. */
export class StaleWorkError extends Error {}

/**
 * Embeds windows of texts into the store of the work area. Continues what an interrupted run with the same fingerprint
 * left there: its texts are read and hashed again but not embedded again. Batches are planned by window, so that the
 * vectors are the same wherever the run was interrupted.
 * @throws StaleWorkError where the texts turn out not to be those of the earlier run
 */
export async function embedToStore(options: {
  windows: AsyncGenerator<TextWindow>;
  work: WorkArea;
  fingerprint: Fingerprint;
  /** Starts the embedder; called only if there is something to embed. */
  startEmbedder: () => Promise<WindowEmbedder>;
  fresh: boolean;
  stage: Stage;
  note: (message: string) => void;
  signal?: AbortSignal;
}): Promise<EmbeddedTexts> {
  const { windows, work, fingerprint, fresh, stage, note, signal } = options;
  const path = work.path(EMBEDDINGS);
  const state = await usableState(work, fingerprint, fresh, note);
  const digest = createHash("sha256");
  const rows: number[] = [];
  let embedder: WindowEmbedder | undefined;
  let starting: Promise<WindowEmbedder> | undefined;
  // Windows under way are given up at once when the run is stopped: a slow model may need minutes for them.
  const stop = async () => {
    await starting?.then(({ close }) => close()).catch(() => {});
  };
  signal?.addEventListener("abort", stop);
  const stale = () => new StaleWorkError("the inputs have changed since the interrupted run");
  const start = async () => {
    starting ??= options.startEmbedder();
    embedder = await starting;
    return embedder;
  };
  let writer: VectorStoreWriter | undefined;
  let dim = state?.dim ?? 0;
  const resumedRows = await readResumedRows();
  const lastResumed = resumedRows.at(-1) ?? -1;
  let truncated = state?.truncated ?? 0;
  let tokens = state?.tokens ?? 0;
  let checkpoint: WorkState | undefined = state;
  let lastSave = performance.now();

  /** Rows of the vectors that are stored already; opens the store for writing unless it is finished. */
  async function readResumedRows(): Promise<Float64Array> {
    if (state === undefined || state.stored === 0) return new Float64Array(0);
    if (!state.complete) {
      writer = await openVectorStoreWriter({ path, dim, resumeAt: state.stored });
      return writer.resumedRows;
    }
    const store = await openVectorStore(path);
    const all = await store.rows();
    await store.close();
    return all;
  }
  const embed = async (window: TextWindow): Promise<{ window: TextWindow; vectors?: WindowVectors }> => {
    // A window that is stored whole is not embedded again; one that is stored in part is, so that its batches are the same.
    if ((window.rows.at(-1) as number) <= lastResumed || state?.complete) return { window };
    return { window, vectors: await (await start()).embed(window) };
  };
  const save = async () => {
    if (checkpoint === undefined || checkpoint === state || writer === undefined) return;
    await writer.sync();
    await work.saveState(checkpoint);
  };
  try {
    let done = 0;
    for await (const { window, vectors } of orderedMap(windows, embed, WINDOWS_IN_FLIGHT)) {
      signal?.throwIfAborted();
      if (vectors !== undefined && writer === undefined) {
        dim = (embedder as WindowEmbedder).dim;
        writer = await openVectorStoreWriter({ path, dim });
      }
      const batchRows = storeBatchRows(dim);
      const newRows: number[] = [];
      const newVectors = vectors === undefined ? undefined : new Float32Array(vectors.vectors.length);
      for (let i = 0; i < window.texts.length; i++) {
        const row = window.rows[i];
        digest.update(window.texts[i]).update("\0");
        if (window.vectors !== undefined) digest.update(window.vectors[i]);
        if (row <= lastResumed) {
          if (resumedRows[rows.length] === row) rows.push(row);
        } else if (vectors !== undefined) {
          truncated += vectors.truncated[i];
          if (vectors.directed[i] === 0) continue;
          newVectors?.set(vectors.vectors.subarray(i * dim, (i + 1) * dim), newRows.length * dim);
          newRows.push(row);
          rows.push(row);
        } else continue;
        if (row === lastResumed && !state?.complete && digest.copy().digest("hex") !== state?.digest) throw stale();
        if (row > lastResumed && rows.length % batchRows === 0) {
          const at = digest.copy().digest("hex");
          checkpoint = { fingerprint, stored: rows.length, complete: false, dim, digest: at, truncated, tokens };
        }
      }
      if (newVectors !== undefined) {
        tokens += vectors?.tokens ?? 0;
        await writer?.append(newRows, newVectors.subarray(0, newRows.length * dim));
      }
      done += window.texts.length;
      stage.advance(done);
      if (performance.now() - lastSave > SAVE_EVERY) {
        await save();
        lastSave = performance.now();
      }
    }
    const texts = digest.digest("hex");
    if (rows.length < resumedRows.length || (state?.complete && texts !== state.digest)) throw stale();
    if (!state?.complete) {
      // Even where no text has a direction there is a store, empty, of the model's dimension.
      if (writer === undefined) {
        dim = (await start()).dim;
        writer = await openVectorStoreWriter({ path, dim });
      }
      await writer.finish();
      writer = undefined;
      const counts = { stored: rows.length, truncated, tokens };
      await work.saveState({ fingerprint, ...counts, complete: true, dim, digest: texts });
    }
  } catch (error) {
    await (error instanceof StaleWorkError ? work.clear() : save()).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await writer?.close().catch(() => {});
    await stop();
  }
  return { rowOfVector: Float64Array.from(rows), dim, truncated, tokens, resumed: resumedRows.length };
}

/** State of an interrupted run if it can be continued; says why where it cannot. */
async function usableState(
  work: WorkArea,
  fingerprint: Fingerprint,
  fresh: boolean,
  note: (message: string) => void,
): Promise<WorkState | undefined> {
  const state = await work.readState();
  if (state === undefined) return undefined;
  const change = fingerprintChange(state.fingerprint, fingerprint);
  if (!fresh && change === undefined && existsSync(work.path(EMBEDDINGS))) {
    note(`continuing an interrupted run: ${state.stored} texts are embedded already`);
    return state;
  }
  if (!fresh) note(`starting over, the interrupted run does not fit: ${change ?? `${EMBEDDINGS} is gone`}`);
  await work.clear();
  return undefined;
}
