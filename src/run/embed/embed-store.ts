import { OutageError } from "../../embed/endpoint/outage.js";
import type { WindowVectors } from "../../embed/local/embedder.js";
import type { Stage } from "../../reporter.js";
import type { FileDigest } from "../../vectors/store-writer.js";
import type { TextWindow } from "../read/read-texts.js";
import type { WorkArea } from "../work/work-area.js";
import type { Fingerprint, RefusedText } from "../work/work-state.js";
import { CheckpointedStore } from "./checkpointed-store.js";
import { type EarlierWork, findEarlierWork, openStoredVectors, StaleWorkError } from "./earlier-work.js";
import { orderedMap } from "./ordered-map.js";

/** Number of windows in flight: one is being tokenized, one is on the device, one is being stored. */
const WINDOWS_IN_FLIGHT = 3;

/**
 * Version of `state.json`. A new number makes this program ignore the work of earlier versions, whose fields mean
 * something else.
 */
const STATE_FORMAT = 3;

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
  /** Size and SHA-256 of the store; absent if an earlier run wrote a part of it. */
  readonly file?: FileDigest;
}

/**
 * Gives the vectors of a window: a model that embeds the texts, or a normaliser of the vectors that came with the
 * input.
 */
export interface WindowEmbedder {
  readonly dim: number;
  embed(window: TextWindow): Promise<WindowVectors>;
  /** As in `Embedder`. */
  busy?(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** Options of `embedToStore`. */
export interface EmbedToStoreOptions {
  readonly windows: AsyncGenerator<TextWindow>;
  readonly work: WorkArea;
  readonly fingerprint: Fingerprint;
  /** Starts the embedder. Not called if an earlier run has embedded everything. */
  readonly startEmbedder: () => Promise<WindowEmbedder>;
  /** Drops the work of an interrupted run. */
  readonly fresh: boolean;
  readonly stage: Stage;
  readonly note: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Embeds windows of texts into the store of the work area. If an interrupted run with the same fingerprint left work
 * there, this run continues it: the texts are read and hashed again but not embedded again. Batches are planned within
 * a window and checkpoints cover whole windows, so the vectors do not depend on where a run was interrupted.
 * @returns the counts of this run together with those of the run that it continues
 * @throws StaleWorkError if the texts are not those of the earlier run, or if its work cannot be read; OutageError that
 * speaks of resuming if the server is given up; TooManyRefusedError
 */
export async function embedToStore(options: EmbedToStoreOptions): Promise<EmbeddedTexts> {
  const { work, fresh, stage, signal } = options;
  const fingerprint = { ...options.fingerprint, "state format": STATE_FORMAT };
  const earlier = await findEarlierWork({ work, fingerprint, fresh });
  const embedder = onDemand(options.startEmbedder, signal);
  let store: CheckpointedStore | undefined;
  try {
    await continueOrDrop(earlier, embedder, options);
    const stored = await openStoredVectors(work, earlier.state);
    store = new CheckpointedStore({ work, fingerprint, earlier: earlier.state, stored });
    // The model loads while the first window is read. If loading fails, the window that waits for the model reports the
    // error.
    if (earlier.state === undefined) embedder.start().catch(() => {});
    await embedWindows(store, embedder, options);
    for (const [part, milliseconds] of Object.entries(await embedder.busy())) stage.busy?.(part, milliseconds);
    const file = await store.finish(async () => (await embedder.start()).dim);
    return { rowOfVector: Float64Array.from(store.rows), ...store.totals, resumed: store.resumed, file };
  } catch (error) {
    if (!(error instanceof StaleWorkError)) await store?.save().catch(() => {});
    // A stopped run rejects with the reason of the stop, not with the news that its workers were closed.
    signal?.throwIfAborted();
    if (!(error instanceof OutageError)) throw error;
    throw new OutageError(`${error.message}, then run the same command again: it resumes where it stopped`);
  } finally {
    await store?.close();
    await embedder.close();
  }
}

/** Notes that earlier work is continued, or drops work that does not fit. */
async function continueOrDrop(
  { state, misfit }: EarlierWork,
  embedder: EmbedderOnDemand,
  { work, fresh, note }: EmbedToStoreOptions,
): Promise<void> {
  if (state !== undefined) note(`continuing an interrupted run: ${state.stored} texts are embedded already`);
  if (misfit === undefined) return;
  // Work that may have taken hours is dropped only once the model has started.
  await embedder.start();
  if (!fresh) note(`starting over, the interrupted run does not fit: ${misfit}`);
  await work.clear();
}

/**
 * Takes all windows in order. Windows whose vectors the store lacks are embedded, several at once, and stored in order.
 */
async function embedWindows(
  store: CheckpointedStore,
  embedder: EmbedderOnDemand,
  { windows, stage, signal }: EmbedToStoreOptions,
): Promise<void> {
  const embed = async (window: TextWindow) => {
    if (store.holds(window)) return { window };
    const started = await embedder.start();
    return { window, embedded: { vectors: await started.embed(window), dim: started.dim } };
  };
  let done = 0;
  for await (const { window, embedded } of orderedMap(windows, embed, WINDOWS_IN_FLIGHT)) {
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
