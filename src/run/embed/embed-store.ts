import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import type { WindowVectors } from "../../embed/local/embedder.js";
import type { Stage } from "../../reporter.js";
import { openVectorStore } from "../../vectors/store.js";
import { type FileDigest, openVectorStoreWriter, type VectorStoreWriter } from "../../vectors/store-writer.js";
import type { TextWindow } from "../read/read-texts.js";
import { type Fingerprint, fingerprintChange, type WorkArea, type WorkState } from "../work/work-area.js";
import { orderedMap } from "./ordered-map.js";

/** Name of the store in the work area and in the output folder. */
export const EMBEDDINGS = "embeddings.arrow";

/** Windows under way at once: one being tokenized, one on the device, one being stored. */
const WINDOWS_IN_FLIGHT = 3;

/**
 * State is saved at most this often, in milliseconds, and so seldom that it takes no more than this part of the time; an
 * interruption saves it as well.
 */
const SAVE_EVERY = 500;
const SAVE_SHARE = 0.02;

/** Changes where the state of an earlier version of this program means something else. */
const STATE_FORMAT = 2;

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
  /** What identifies the store, where all of it was written by this run. */
  readonly file?: FileDigest;
}

/** Gives the vectors of a window: a model that embeds its texts, or what brings its own vectors to unit length. */
export interface WindowEmbedder {
  readonly dim: number;
  embed(window: TextWindow): Promise<WindowVectors>;
  /** As of an Embedder. */
  busy?(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** The work that an earlier run left belongs to other texts or is damaged; the stage must begin anew with `fresh`, which drops it. */
export class StaleWorkError extends Error {}

/**
 * Embeds windows of texts into the store of the work area. Continues what an interrupted run with the same fingerprint
 * left there: its texts are read and hashed again but not embedded again. Batches are planned by window and work is saved
 * by whole windows, so that the vectors are the same wherever the run was interrupted.
 * @throws StaleWorkError where the texts turn out not to be those of the earlier run, or its work cannot be read
 */
export async function embedToStore(options: {
  windows: AsyncGenerator<TextWindow>;
  work: WorkArea;
  fingerprint: Fingerprint;
  /** Starts the embedder; called unless an earlier run has embedded everything. */
  startEmbedder: () => Promise<WindowEmbedder>;
  fresh: boolean;
  stage: Stage;
  note: (message: string) => void;
  signal?: AbortSignal;
}): Promise<EmbeddedTexts> {
  const { windows, work, fresh, stage, note, signal } = options;
  const fingerprint = { ...options.fingerprint, "state format": STATE_FORMAT };
  const path = work.path(EMBEDDINGS);
  const { state, misfit } = await earlierWork(work, fingerprint, fresh);
  const through = state?.through ?? -1;
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
  let file: FileDigest | undefined;
  let dim = state?.dim ?? 0;
  let truncated = state?.truncated ?? 0;
  let tokens = state?.tokens ?? 0;
  let checkpoint: WorkState | undefined;
  let reached = -1;
  let nextSave = performance.now() + SAVE_EVERY;

  /** Rows of the vectors that are stored already; opens the store for writing unless it is finished. */
  async function readResumedRows(): Promise<Float64Array> {
    if (state === undefined || (state.stored === 0 && !state.complete)) return new Float64Array(0);
    if (!state.complete) {
      writer = await openVectorStoreWriter({ path, dim, resumeAt: state.stored });
      return writer.resumedRows;
    }
    const store = await openVectorStore(path);
    const all = await store.rows();
    await store.close();
    if (all.length !== state.stored) throw new Error(`${path} holds ${all.length} vectors, expected ${state.stored}`);
    return all;
  }
  const embed = async (window: TextWindow): Promise<{ window: TextWindow; vectors?: WindowVectors }> => {
    // One that begins before the end of the earlier work is stored whole; where it is not, the loop below will notice.
    if (window.rows[0] <= through || state?.complete) return { window };
    return { window, vectors: await (await start()).embed(window) };
  };
  const save = async () => {
    if (checkpoint === undefined || writer === undefined) return;
    const saved = checkpoint;
    checkpoint = undefined;
    if ((await writer.sync()) === saved.stored) await work.saveState(saved);
  };
  try {
    if (state !== undefined) note(`continuing an interrupted run: ${state.stored} texts are embedded already`);
    if (misfit !== undefined) {
      // What may have taken hours is dropped only when there is a model to begin anew with.
      await start();
      if (!fresh) note(`starting over, the interrupted run does not fit: ${misfit}`);
      await work.clear();
    }
    const resumedRows = await readResumedRows().catch((cause: Error) => {
      throw new StaleWorkError(`what the interrupted run has left is damaged: ${cause.message}`);
    });
    // It loads while the first window is read. Where it cannot, the window that waits for it says so.
    if (state === undefined) start().catch(() => {});
    let done = 0;
    for await (const { window, vectors } of orderedMap(windows, embed, WINDOWS_IN_FLIGHT)) {
      const last = window.rows.at(-1) as number;
      if (window.vectors === undefined) digest.update(`${window.texts.join("\0")}\0`);
      else for (const [i, text] of window.texts.entries()) digest.update(`${text}\0`).update(window.vectors[i]);
      if (vectors === undefined) {
        if (last > through) throw stale();
        while (rows.length < resumedRows.length && resumedRows[rows.length] <= last)
          rows.push(resumedRows[rows.length]);
        if (last === through && digest.copy().digest("hex") !== state?.digest) throw stale();
      } else {
        if (writer === undefined) {
          dim = (embedder as WindowEmbedder).dim;
          writer = await openVectorStoreWriter({ path, dim });
        }
        // Until the window is stored whole there is nothing new to save.
        checkpoint = undefined;
        const directed = takeDirected(window, vectors, dim);
        const storing = performance.now();
        await writer.append(directed.rows, directed.vectors);
        stage.waited?.("store", performance.now() - storing);
        for (const row of directed.rows) rows.push(row);
        for (const cut of vectors.truncated) truncated += cut;
        tokens += vectors.tokens;
        const counts = { stored: rows.length, dim, truncated, tokens };
        const at = digest.copy().digest("hex");
        checkpoint = { fingerprint, ...counts, complete: false, through: last, digest: at };
      }
      reached = last;
      done += window.texts.length;
      stage.advance(done);
      signal?.throwIfAborted();
      const now = performance.now();
      if (now >= nextSave) {
        await save();
        const after = performance.now();
        nextSave = after + Math.max(SAVE_EVERY, (after - now) / SAVE_SHARE);
      }
    }
    for (const [part, milliseconds] of Object.entries(embedder?.busy?.() ?? {})) stage.busy?.(part, milliseconds);
    const texts = digest.digest("hex");
    if (rows.length < resumedRows.length || (state?.complete && texts !== state.digest)) throw stale();
    if (!state?.complete) {
      // Even where no text has a direction there is a store, empty, of the model's dimension.
      if (writer === undefined) {
        dim = (await start()).dim;
        writer = await openVectorStoreWriter({ path, dim });
      }
      const finished = writer;
      file = await finished.complete();
      writer = undefined;
      const counts = { stored: rows.length, dim, truncated, tokens };
      // The vectors can be read by now; a run that is killed before they are durable resumes where it saved last.
      work.aside(async () => {
        await finished.close();
        await work.saveState({ fingerprint, ...counts, complete: true, through: reached, digest: texts });
        await finished.removeTails();
      });
    }
    return { rowOfVector: Float64Array.from(rows), dim, truncated, tokens, resumed: resumedRows.length, file };
  } catch (error) {
    if (!(error instanceof StaleWorkError)) await save().catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await writer?.close().catch(() => {});
    await stop();
  }
}

/** The rows and vectors of a window whose texts have a direction: mostly all of them. */
function takeDirected(window: TextWindow, { vectors, directed }: WindowVectors, dim: number) {
  if (!directed.includes(0)) return { rows: window.rows, vectors };
  const rows: number[] = [];
  const taken = new Float32Array(vectors.length);
  for (let i = 0; i < window.rows.length; i++) {
    if (directed[i] === 0) continue;
    taken.set(vectors.subarray(i * dim, (i + 1) * dim), rows.length * dim);
    rows.push(window.rows[i]);
  }
  return { rows, vectors: taken.subarray(0, rows.length * dim) };
}

/** What an interrupted run has left: its state where it can be continued, else why not. */
async function earlierWork(
  work: WorkArea,
  fingerprint: Fingerprint,
  fresh: boolean,
): Promise<{ state?: WorkState; misfit?: string }> {
  const state = await work.readState();
  if (state === undefined) return {};
  if (fresh) return { misfit: "--fresh" };
  const change = fingerprintChange(state.fingerprint, fingerprint);
  if (change !== undefined) return { misfit: change };
  return existsSync(work.path(EMBEDDINGS)) ? { state } : { misfit: `${EMBEDDINGS} is gone` };
}
