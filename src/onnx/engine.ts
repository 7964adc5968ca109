/** A dense tensor: row-major data in a typed array that fits `dtype` (float16 as Uint16Array, int64 as BigInt64Array). */
export interface Tile {
  readonly dtype: "float32" | "uint8" | "int8" | "int32" | "int64" | "bool" | "float16" | "float64";
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array | Int8Array | Uint16Array | BigInt64Array;
}

/** A compiled graph. `run` may be called again only after the last call has settled. */
export interface Kernel {
  /** Feeds are read during the call and stay the caller's. Outputs are fresh and become the caller's. */
  run(feeds: Readonly<Record<string, Tile>>): Promise<Record<string, Tile>>;
  /** Frees the session's memory. */
  release(): Promise<void>;
}

/** The numeric engine, injected so that kernels import nothing of Node. */
export interface Engine {
  /** True where it multiplies bytes, as processors do; on other devices products are made of float32. */
  readonly integers: boolean;
  /** Compiles a serialised ONNX model. */
  compile(model: Uint8Array): Promise<Kernel>;
}
