import type { WindowVectors } from "../../embed/local/embedder.js";
import type { Stage } from "../../reporter.js";
import type { FileDigest } from "../../vectors/store-writer.js";
import type { TextWindow } from "../read/read-texts.js";
import type { Fingerprint, WorkArea } from "../work/work-area.js";
import { CheckpointedStore } from "./checkpointed-store.js";
import { type EarlierWork, findEarlierWork, openStoredVectors, StaleWorkError } from "./earlier-work.js";
import { orderedMap } from "./ordered-map.js";

/** Windows under way at once: one being tokenized, one on the device, one being stored. */
const WINDOWS_IN_FLIGHT = 3;

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

/** How the embedding stage is set up. */
export interface EmbedToStoreOptions {
  readonly windows: AsyncGenerator<TextWindow>;
  readonly work: WorkArea;
  readonly fingerprint: Fingerprint;
  /** Starts the embedder; called unless an earlier run has embedded everything. */
  readonly startEmbedder: () => Promise<WindowEmbedder>;
  readonly fresh: boolean;
  readonly stage: Stage;
  readonly note: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Embeds windows of texts into the store of the work area. Continues what an interrupted run with the same fingerprint
 * left there: its texts are read and hashed again but not embedded again. Batches are planned by window and work is saved
 * by whole windows, so that the vectors are the same wherever the run was interrupted.
 * @throws StaleWorkError where the texts turn out not to be those of the earlier run, or its work cannot be read
 */
export async function embedToStore(options: EmbedToStoreOptions): Promise<EmbeddedTexts> {
  const { work, fresh, stage, signal } = options;
  const fingerprint = { ...options.fingerprint, "state format": STATE_FORMAT };
  const earlier = await findEarlierWork({ work, fingerprint, fresh });
  const embedder = onDemand(options.startEmbedder, signal);
  let store: CheckpointedStore | undefined;
  try {
    await settleEarlierWork(earlier, embedder, options);
    const stored = await openStoredVectors(work, earlier.state);
    store = new CheckpointedStore({ work, fingerprint, earlier: earlier.state, stored });
    // It loads while the first window is read. Where it cannot, the window that waits for it says so.
    if (earlier.state === undefined) embedder.start().catch(() => {});
    await embedWindows(store, embedder, options);
    for (const [part, milliseconds] of Object.entries(await embedder.busy())) stage.busy?.(part, milliseconds);
    const file = await store.finish(async () => (await embedder.start()).dim);
    return { rowOfVector: Float64Array.from(store.rows), ...store.totals, resumed: store.resumed, file };
  } catch (error) {
    if (!(error instanceof StaleWorkError)) await store?.save().catch(() => {});
    // A stopped run rejects with the reason of the stop, not with the news that its workers were closed.
    signal?.throwIfAborted();
    throw error;
  } finally {
    await store?.close();
    await embedder.close();
  }
}

/** Says that earlier work is continued, or drops it. */
async function settleEarlierWork(
  { state, misfit }: EarlierWork,
  embedder: EmbedderOnDemand,
  { work, fresh, note }: EmbedToStoreOptions,
): Promise<void> {
  if (state !== undefined) note(`continuing an interrupted run: ${state.stored} texts are embedded already`);
  if (misfit === undefined) return;
  // What may have taken hours is dropped only when there is a model to begin anew with.
  await embedder.start();
  if (!fresh) note(`starting over, the interrupted run does not fit: ${misfit}`);
  await work.clear();
}

/** Takes all windows: those whose vectors the store does not hold are embedded, several at once, and stored in order. */
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

/** An embedder that starts when it is first needed. */
type EmbedderOnDemand = ReturnType<typeof onDemand>;

/** Windows under way are given up at once when the run is stopped: a slow model may need minutes for them. */
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
    /** Milliseconds of its workers; none where it was not started. */
    busy: async () => (await starting)?.busy?.() ?? {},
    async close(): Promise<void> {
      signal?.removeEventListener("abort", end);
      await end();
    },
  };
}
