import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import type { ColumnHost } from "./column-host.js";

/** Threads beside this one, which has work of its own to do. */
export interface ColumnWorkers {
  /** How many there may be. */
  readonly most: number;
  /** True where they compute on a device and take all groups: the processor would be what they wait for. */
  readonly device?: boolean;
  /** Starts workers, which the join closes. They load while the caller goes on. */
  start(count: number): ColumnHost[];
}

/** What the join needs to know. */
export interface JoinOptions {
  readonly vectors: VectorReader;
  /** Positions of the vectors in priority order: of two near-duplicates the earlier one stays. */
  readonly order: Uint32Array;
  /** Cosine in (0, 1] from which two texts are near-duplicates. */
  readonly threshold: number;
  /** A guard's signature for each position; pairs whose signatures differ are not merged. */
  readonly signatures?: BigUint64Array;
  /** Runs in this thread: with one thread of its own, since its products are short calls. */
  readonly engine: Engine;
  /**
   * Runs the few products that are large: of the planning, of vectors with a basis, and of few vectors. With all threads, which
   * changes what is rounded how and not what is decided; `engine` if absent.
   */
  readonly wideEngine?: Engine;
  /** Workers that may take most of the products; without it all is done in this thread. */
  readonly workers?: ColumnWorkers;
  /** Bytes that the join may hold in vectors. */
  readonly memory: number;
  /** Called with the number of rows of `order` that are decided. */
  readonly onProgress?: (decided: number) => void;
  /** Ends the join with the signal's reason. */
  readonly signal?: AbortSignal;
}
