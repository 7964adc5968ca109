import { UsageError } from "../errors.js";
import type { VectorReader } from "./reader.js";

/** How far a squared length may be from 1: the float32 rounding of the components, with room to spare. */
const UNIT_TOLERANCE = 1e-5;

/**
 * Reads vectors from one array, n × dim, row-major. The array stays the caller's and must not change while it is read.
 * @throws UsageError where dim does not divide the length of the array, or a vector does not have length 1
 */
export function arrayReader(values: Float32Array, dim: number): VectorReader {
  if (!Number.isInteger(dim) || dim < 1 || values.length % dim !== 0) {
    throw new UsageError(`${values.length} components are no vectors of ${dim}; expected a multiple of dim`);
  }
  const count = values.length / dim;
  for (let row = 0; row < count; row++) {
    let squared = 0;
    for (let i = row * dim; i < (row + 1) * dim; i++) squared += values[i] * values[i];
    if (!(Math.abs(squared - 1) <= UNIT_TOLERANCE)) {
      throw new UsageError(`vector ${row} has length ${Math.sqrt(squared)}; expected 1: divide it by its length`);
    }
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
