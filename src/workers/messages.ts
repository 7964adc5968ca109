import type { TextRecords } from "../cache/record.js";
import type { CacheSettings } from "../cache/settings.js";
import type { FoundRecords } from "../cache/store.js";
import type { ShardSettings } from "../cluster/shard.js";
import type { Totals } from "../cluster/sums.js";
import type { EmbeddedWindow, TokenParts, WindowVectors } from "../embed/local/embedder.js";
import type { SessionOptions } from "../embed/local/load-session.js";
import { BrakeError, FailedRunError, InputError, UnavailableError, UsageError } from "../errors.js";
import type { ColumnBounds, RowCodes } from "../join/codes/row-codes.js";
import type { HostSettings } from "../join/column-host.js";
import type { Pairs } from "../join/pair-list.js";
import type { LongText, ModelSpec } from "../models/spec.js";
import type { Provider } from "../onnx/ort-engine.js";

/**
 * The table of everything that travels between the threads of this program. Each kind of worker has a value that it is
 * started with and the calls that it answers, written as functions of one argument. A call with a second parameter,
 * `tell`, sends parts of its answer, in order, before it returns.
 *
 * Values are copied. The buffers that `moving` names are transferred, and the sender loses them. Shared memory stays
 * shared.
 */
export interface Workers {
  /** Turns texts into token ids. */
  readonly tokenize: {
    readonly startup: { readonly model: ModelSpec; readonly long: LongText };
    readonly calls: {
      /**
       * Waits until the tokenizer has loaded. Returns the largest token id that the tokenizer can give, or undefined if
       * the ids are not numbers of a vocabulary.
       */
      largestId(): number | undefined;
      tokenize(texts: JoinedTexts): TokenizedWindow;
    };
  };
  /** Owns a session, which turns token ids into vectors. */
  readonly session: {
    readonly startup: SessionOptions;
    readonly calls: {
      /**
       * Runs the model at its limits: the largest id and the longest text. Returns the number of components of a
       * vector.
       */
      probe(largestId: number | undefined): number;
      embed(window: TokenParts): EmbeddedWindow;
    };
  };
  /** Turns texts into vectors of the builtin model without a session. */
  readonly builtin: {
    readonly startup: { readonly maxTokens: number };
    readonly calls: { embed(texts: JoinedTexts): WindowVectors };
  };
  /** Looks vectors up in a cache, and stores those that were missing. */
  readonly cache: {
    readonly startup: CacheSettings;
    readonly calls: {
      /** Components of a vector; undefined if the cache holds none of this model. */
      dim(): number | undefined;
      lookUp(texts: JoinedTexts): LookedUp;
      store(batch: {
        readonly keys: Uint32Array<ArrayBuffer>;
        readonly texts: TextRecords;
        readonly dim: number;
      }): void;
      close(): void;
    };
  };
  /**
   * Holds groups of columns of the join, on an engine of one thread or on a device. The calls are those of a
   * `ColumnHost`.
   */
  readonly columns: {
    readonly startup: Provider;
    readonly calls: {
      /** Nanoseconds of a pair's product on the device; undefined on the processor. */
      pairNs(depth: number): number | undefined;
      open(settings: HostSettings): void;
      hold(group: HeldColumns): void;
      unload(group: number): void;
      drop(group: number): void;
      /**
       * Screens a tile against groups and tells the surviving pairs of each group, in the order of the groups, those of
       * groups that were met together in one part.
       * `removed` is shared memory.
       */
      meet(
        tile: { readonly codes: RowCodes; readonly removed: Uint8Array; readonly groups: readonly number[] },
        tell: (pairs: readonly Pairs[]) => void,
      ): void;
    };
  };
  /**
   * Holds a share of the rows that k-means clusters, and reads their vectors from the store. The calls are those of a
   * `Shard`.
   */
  readonly rows: {
    readonly startup: { readonly store: string; readonly threads: number };
    readonly calls: {
      open(settings: ShardSettings): void;
      /** Assigns every row to its nearest centroid. Tells the number of rows done so far. */
      pass(
        what: { readonly centroids: Float32Array; readonly measured: boolean },
        tell: (rows: number) => void,
      ): Totals;
      /** Moves a row to cluster `to` and returns the new sums. */
      move(row: { readonly row: number; readonly to: number }): Totals;
      /** Squared distance of each row to its centroid. Tells the number of rows done so far. */
      distances(none: undefined, tell: (rows: number) => void): Float64Array;
      /** Cluster of each row. */
      assignment(): Int32Array;
    };
  };
}

/** An entry of the table: the value that a worker is started with, and the calls that it answers. */
export interface WorkerKind {
  readonly startup: unknown;
  readonly calls: object;
}

/** A window of texts as one string. Sending a string for each text costs ten times as much. */
export interface JoinedTexts {
  /** All texts, one behind the other: text i is `joined.slice(ends[i - 1] ?? 0, ends[i])`. */
  readonly joined: string;
  /** End of each text in `joined`, in UTF-16 units. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** What a cache knows of a window of texts. */
export interface LookedUp extends FoundRecords {
  /** Keys of the texts, five words each, by which missing vectors are stored. */
  readonly keys: Uint32Array<ArrayBuffer>;
}

/** Token ids of a window of texts, in the order of the texts. */
export interface TokenizedWindow extends TokenParts {
  /** 1 for each text whose end was cut off, else 0. */
  readonly truncated: Uint8Array;
}

/** A group of columns on its way to a worker of the join; the fields are those of `ColumnCodes`. */
export interface HeldColumns {
  /** Number by which later calls name the group. */
  readonly group: number;
  readonly data: Int8Array<ArrayBuffer>;
  readonly count: number;
  readonly bounds: ColumnBounds;
}

/** Argument of a call. */
export type ArgumentOf<Call> = Call extends (argument: infer Argument, tell: never) => unknown ? Argument : never;
/** What a call tells before it returns. */
export type PartOf<Call> = Call extends (argument: never, tell: (part: infer Part) => void) => unknown ? Part : never;
/** What a call returns. */
export type ResultOf<Call> = Call extends (argument: never, tell: never) => infer Result ? Result : never;

/**
 * A value with buffers that move to the other thread. Once the value is sent, the sender can no longer use these
 * buffers.
 */
export class Moving<T> {
  readonly value: T;
  readonly transfer: readonly ArrayBuffer[];

  constructor(value: T, transfer: readonly ArrayBuffer[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/**
 * Marks the arrays of a value whose buffers move with the value. An array must own its whole buffer, because everything
 * in the buffer moves, and must not lie on shared memory.
 */
export function moving<T>(value: T, ...arrays: readonly (ArrayBufferView | undefined)[]): Moving<T> {
  return new Moving(
    value,
    arrays.flatMap((array) => (array === undefined ? [] : [array.buffer as ArrayBuffer])),
  );
}

/** Separates a value from its transfer list, which is empty for a value that moves nothing. */
export function unpacked<T>(sent: T | Moving<T>): Moving<T> {
  return sent instanceof Moving ? sent : new Moving(sent, []);
}

/** A call on its way to a worker. */
export interface Request {
  readonly task: number;
  readonly call: string;
  readonly argument: unknown;
}

/** Sent in place of a request: the worker ends. */
export const CLOSE = "close";

/**
 * What a worker sends back for a request, under the request's number: any number of parts, then either the result or an
 * error.
 */
export type Response =
  | { readonly task: number; readonly part: unknown }
  | { readonly task: number; readonly result: unknown; readonly milliseconds: number }
  | { readonly task: number; readonly error: SentError };

/** An error as it travels between threads. */
export interface SentError {
  readonly message: string;
  /** Name of its class. */
  readonly kind: string;
  /** Code of an error of the system. */
  readonly code?: string;
  readonly stack?: string;
}

/** The classes by which the exit code is decided, by name. */
const CLASSES = new Map(
  [FailedRunError, UsageError, InputError, BrakeError, UnavailableError, TypeError, RangeError].map((kind) => [
    kind.name,
    kind,
  ]),
);

/** Turns an error into what travels. */
export function sentError(error: Error & { readonly code?: string }): SentError {
  const { message, stack, code } = error;
  return { message, kind: error.constructor.name, stack, ...(code === undefined ? {} : { code }) };
}

/** Turns what travelled back into an error that gives the same exit code. */
export function receivedError({ message, kind, code, stack }: SentError): Error {
  const error = new (CLASSES.get(kind) ?? Error)(message);
  return Object.assign(error, { stack: stack ?? error.stack, ...(code === undefined ? {} : { code }) });
}

/**
 * Joins texts to one string and the ends of the texts in it, in UTF-16 units. The ends move; the texts stay the
 * caller's.
 */
export function joinedTexts(texts: readonly string[]): Moving<JoinedTexts> {
  const ends = new Uint32Array(texts.length);
  let end = 0;
  for (let i = 0; i < texts.length; i++) ends[i] = end += texts[i].length;
  return moving({ joined: texts.join(""), ends }, ends);
}
