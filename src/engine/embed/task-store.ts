import type { WindowVectors } from "../../embed/local/embedder.js";
import { takeDirected } from "../../run/embed/embed-windows.js";
import { addRefused } from "../../run/embed/refused-texts.js";
import type { TextWindow } from "../../run/read/read-texts.js";
import type { RefusedText } from "../../run/work/work-state.js";
import { openVectorStoreWriter, type VectorStoreWriter } from "../../vectors/store-writer.js";
import type { EmbedFacts } from "../facts.js";
import type { ChunkGroups } from "./chunk-texts.js";

/** The store of a task's vectors while the task fills it, window after window. Without a vector there is no file. */
export class TaskStore {
  readonly #path: string;
  readonly #chunk: ChunkGroups;
  /** Groups of the vectors so far, in the first `#vectors` places. */
  readonly #groups: Uint32Array;
  #writer: VectorStoreWriter | undefined;
  /** Number of the chunk's wanted groups that windows have covered. */
  #reached = 0;
  #vectors = 0;
  #truncated = 0;
  #tokens = 0;
  #refused: readonly RefusedText[] = [];
  #dim = 0;

  constructor(path: string, chunk: ChunkGroups) {
    this.#path = path;
    this.#chunk = chunk;
    this.#groups = new Uint32Array(chunk.groups.length);
  }

  /** Components of a vector; 0 before the first window. */
  get dim(): number {
    return this.#dim;
  }

  /** Group of each vector. */
  get groups(): Uint32Array {
    return this.#groups.subarray(0, this.#vectors);
  }

  get counts(): Pick<EmbedFacts, "vectors" | "truncated" | "tokens" | "refused"> {
    return { vectors: this.#vectors, truncated: this.#truncated, tokens: this.#tokens, refused: this.#refused };
  }

  /**
   * Stores the vectors of the next window. Texts without a direction get no vector, and neither do those that a server
   * refuses.
   * @param vectors unit vectors, one row of `dim` components a text
   * @throws TooManyRefusedError if the server refuses too many texts of the task
   */
  async append(window: TextWindow, vectors: WindowVectors, dim: number): Promise<void> {
    this.#refused = addRefused(this.#refused, window, vectors);
    this.#dim = dim;
    this.#truncated += vectors.truncated.reduce((sum, cut) => sum + cut, 0);
    this.#tokens += vectors.tokens;
    const directed = takeDirected(window, vectors, dim);
    if (directed.rows.length > 0) {
      this.#writer ??= await openVectorStoreWriter({ path: this.#path, dim });
      await this.#writer.append(directed.rows, directed.vectors);
    }
    const { groups } = this.#chunk;
    for (const given of vectors.directed) {
      if (given === 1) this.#groups[this.#vectors++] = groups[this.#reached];
      this.#reached++;
    }
  }

  /** Finishes the file, which then survives a power failure once `close` has returned. */
  async finish(): Promise<void> {
    await this.#writer?.complete();
  }

  async close(): Promise<void> {
    await this.#writer?.close();
  }
}
