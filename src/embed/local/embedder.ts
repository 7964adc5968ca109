/**
 * Token ids of a window of texts. A text is one part; with `--long mean` a long text is several parts. Part p has the
 * ids `ids[offsets[p]..offsets[p + 1])`, special tokens included. The part is empty if the model knows no token of the
 * text.
 *
 *     firstPart  0        1           3         texts: the first has one part, the second two
 *     offsets    0        5           13    20  parts
 *     ids        5 ids    8 ids       7 ids
 */
export interface TokenParts {
  readonly ids: Int32Array;
  /** Number of parts + 1 offsets into `ids`. */
  readonly offsets: Int32Array;
  /** First part of each text, then the number of parts; absent if every text is one part. */
  readonly firstPart?: Int32Array;
}

/** Vectors of a window of token ids. */
export interface EmbeddedWindow {
  /** n × dim, row-major, each of length 1; zeros for a text without a direction. */
  readonly vectors: Float32Array;
  /** 1 for each text that has a direction, else 0. */
  readonly directed: Uint8Array;
  /** Number of tokens without padding. */
  readonly tokens: number;
  /** Number of tokens with padding. */
  readonly paddedTokens: number;
  /** Messages for the user, such as that the device ran short of memory. */
  readonly notes?: readonly string[];
}

/** A text of a window that gets no vector, though the embedder works. */
export interface RefusedInput {
  /** Number of the text in the window. */
  readonly index: number;
  /** The reason as rejects.jsonl shows it, with the server's own words: one sentence in lower case. */
  readonly error: string;
}

/**
 * Most texts that a run may lose because a server refuses them. So many are an accident of the texts; more are a fault
 * of the server.
 */
export const MOST_REFUSED = 100;

/** Vectors of a window of texts, in the order of the texts. */
export interface WindowVectors extends EmbeddedWindow {
  /** 1 for each text that was cut to the model's length, else 0. */
  readonly truncated: Uint8Array;
  /** Tokens of each text; absent if only their sum is known. */
  readonly tokensOf?: Uint32Array;
  /**
   * Texts that a server refuses to embed, ascending; they have no direction. Absent if the embedder is no server. If
   * there are more than `MOST_REFUSED`, the rest of the window was not embedded, and the run has to end.
   */
  readonly refused?: readonly RefusedInput[];
}

/** Turns texts into vectors, on worker threads or a server. */
export interface Embedder {
  readonly dim: number;
  /** Embeds a window. Several calls may be in flight; two or three keep the device busy. The result is the caller's. */
  embed(texts: readonly string[]): Promise<WindowVectors>;
  /** Busy milliseconds of each kind of worker, summed over its workers; absent for a server. */
  busy?(): Readonly<Record<string, number>>;
  /** Ends the workers or connections; calls in flight reject. */
  close(): Promise<void>;
}
