import { UsageError } from "../errors.js";
import { firstNotUnit } from "./cosine.js";
import type { VectorReader } from "./reader.js";

/**
 * Reads vectors from one array, n × dim, row-major. The array stays the caller's and must not change while it is read.
 * @throws UsageError where dim does not divide the length of the array, or a vector does not have length 1
 */
export function arrayReader(values: Float32Array, dim: number): VectorReader {
  if (!Number.isInteger(dim) || dim < 1 || values.length % dim !== 0) {
    throw new UsageError(`${values.length} components are no vectors of ${dim}; expected a multiple of dim`);
  }
  const count = values.length / dim;
  const odd = firstNotUnit(values, dim);
  if (odd >= 0) {
    const length = Math.hypot(...values.subarray(odd * dim, (odd + 1) * dim));
    throw new UsageError(`vector ${odd} has length ${length}; expected 1: divide it by its length`);
  }
  return {
    count,
    dim,
    async gather(positions, into) {
      for (let p = 0; p < positions.length; p++) {
        into.set(values.subarray(positions[p] * dim, (positions[p] + 1) * dim), p * dim);
      }
    },
  };
}
