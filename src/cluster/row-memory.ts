import { createRowKernels, type RowKernels } from "./row-kernels.js";

/**
 * Memory that row kernels work on. Vectors that lie in it are used where they are, others are copied first, so that both give the
 * same results. There is no freeing: it lives as long as a run.
 */
export interface RowMemory {
  readonly kernels: RowKernels;
  /** Components of a vector, and those filled up with zeros to a multiple of 16, which kernels work on. */
  readonly dim: number;
  readonly width: number;
  /** Zeroed room for so many components of vectors; ordinary memory where they do not fit. */
  floats(length: number): Float32Array;
  /** Zeroed room for what is no vector to be clustered. Throws where it does not fit. */
  doubles(length: number): Float64Array;
  singles(length: number): Float32Array;
  words(length: number): Uint32Array;
  bytes(length: number): Uint8Array;
  /** Whether vectors of this array are used where they are. */
  holds(rows: Float32Array): boolean;
  /** Address of the vector at element `at`, or of a copy of it that holds until the next call. */
  address(rows: Float32Array, at: number): number;
}

const LARGEST = 2 ** 32 - 2 ** 16;

/**
 * Memory for `vectors` bytes of vectors of `dim` components, where not more than 4 GiB in all, and for `rest` bytes of all else. It costs
 * nothing before it is used.
 */
export function createRowMemory(dim: number, vectors: number, rest: number): RowMemory {
  const width = Math.ceil(dim / 16) * 16;
  const size = Math.min(LARGEST, Math.ceil(vectors + rest) + 4 * width + 1024);
  const { kernels, buffer } = createRowKernels(size);
  const copied = new Float32Array(buffer, 0, dim);
  const vectorsEnd = size - rest - 512;
  let vectorsAt = 4 * width;
  let restAt = Math.ceil(vectorsEnd / 64) * 64;

  function take(length: number): number {
    const at = restAt;
    restAt = Math.ceil((at + length) / 64) * 64;
    if (restAt <= size) return at;
    throw new Error(`${length} bytes for sums and centroids exceed what is addressable: give a smaller k`);
  }

  return {
    kernels,
    dim,
    width,
    floats(length) {
      if (vectorsAt + 4 * length > vectorsEnd) return new Float32Array(length);
      const rows = new Float32Array(buffer, vectorsAt, length);
      vectorsAt = Math.ceil((vectorsAt + 4 * length) / 64) * 64;
      return rows;
    },
    doubles: (length) => new Float64Array(buffer, take(8 * length), length),
    singles: (length) => new Float32Array(buffer, take(4 * length), length),
    words: (length) => new Uint32Array(buffer, take(4 * length), length),
    bytes: (length) => new Uint8Array(buffer, take(length), length),
    holds: (rows) => rows.buffer === buffer && width === dim,
    address(rows, at) {
      if (rows.buffer === buffer && width === dim) return rows.byteOffset + 4 * at;
      copied.set(rows.subarray(at, at + dim));
      return 0;
    },
  };
}
