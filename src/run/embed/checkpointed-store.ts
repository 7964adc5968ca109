import { createHash } from "node:crypto";
import type { WindowVectors } from "../../embed/local/embedder.js";
import { type FileDigest, openVectorStoreWriter, type VectorStoreWriter } from "../../vectors/store-writer.js";
import type { TextWindow } from "../read/read-texts.js";
import type { Fingerprint, WorkArea, WorkState } from "../work/work-area.js";
import { EMBEDDINGS } from "../write/output-names.js";
import { StaleWorkError, type StoredVectors } from "./earlier-work.js";

/**
 * State is saved at most this often, in milliseconds, and so seldom that saving takes no more than this part of the time; an
 * interruption saves it as well.
 */
const SAVE_EVERY = 500;
const SAVE_SHARE = 0.02;

/**
 * The store of the work area while windows are embedded into it, with checkpoints from which a later run continues. Windows come in
 * order: `read` takes each of them, then either `takeStored` or `append`.
 */
export class CheckpointedStore {
  /** Row of each vector's text, by position in the store. */
  readonly rows: number[] = [];
  readonly #work: WorkArea;
  /** State and rows that an interrupted run has left. */
  readonly #earlier: WorkState | undefined;
  readonly #storedRows: Float64Array;
  #writer: VectorStoreWriter | undefined;
  /** The state after the last window that was stored. */
  #state: WorkState;
  /** Whether the state is newer than the one saved, and all that it counts is stored. */
  #unsaved = false;
  #nextSave = performance.now() + SAVE_EVERY;
  /** Over all texts read so far, and the row of the last of them. */
  readonly #digest = createHash("sha256");
  #reached = -1;

  /** Takes over the writer of what is stored already. */
  constructor(options: { work: WorkArea; fingerprint: Fingerprint; earlier?: WorkState; stored: StoredVectors }) {
    const { work, fingerprint, earlier, stored } = options;
    const empty = { stored: 0, complete: false, dim: 0, through: -1, digest: "", truncated: 0, tokens: 0 };
    this.#work = work;
    this.#earlier = earlier;
    this.#storedRows = stored.rows;
    this.#writer = stored.writer;
    this.#state = earlier ?? { fingerprint, ...empty };
  }

  /** Components of a vector, texts cut and tokens seen, of this run and of the one that it continues. */
  get totals(): Pick<WorkState, "dim" | "truncated" | "tokens"> {
    const { dim, truncated, tokens } = this.#state;
    return { dim, truncated, tokens };
  }

  /** Vectors that an interrupted run had stored. */
  get resumed(): number {
    return this.#storedRows.length;
  }

  /**
   * Whether the vectors of a window are stored already. A window that only begins before the end of the earlier work counts as
   * stored; where it is not, `takeStored` notices.
   */
  holds({ rows: [first] }: TextWindow): boolean {
    return this.#earlier !== undefined && (this.#earlier.complete || first <= this.#earlier.through);
  }

  /** Takes the texts of the next window. */
  read({ texts, vectors, rows }: TextWindow): void {
    if (vectors === undefined) this.#digest.update(`${texts.join("\0")}\0`);
    else for (const [i, text] of texts.entries()) this.#digest.update(`${text}\0`).update(vectors[i]);
    this.#reached = rows[rows.length - 1];
  }

  /** Takes up the stored vectors of the window read last. @throws StaleWorkError where its texts are others than those stored */
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

  /** Stores the vectors of the window read last, those that have a direction. */
  async append(window: TextWindow, vectors: WindowVectors, dim: number): Promise<void> {
    const writer = await this.#open(dim);
    // Until the window is stored whole there is nothing new to save.
    this.#unsaved = false;
    const directed = takeDirected(window, vectors, dim);
    await writer.append(directed.rows, directed.vectors);
    for (const row of directed.rows) this.rows.push(row);
    const truncated = vectors.truncated.reduce((sum, cut) => sum + cut, this.#state.truncated);
    const tokens = this.#state.tokens + vectors.tokens;
    this.#state = { ...this.#state, stored: this.rows.length, truncated, tokens, ...this.#position() };
    this.#unsaved = true;
  }

  /** Saves the state where the last time is long enough ago. */
  async saveIfDue(): Promise<void> {
    const now = performance.now();
    if (now < this.#nextSave) return;
    await this.save();
    const after = performance.now();
    this.#nextSave = after + Math.max(SAVE_EVERY, (after - now) / SAVE_SHARE);
  }

  /** Makes the windows stored so far survive, and saves that they are. */
  async save(): Promise<void> {
    const state = this.#state;
    if (!this.#unsaved || this.#writer === undefined) return;
    this.#unsaved = false;
    if ((await this.#writer.sync()) === state.stored) await this.#work.saveState(state);
  }

  /**
   * Finishes the store, after the last window: from then on it can be read. It is made durable beside what follows, and
   * `publish` waits for that; a run that is killed before resumes where it saved last.
   * @param modelDim asked where no text has a direction: the store is then empty, but of the model's dimension
   * @returns what identifies the store, where all of it was written by this run
   * @throws StaleWorkError where an interrupted run had stored more or other texts
   */
  async finish(modelDim: () => Promise<number>): Promise<FileDigest | undefined> {
    const complete = this.#earlier?.complete ?? false;
    const position = this.#position();
    if (this.rows.length < this.resumed || (complete && position.digest !== this.#earlier?.digest)) throw changed();
    if (complete) return undefined;
    const writer = this.#writer ?? (await this.#open(await modelDim()));
    const file = await writer.complete();
    this.#writer = undefined;
    const state = { ...this.#state, ...position, complete: true };
    this.#work.aside(async () => {
      await writer.close();
      await this.#work.saveState(state);
      await writer.removeTails();
    });
    return file;
  }

  /** Closes a store that is not finished, so that a later run can continue it. */
  async close(): Promise<void> {
    await this.#writer?.close().catch(() => {});
  }

  async #open(dim: number): Promise<VectorStoreWriter> {
    this.#state = { ...this.#state, dim };
    this.#writer ??= await openVectorStoreWriter({ path: this.#work.path(EMBEDDINGS), dim });
    return this.#writer;
  }

  /** How far the texts have been read. */
  #position(): Pick<WorkState, "through" | "digest"> {
    return { through: this.#reached, digest: this.#digest.copy().digest("hex") };
  }
}

function changed(): StaleWorkError {
  return new StaleWorkError("the inputs have changed since the interrupted run");
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
