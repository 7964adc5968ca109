import type { TextRecords } from "./record.js";

/** Vectors that a cache has for some texts. The arrays have one entry a text, found or not. */
export interface FoundRecords extends TextRecords {
  /** Components of a vector; 0 if nothing was found and the cache does not know. */
  readonly dim: number;
  /** 1 for each text that was found whole. */
  readonly found: Uint8Array<ArrayBuffer>;
  /** Number of values that were there but damaged or of another text. They count as not found. */
  readonly damaged: number;
}

/** A place that remembers records by their keys, for one space. */
export interface VectorStore {
  /** Components of a vector; undefined as long as the store does not know. */
  readonly dim: number | undefined;
  /**
   * Looks keys up.
   * @param keys n × 5 words
   * @throws whatever keeps the store from answering
   */
  lookUp(keys: Uint32Array): Promise<FoundRecords>;
  /**
   * Stores records. A key that is there already gets the new record.
   * @throws whatever keeps the store from taking them; those before stay
   */
  append(keys: Uint32Array, texts: TextRecords, dim: number): Promise<void>;
  /** Notes what was used and lets go of everything. */
  close(): Promise<void>;
}
