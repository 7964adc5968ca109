import { createHash, type Hash } from "node:crypto";
import type { WindowVectors } from "../../embed/local/embedder.js";
import { type FileDigest, openVectorStoreWriter, type VectorStoreWriter } from "../../vectors/store-writer.js";
import type { TextWindow } from "../read/read-texts.js";
import type { WorkArea } from "../work/work-area.js";
import type { Fingerprint, WorkState } from "../work/work-state.js";
import { EMBEDDINGS } from "../write/output-names.js";
import { StaleWorkError, type StoredVectors } from "./earlier-work.js";
import { takeDirected } from "./embed-windows.js";
import { addRefused, requireFewRefused } from "./refused-texts.js";

/** Shortest time between two saves of the state, in milliseconds. An interruption saves the state as well. */
const SAVE_EVERY = 500;
/** Largest share of the run's time that saving may take; a slow disk lengthens the time between saves accordingly. */
const SAVE_SHARE = 0.02;

/**
 * The vector store of the work area while the run fills it, with checkpoints from which a later run continues.
 *
 * Windows arrive in order. For each window the caller calls `read` and then either `takeStored`, if `holds` said that
 * the store has its vectors, or `append`. A checkpoint covers whole windows only, and a window's batches depend on the
 * window's texts alone. A continued run therefore makes the same vectors as an uninterrupted one.
 */
export class CheckpointedStore {
  /** First row of each vector's text, by position in the store. */
  readonly rows: number[] = [];
  readonly #work: WorkArea;
  /** The state that an interrupted run saved. */
  readonly #earlier: WorkState | undefined;
  /** Rows of the vectors that the interrupted run stored, by position in the store. */
  readonly #storedRows: Float64Array;
  #writer: VectorStoreWriter | undefined;
  /** The state as of the last window that is stored whole. */
  #state: WorkState;
  /** True if `#state` is newer than the saved state and every vector that `#state` counts has been written. */
  #unsaved = false;
  #nextSave = performance.now() + SAVE_EVERY;
  /** SHA-256 over all texts read so far. It proves to a continued run that the inputs are still the same. */
  readonly #digest = createHash("sha256");
  /** First row of the last text read so far; -1 before the first text. */
  #reached = -1;
  /** Number of texts read so far. */
  #texts = 0;

  /**
   * @param options.earlier the state to continue from; absent if the run starts anew
   * @param options.stored what the work area holds; this object takes over the writer and closes it
   */
  constructor(options: { work: WorkArea; fingerprint: Fingerprint; earlier?: WorkState; stored: StoredVectors }) {
    const { work, fingerprint, earlier, stored } = options;
    const empty = { stored: 0, complete: false, dim: 0, through: -1, digest: "", truncated: 0, tokens: 0, refused: [] };
    this.#work = work;
    this.#earlier = earlier;
    this.#storedRows = stored.rows;
    this.#writer = stored.writer;
    this.#state = earlier ?? { fingerprint, ...empty };
  }

  /**
   * Components of a vector, and the truncated and refused texts and the tokens of this run together with those of the
   * run that it continues.
   */
  get totals(): Pick<WorkState, "dim" | "truncated" | "tokens" | "refused"> {
    const { dim, truncated, tokens, refused } = this.#state;
    return { dim, truncated, tokens, refused };
  }

  /** The state as of the last window that is stored whole; complete once `finish` has returned. */
  get state(): WorkState {
    return this.#state;
  }

  /** Number of vectors that an earlier run had stored. */
  get resumed(): number {
    return this.#storedRows.length;
  }

  /**
   * Whether the store has the vectors of a window. The answer looks at the first text only: if an interrupted run ended
   * inside the window, which means that the inputs have changed, `takeStored` throws.
   */
  holds({ rows: [first] }: TextWindow): boolean {
    return this.#earlier !== undefined && (this.#earlier.complete || first <= this.#earlier.through);
  }

  /** Takes the next window into the digest, its vectors too if the input brought them. */
  read(window: TextWindow): void {
    const { rows } = window;
    hashTexts(this.#digest, window);
    this.#reached = rows[rows.length - 1];
    this.#texts += rows.length;
  }

  /**
   * Accounts for the stored vectors of the window read last.
   * @throws StaleWorkError if the window's texts are not the texts that were stored
   */
  takeStored(): void {
    const through = this.#earlier?.through ?? -1;
    const last = this.#reached;
    if (last > through) throw changed();
    const { rows } = this;
    while (rows.length < this.#storedRows.length && this.#storedRows[rows.length] <= last) {
      rows.push(this.#storedRows[rows.length]);
    }
    if (last === through && this.#position().digest !== this.#earlier?.digest) throw changed();
  }

  /**
   * Stores the vectors of the window read last. Texts without a direction get no vector, and neither do those that the
   * server refuses.
   * @param vectors unit vectors, one row of `dim` components a text; written before this call settles
   * @throws TooManyRefusedError, before the window is stored, if the server refuses too many texts
   */
  async append(window: TextWindow, vectors: WindowVectors, dim: number): Promise<void> {
    const refused = addRefused(this.#state.refused, window, vectors);
    const writer = await this.#open(dim);
    // Until the whole window is stored, there is nothing new to save.
    this.#unsaved = false;
    const directed = takeDirected(window, vectors, dim);
    await writer.append(directed.rows, directed.vectors);
    for (const row of directed.rows) this.rows.push(row);
    const truncated = vectors.truncated.reduce((sum, cut) => sum + cut, this.#state.truncated);
    const tokens = this.#state.tokens + vectors.tokens;
    this.#state = { ...this.#state, stored: this.rows.length, truncated, tokens, refused, ...this.#position() };
    this.#unsaved = true;
  }

  /** Saves the state if the last save was long enough ago. */
  async saveIfDue(): Promise<void> {
    const now = performance.now();
    if (now < this.#nextSave) return;
    await this.save();
    const after = performance.now();
    this.#nextSave = after + Math.max(SAVE_EVERY, (after - now) / SAVE_SHARE);
  }

  /**
   * Syncs the stored vectors to disk, then saves the state that counts them. This order matters: a state must never
   * count vectors that a power cut could take away.
   */
  async save(): Promise<void> {
    const state = this.#state;
    if (!this.#unsaved || this.#writer === undefined) return;
    this.#unsaved = false;
    if ((await this.#writer.sync()) === state.stored) await this.#work.saveState(state);
  }

  /**
   * Finishes the store after the last window; from then on a reader can open it. Making the store durable goes on
   * beside the next stages, and `WorkArea.publish` waits for it. A run that is killed before then resumes from its last
   * checkpoint.
   * @param modelDim called if no text has a direction: the empty store then takes the model's dimension
   * @returns size and SHA-256 of the store if this run wrote all of it, else undefined
   * @throws StaleWorkError if an interrupted run had stored more texts than this run has read, or other texts;
   * TooManyRefusedError if the server refuses too large a share of the texts
   */
  async finish(modelDim: () => Promise<number>): Promise<FileDigest | undefined> {
    const complete = this.#earlier?.complete ?? false;
    const position = this.#position();
    if (this.rows.length < this.resumed || (complete && position.digest !== this.#earlier?.digest)) throw changed();
    requireFewRefused(this.#state.refused, this.#texts);
    if (complete) return undefined;
    const writer = this.#writer ?? (await this.#open(await modelDim()));
    const file = await writer.complete();
    this.#writer = undefined;
    const state = { ...this.#state, ...position, complete: true };
    this.#state = state;
    this.#work.aside(async () => {
      await writer.close();
      await this.#work.saveState(state);
      await writer.removeTails();
    });
    return file;
  }

  /** Closes the writer of an unfinished store. The file stays, and a later run can continue it. */
  async close(): Promise<void> {
    await this.#writer?.close().catch(() => {});
  }

  /** The writer; the first call that needs a writer creates the file. */
  async #open(dim: number): Promise<VectorStoreWriter> {
    this.#state = { ...this.#state, dim };
    this.#writer ??= await openVectorStoreWriter({ path: this.#work.path(EMBEDDINGS), dim });
    return this.#writer;
  }

  /** How far the texts have been read: the last row and the digest. */
  #position(): Pick<WorkState, "through" | "digest"> {
    return { through: this.#reached, digest: this.#digest.copy().digest("hex") };
  }
}

/** Takes the texts of a window into a digest, its vectors too if the input brought them; the borders of windows do not matter. */
export function hashTexts(digest: Hash, { texts, vectors }: TextWindow): void {
  if (vectors === undefined) digest.update(`${texts.join("\0")}\0`);
  else for (const [i, text] of texts.entries()) digest.update(`${text}\0`).update(vectors[i]);
}

function changed(): StaleWorkError {
  return new StaleWorkError("the inputs have changed since they were embedded");
}
