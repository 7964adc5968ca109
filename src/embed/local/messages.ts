import type { LongText, ModelSpec } from "../../models/spec.js";
import type { Provider } from "../../onnx/ort-engine.js";

/** What each worker is started with and the messages that go to and fro. Buffers are transferred, never shared. */

/** Start of a tokenizing worker. */
export interface TokenizeStartup {
  readonly model: ModelSpec;
  readonly long: LongText;
}

/**
 * A window of texts. They come as one string, of which text i is `joined.slice(ends[i - 1] ?? 0, ends[i])`: a string for each
 * costs ten times as much to send.
 */
export interface TextsRequest {
  readonly joined: string;
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** A window to tokenize, or null to ask whether the tokenizer is ready. */
export type TokenizeRequest = TextsRequest | null;

/** A tokenizer that has loaded. */
export interface TokenizerReady {
  /** Largest token id that it can give; absent for the builtin model, whose ids have no table. */
  readonly largestId?: number;
}

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

/** What a tokenizing worker answers. */
export interface TokenizedWindow extends TokenParts {
  /** 1 where a part of the text is not in the ids. */
  readonly truncated: Uint8Array;
}

/** Start of a worker of the builtin model. */
export interface BuiltinStartup {
  readonly maxTokens: number;
}

/** Start of the session worker. */
export interface SessionStartup {
  readonly model: ModelSpec;
  readonly provider: Provider;
  /** Threads inside an operator. */
  readonly threads: number;
  /** Padded tokens of one batch; where absent as many as the device likes. */
  readonly batchTokens?: number;
}

/** Asks the session whether it is ready for ids up to this one. */
export interface SessionProbe {
  readonly largestId?: number;
}

/** The model has loaded and embedded a probe. */
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
  /** What a person should know of how it went, such as that memory was short. */
  readonly notes?: readonly string[];
}

/** In place of a request: the worker is to end. */
export const CLOSE = "close";

/** Every request and answer travels in an envelope with its number. */
export interface Request<T> {
  readonly taskId: number;
  readonly payload: T;
}

/** Answer to the request of the same number, with the time it took; errors travel as text with the exit code they ask for. */
export type Response<T> =
  | { readonly taskId: number; readonly result: T; readonly milliseconds: number }
  | { readonly taskId: number; readonly error: { readonly message: string; readonly unavailable: boolean } };
