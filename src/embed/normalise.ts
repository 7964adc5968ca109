import { UnavailableError } from "../errors.js";

/**
 * Copies a vector and scales the copy to unit length; the sum of squares is computed in float64.
 * @param from holds the vector at `start`: float32 of a session, float64 of JSON, or whole numbers of the builtin model
 * @param to receives the vector at `at`, rounded to float32; the caller owns both arrays
 * @param name of the model, for the message
 * @returns false if the vector is zero and thus has no direction; `to` is then unchanged
 * @throws UnavailableError if a component is NaN or infinite
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
    // A product, because `**` calls pow.
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
