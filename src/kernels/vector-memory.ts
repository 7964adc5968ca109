import { KernelInstance } from "./instance.js";

/** Pairs that `dropDotsBelow` looks at together. */
export const CHUNK = 16_384;
/** Largest memory of WebAssembly in every version of Node that is supported, less one page. */
const MOST_BYTES = 2 ** 32 - 65_536;

/** Instances whose memory holds vectors, by the buffer of that memory. */
const holders = new WeakMap<ArrayBufferLike, KernelInstance>();

/**
 * Allocates float32 vectors where the kernels see them: pairs within the array are then multiplied without a copy. An
 * ordinary array where they do not fit. The array is freed as any other one.
 * @param length components of all vectors together; they are 0
 */
export function allocateVectors(length: number): Float32Array {
  if (4 * length + 16 * CHUNK > MOST_BYTES) return new Float32Array(length);
  try {
    const instance = new KernelInstance();
    const [, , at] = instance.layOut(...listSizes, 4 * length);
    const vectors = instance.float32(at, length);
    // The memory does not grow any more: its other arrays are the lists of pairs, for which there is room before.
    holders.set(vectors.buffer, instance);
    return vectors;
  } catch (error) {
    // A machine that limits the addresses of a process may refuse the memory.
    if (error instanceof RangeError) return new Float32Array(length);
    throw error;
  }
}

/** Bytes of the two lists of a chunk: addresses of its pairs, and numbers of those that are kept. */
export const listSizes = [CHUNK * 8, CHUNK * 4] as const;

/** The instance in whose memory both arrays lie; undefined where there is none. */
export function holderOf(a: Float32Array, b: Float32Array): KernelInstance | undefined {
  return a.buffer === b.buffer ? holders.get(a.buffer) : undefined;
}
