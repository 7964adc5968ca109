import type { ShardSettings } from "../cluster/shard.js";
import type { Totals } from "../cluster/sums.js";
import type { EmbeddedWindow, TokenParts, WindowVectors } from "../embed/local/embedder.js";
import type { SessionOptions } from "../embed/local/load-session.js";
import { BrakeError, InputError, UnavailableError, UsageError } from "../errors.js";
import type { ColumnBounds, RowCodes } from "../join/codes/row-codes.js";
import type { HostSettings } from "../join/column-host.js";
import type { Pairs } from "../join/pair-list.js";
import type { LongText, ModelSpec } from "../models/spec.js";
import type { Provider } from "../onnx/ort-engine.js";

/**
 * The table of everything that travels between the threads of this program: for each kind of worker what it is started with and
 * the calls that it answers, as functions of one argument. A call with a second parameter tells parts of its answer, in order,
 * before it returns. Values are copied, the buffers that `moving` names are transferred, and memory that is shared stays shared.
 */
export interface Workers {
  /** Turns texts into token ids. */
  readonly tokenize: {
    readonly startup: { readonly model: ModelSpec; readonly long: LongText };
    readonly calls: {
      /** Waits until the tokenizer has loaded; returns the largest token id that it can give, where ids have a table. */
      largestId(): number | undefined;
      tokenize(texts: JoinedTexts): TokenizedWindow;
    };
  };
  /** Owns a session: token ids to vectors. */
  readonly session: {
    readonly startup: SessionOptions;
    readonly calls: {
      /** Runs the model at its limits, with ids up to this one; returns the components of its vectors. */
      probe(largestId: number | undefined): number;
      embed(window: TokenParts): EmbeddedWindow;
    };
  };
  /** Turns texts into vectors of the builtin model, without a session. */
  readonly builtin: {
    readonly startup: { readonly maxTokens: number };
    readonly calls: { embed(texts: JoinedTexts): WindowVectors };
  };
  /** Holds columns of the join, on an engine of one thread or on a device: a `ColumnHost`. */
  readonly columns: {
    readonly startup: Provider;
    readonly calls: {
      open(settings: HostSettings): void;
      hold(group: HeldColumns): void;
      unload(group: number): void;
      drop(group: number): void;
      /** Lets a tile meet groups; tells the surviving pairs with each of them. `removed` is shared memory. */
      meet(
        tile: { readonly codes: RowCodes; readonly removed: Uint8Array; readonly groups: readonly number[] },
        tell: (pairs: Pairs) => void,
      ): void;
    };
  };
  /** Has a share of the rows to be clustered and reads their vectors from the store itself: a `Shard`. */
  readonly rows: {
    readonly startup: { readonly store: string; readonly threads: number };
    readonly calls: {
      open(settings: ShardSettings): void;
      /** Tells the rows of the pass done so far. */
      pass(centroids: Float32Array, tell: (rows: number) => void): Totals;
      move(row: { readonly row: number; readonly to: number }): Totals;
      /** Tells the rows done so far. */
      distances(none: undefined, tell: (rows: number) => void): Float64Array;
      assignment(): Int32Array;
    };
  };
}

/** What a worker is started with and the calls that it answers, as in the table. */
export interface WorkerKind {
  readonly startup: unknown;
  readonly calls: object;
}

/**
 * A window of texts as one string, of which text i is `joined.slice(ends[i - 1] ?? 0, ends[i])`: a string for each costs ten times
 * as much to send.
 */
export interface JoinedTexts {
  readonly joined: string;
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** Token ids of a window of texts. */
export interface TokenizedWindow extends TokenParts {
  /** 1 where a part of the text is not in the ids. */
  readonly truncated: Uint8Array;
}

/** A group of columns for a worker of the join. */
export interface HeldColumns {
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

/** A value some of whose buffers move to the other thread: the sender can no longer use them. */
export class Moving<T> {
  readonly value: T;
  readonly transfer: readonly ArrayBuffer[];

  constructor(value: T, transfer: readonly ArrayBuffer[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** Names the arrays of a value whose buffers move with it; none of them may lie on shared memory. */
export function moving<T>(value: T, ...arrays: readonly (ArrayBufferView | undefined)[]): Moving<T> {
  return new Moving(
    value,
    arrays.flatMap((array) => (array === undefined ? [] : [array.buffer as ArrayBuffer])),
  );
}

/** A value and its transfer list, empty where none was named. */
export function unpacked<T>(sent: T | Moving<T>): Moving<T> {
  return sent instanceof Moving ? sent : new Moving(sent, []);
}

/** A call on its way to a worker. */
export interface Request {
  readonly task: number;
  readonly call: string;
  readonly argument: unknown;
}

/** In place of a request: the worker is to end. */
export const CLOSE = "close";

/** What comes back for the request of the same number: any number of parts, then the result or an error. */
export type Response =
  | { readonly task: number; readonly part: unknown }
  | { readonly task: number; readonly result: unknown; readonly milliseconds: number }
  | { readonly task: number; readonly error: SentError };

/** An error as it travels: its message and the name of its class. */
export interface SentError {
  readonly message: string;
  readonly kind: string;
}

const CLASSES = new Map([UsageError, InputError, BrakeError, UnavailableError].map((kind) => [kind.name, kind]));

/** The message of an error of this program, whose class decides the exit code, or of any other. */
export function sentError(error: Error): SentError {
  return { message: error.message, kind: error.constructor.name };
}

/** The error on the other side, of the same class where that decides the exit code. */
export function receivedError({ message, kind }: SentError): Error {
  return new (CLASSES.get(kind) ?? Error)(message);
}
