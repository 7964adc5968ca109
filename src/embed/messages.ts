import type { ModelSpec } from "../model/spec.js";
import type { Provider } from "../onnx/ort-engine.js";

/** What each worker is started with and the messages that go to and fro. Buffers are transferred, never shared. */

/** Start of a tokenizing worker. */
export interface TokenizeStartup {
  readonly model: ModelSpec;
}

/** A window of texts to tokenize. */
export interface TokenizeRequest {
  readonly texts: readonly string[];
}

/** Token ids of a window: text i is `ids[offsets[i]..offsets[i + 1])`, special tokens included; none
 * where the model knows no token of the text. */
export interface TokenizedWindow {
  readonly ids: Int32Array;
  /** n + 1 offsets into `ids`. */
  readonly offsets: Int32Array;
  /** 1 where the text was longer than the model takes. */
  readonly truncated: Uint8Array;
}

/** Start of the session worker. */
export interface SessionStartup {
  readonly model: ModelSpec;
  readonly provider: Provider;
  /** Threads inside an operator. */
  readonly threads: number;
  /** Padded tokens of one batch. */
  readonly batchTokens: number;
}

/** First answer of the session worker, once the model has loaded and embedded a probe. */
export interface SessionReady {
  readonly dim: number;
}

/** Vectors of a window. */
export interface EmbeddedWindow {
  /** n × dim, L2-normalised; a row of zeros where the text has no direction. */
  readonly vectors: Float32Array;
  /** 1 where the text has a direction, 0 where its vector is zero. */
  readonly directed: Uint8Array;
  /** Tokens without and with padding, for the report. */
  readonly tokens: number;
  readonly paddedTokens: number;
}

/** Every request and answer travels in an envelope with its number. */
export interface Request<T> {
  readonly taskId: number;
  readonly payload: T;
}

/** Answer to the request of the same number; errors travel as text with the exit code they ask for. */
export type Response<T> =
  | { readonly taskId: number; readonly result: T }
  | { readonly taskId: number; readonly error: { readonly message: string; readonly unavailable: boolean } };
