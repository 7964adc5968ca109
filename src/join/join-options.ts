import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import type { LearntCodes } from "./codes/code-plan.js";
import type { ColumnHost } from "./column-host.js";

/** Starts threads that hold columns beside this one, which has work of its own to do. */
export interface ColumnWorkers {
  /** Most workers that may be started. */
  readonly most: number;
  /** Number of vectors below whose pairs starting workers takes longer than they save; 16,384 where absent. */
  readonly worthFrom?: number;
  /**
   * True where the workers compute on a device. They take all groups then, since the device would wait for this thread.
   */
  readonly device?: boolean;
  /** Starts workers and returns at once; they load meanwhile. The caller closes them. */
  start(count: number): Promise<ColumnHost[]>;
}

/** Vectors of earlier runs. They come before all vectors of the join and are kept whatever they resemble. */
export interface ReferenceVectors {
  /** Vectors of all references; only those in `order` are read. Components as many as those of the join's vectors. */
  readonly vectors: VectorReader;
  /** Positions of the vectors that the references kept, in priority order: reference after reference. */
  readonly order: Uint32Array;
  /** Signature of the guards by position in `vectors`; given exactly where the join has signatures. */
  readonly signatures?: BigUint64Array;
}

/** What `selfJoin` needs. */
export interface JoinOptions {
  /** Unit vectors, read by position. */
  readonly vectors: VectorReader;
  /** Vectors in priority order: of two near-duplicates the earlier one stays. */
  readonly order: Uint32Array;
  /** Cosine in (0, 1] from which two vectors are near-duplicates. */
  readonly threshold: number;
  /** Signature of the guards for each vector; a pair with different signatures is not merged. No guard if absent. */
  readonly signatures?: BigUint64Array;
  /** Vectors that the vectors of the join are compared with before each other, and that are never removed. */
  readonly references?: ReferenceVectors;
  /**
   * False if the vectors of the join are compared with the references alone and not with each other; then nothing is
   * kept on account of another vector of the join. Default: true.
   */
  readonly within?: boolean;
  /**
   * Provides codes that were learnt from similar vectors with the same engines; called only where the join needs codes.
   * If absent, the join learns its own, which takes 0.1 to 0.5 s. They never change the outcome.
   */
  readonly codes?: () => Promise<LearntCodes>;
  /** Engine of this thread. It should have a single thread of its own, since its products are short calls. */
  readonly engine: Engine;
  /**
   * Engine for the few large products: planning, projecting on the basis, and the join of few vectors. May use all
   * threads: these change how its results are rounded, never what is decided. Default: `engine`.
   */
  readonly wideEngine?: Engine;
  /** Workers that may take most of the products. If absent, this thread does everything. */
  readonly workers?: ColumnWorkers;
  /** Bytes that the join may hold, vectors and codes together. */
  readonly memory: number;
  /** Receives the number of vectors of `order` that are decided. */
  readonly onProgress?: (decided: number) => void;
  /** Receives the number of the references' vectors that are compared with all vectors of `order`, before these are decided. */
  readonly onReferences?: (compared: number) => void;
  /** Aborting it ends the join with the signal's reason. */
  readonly signal?: AbortSignal;
}
