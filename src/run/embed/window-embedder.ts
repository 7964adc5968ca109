import type { WindowVectors } from "../../embed/local/embedder.js";
import type { TextWindow } from "../read/read-texts.js";

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
