import { join } from "node:path";
import type { Stage } from "../../reporter.js";
import type { FileDigest } from "../../vectors/store-writer.js";
import type { VectorCache } from "../../workers/vector-cache.js";
import type { TextWindow } from "../read/read-texts.js";
import type { FileRecord } from "../work/manifest.js";
import type { WorkArea } from "../work/work-area.js";
import type { Fingerprint, RefusedText, WorkState } from "../work/work-state.js";
import { EMBEDDINGS } from "../write/output-names.js";
import { CheckpointedStore } from "./checkpointed-store.js";
import { type EarlierWork, findEarlierWork, openStoredVectors, StaleWorkError } from "./earlier-work.js";
import { embedInOrder, withResume } from "./embed-windows.js";
import { type FinishedVectors, findFinishedVectors } from "./finished-vectors.js";
import type { WindowEmbedder } from "./window-embedder.js";

/** Result of the embedding stage. */
export interface EmbeddedTexts {
  /** First row of each vector's text, by position in the store. */
  readonly rowOfVector: Float64Array;
  readonly dim: number;
  /** Number of texts that were cut to the model's length. */
  readonly truncated: number;
  /** Number of tokens that the model has seen. */
  readonly tokens: number;
  /** Texts that the server refused to embed, by their first rows, ascending. */
  readonly refused: readonly RefusedText[];
  /** Number of vectors that an earlier, interrupted run had stored. */
  readonly resumed: number;
  /** Number of vectors of the finished run in the output folder that are used again: all of them, or 0. */
  readonly reused: number;
  /** Path of the store: in the work area, or in the output folder if its vectors are used again. */
  readonly storePath: string;
  /** The complete state of the store, by which a later run recognises its vectors. */
  readonly state: WorkState;
  /** Size and SHA-256 of the store; absent if an interrupted run wrote a part of it. */
  readonly file?: FileDigest;
}

/** Options of `embedToStore`. */
export interface EmbedToStoreOptions {
  readonly windows: AsyncGenerator<TextWindow>;
  readonly work: WorkArea;
  readonly fingerprint: Fingerprint;
  /** Identity of every input, in order: vectors of a finished run belong to these. */
  readonly inputs: readonly FileRecord[];
  /** Knows vectors of earlier runs; absent if the run has no cache. */
  readonly cache?: VectorCache;
  /** Characters of missing texts that are embedded together, as of a window. */
  readonly windowChars?: number;
  /** `--memory`, in bytes. */
  readonly memory?: number;
  /** Starts the embedder. Not called if an earlier run or the cache has every vector. */
  readonly startEmbedder: () => Promise<WindowEmbedder>;
  /** Embeds everything, whatever earlier runs have left. */
  readonly fresh: boolean;
  readonly stage: Stage;
  readonly note: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Embeds windows of texts into the store of the work area. If an interrupted run with the same fingerprint left work
 * there, this run continues it: the texts are read and hashed again but not embedded again. Batches are planned within
 * a window and checkpoints cover whole windows, so the vectors do not depend on where a run was interrupted. A store of
 * the output folder that a finished run with the same inputs and fingerprint left is taken as it is, where it is.
 * @returns the counts of this run together with those of the run that it continues
 * @throws StaleWorkError if the texts are not those of the earlier run, or if its work cannot be read; OutageError that
 * speaks of resuming if the server is given up; TooManyRefusedError
 */
export async function embedToStore(options: EmbedToStoreOptions): Promise<EmbeddedTexts> {
  const { work, fingerprint, fresh, stage, signal } = options;
  const earlier = await findEarlierWork({ work, fingerprint, fresh });
  const finished =
    fresh || earlier.state !== undefined
      ? undefined
      : await findFinishedVectors({ out: work.out, fingerprint, inputs: options.inputs });
  const state = earlier.state ?? finished?.state;
  const storePath = finished === undefined ? work.path(EMBEDDINGS) : join(work.out, EMBEDDINGS);
  const embedder = onDemand(options.startEmbedder, signal);
  let store: CheckpointedStore | undefined;
  try {
    await continueOrDrop({ earlier, finished, embedder, options });
    const stored = await openStoredVectors(storePath, state);
    store = new CheckpointedStore({ work, fingerprint, earlier: state, stored });
    // The model loads while the first window is read. If loading fails, the window that waits for the model reports the
    // error. With a cache, nothing may be missing.
    if (state === undefined && options.cache === undefined) embedder.start().catch(() => {});
    await embedWindows(store, embedder, options);
    const busy = { ...(await embedder.busy()), ...(options.cache === undefined ? {} : { cache: options.cache.busy }) };
    for (const [part, milliseconds] of Object.entries(busy)) stage.busy?.(part, milliseconds);
    const file = (await store.finish(async () => (await embedder.start()).dim)) ?? finished?.file;
    return {
      rowOfVector: Float64Array.from(store.rows),
      ...store.totals,
      resumed: finished === undefined ? store.resumed : 0,
      reused: finished === undefined ? 0 : store.resumed,
      storePath,
      state: store.state,
      file,
    };
  } catch (error) {
    if (!(error instanceof StaleWorkError)) await store?.save().catch(() => {});
    // A stopped run rejects with the reason of the stop, not with the news that its workers were closed.
    signal?.throwIfAborted();
    throw withResume(error);
  } finally {
    await store?.close();
    await embedder.close();
  }
}

/** Notes that earlier work is continued or used again, and drops work that does not fit. */
async function continueOrDrop({
  earlier: { state, misfit },
  finished,
  embedder,
  options: { work, fresh, note },
}: {
  readonly earlier: EarlierWork;
  readonly finished: FinishedVectors | undefined;
  readonly embedder: EmbedderOnDemand;
  readonly options: EmbedToStoreOptions;
}): Promise<void> {
  if (state !== undefined) note(`continuing an interrupted run: ${state.stored} texts are embedded already`);
  if (finished !== undefined) {
    note(`the inputs and the model are those of the last run: its ${finished.state.stored} vectors are used again`);
  }
  if (misfit === undefined) return;
  // Work that may have taken hours is dropped only once the model has started.
  if (finished === undefined) await embedder.start();
  if (!fresh) note(`starting over, the interrupted run does not fit: ${misfit}`);
  await work.clear();
}

/**
 * Takes all windows in order. Windows whose vectors the store lacks are embedded, several at once, and stored in order.
 */
async function embedWindows(
  store: CheckpointedStore,
  embedder: EmbedderOnDemand,
  { windows, cache, windowChars, memory, stage, signal }: EmbedToStoreOptions,
): Promise<void> {
  const stored = (window: TextWindow) => store.holds(window);
  const start = () => embedder.start();
  let done = 0;
  for await (const { window, embedded } of embedInOrder({ windows, stored, start, cache, windowChars, memory })) {
    store.read(window);
    if (embedded === undefined) store.takeStored();
    else {
      const storing = performance.now();
      await store.append(window, embedded.vectors, embedded.dim);
      stage.waited?.("store", performance.now() - storing);
    }
    done += window.texts.length;
    stage.advance(done);
    signal?.throwIfAborted();
    await store.saveIfDue();
  }
}

/** An embedder that starts at the first call of `start`. */
type EmbedderOnDemand = ReturnType<typeof onDemand>;

/**
 * Wraps `startEmbedder` so that the embedder starts on demand. An abort closes the embedder at once and gives up the
 * windows in flight, because a slow model may need minutes for them.
 */
function onDemand(startEmbedder: () => Promise<WindowEmbedder>, signal: AbortSignal | undefined) {
  let starting: Promise<WindowEmbedder> | undefined;
  const end = async () => {
    await starting?.then(({ close }) => close()).catch(() => {});
  };
  signal?.addEventListener("abort", end);
  return {
    start(): Promise<WindowEmbedder> {
      starting ??= startEmbedder();
      return starting;
    },
    /** Busy milliseconds of the embedder's parts; empty if the embedder was not started. */
    busy: async () => (await starting)?.busy?.() ?? {},
    async close(): Promise<void> {
      signal?.removeEventListener("abort", end);
      await end();
    },
  };
}
