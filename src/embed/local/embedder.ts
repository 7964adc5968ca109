/**
 * Token ids of a window. A text is one part, or several where it is long and `--long mean`; part p is
 * `ids[offsets[p]..offsets[p + 1])`, special tokens included, and has none where the model knows no token of the text.
 */
export interface TokenParts {
  readonly ids: Int32Array;
  /** Parts + 1 offsets into `ids`. */
  readonly offsets: Int32Array;
  /** Texts + 1 numbers of first parts; absent where each text is one part. */
  readonly firstPart?: Int32Array;
}

/** Vectors of a window of token ids. */
export interface EmbeddedWindow {
  /** n × dim, L2-normalised; a row of zeros where the text has no direction. */
  readonly vectors: Float32Array;
  /** 1 where the text has a direction, 0 where its vector is zero. */
  readonly directed: Uint8Array;
  /** Tokens without and with padding, for the report. */
  readonly tokens: number;
  readonly paddedTokens: number;
  /** What a person should know of how it went, such as that memory was short. */
  readonly notes?: readonly string[];
}

/** Vectors of a window of texts, in the order of the texts. */
export interface WindowVectors extends EmbeddedWindow {
  /** 1 where the text was cut to the model's length. */
  readonly truncated: Uint8Array;
}

/** Texts to vectors, away from the main thread. */
export interface Embedder {
  readonly dim: number;
  /** May be called again before the last call has settled; two or three calls in flight keep the device busy. */
  embed(texts: readonly string[]): Promise<WindowVectors>;
  /** Milliseconds that each kind of worker has worked, all of its kind together; absent where none is of this machine. */
  busy?(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}
