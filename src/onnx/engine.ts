/**
 * A dense tensor: row-major data in a typed array that fits `dtype` (float16 as Uint16Array, int64 as BigInt64Array).
 */
export interface Tile {
  readonly dtype: "float32" | "uint8" | "int8" | "int32" | "int64" | "bool" | "float16" | "float64";
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array | Int8Array | Uint16Array | BigInt64Array;
}

/** A compiled graph. A call of `run` must have settled before the next. */
export interface Kernel {
  /** Runs the graph. The feeds stay the caller's and must not change during the call; outputs are new tiles of the caller's. */
  run(feeds: Readonly<Record<string, Tile>>): Promise<Record<string, Tile>>;
  /** Frees the session's memory. */
  release(): Promise<void>;
}

/**
 * Compiles and runs numeric graphs. Callers receive an engine, so that kernels import nothing of Node and tests can use
 * loops.
 */
export interface Engine {
  /** Compiles a serialised ONNX model. */
  compile(model: Uint8Array): Promise<Kernel>;
}
