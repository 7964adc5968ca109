import { UnavailableError } from "../errors.js";

/**
 * Copies a vector scaled to unit length, in float64.
 * @param from holds the vector at `start`, float32 of a session or float64 of JSON
 * @param to takes it at `at`, rounded to float32
 * @param name of the model, for the error
 * @returns false where the vector is zero, which has no direction; `to` is left as it is
 * @throws UnavailableError where a component is NaN or infinite
 */
export function normaliseInto(
  from: ArrayLike<number>,
  start: number,
  to: Float32Array,
  at: number,
  dim: number,
  name: string,
): boolean {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    const value = from[start + i];
    // Not by `**`, which calls pow.
    sum += value * value;
  }
  if (!Number.isFinite(sum)) {
    throw new UnavailableError(`model ${name} returned a vector with NaN or infinity; use another dtype or device`);
  }
  if (sum === 0) return false;
  const scale = 1 / Math.sqrt(sum);
  for (let i = 0; i < dim; i++) to[at + i] = from[start + i] * scale;
  return true;
}
