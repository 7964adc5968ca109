import type { BatchVectors } from "../source.js";

/** Collects the vectors of a batch as float32, [rows, dim]; a row that is not set, or not fit, has zeros. */
export class VectorBatch implements BatchVectors {
  readonly #field: string;
  readonly #rows: number;
  #dim: number;
  #values: Float32Array;

  /**
   * @param field as the user gave it, for the faults
   * @param dim components of each vector; where 0, the first vector that is not empty sets the number
   */
  constructor(field: string, rows: number, dim: number) {
    this.#field = `vector field ${JSON.stringify(field)}`;
    this.#rows = rows;
    this.#dim = dim;
    this.#values = new Float32Array(rows * dim);
  }

  get dim(): number {
    return this.#dim;
  }

  get values(): Float32Array {
    return this.#values;
  }

  /**
   * Sets the vector of a row to `component(start)` up to, not including, `component(end)`, rounded to float32; NaN
   * stands for a null.
   * @returns the reason why the row is rejected: another length, or a component that is not finite
   */
  set(row: number, component: (at: number) => number, start: number, end: number): string | undefined {
    if (this.#dim === 0 && end > start) {
      this.#dim = end - start;
      this.#values = new Float32Array(this.#rows * this.#dim);
    }
    const dim = this.#dim;
    const values = this.#values;
    if (end - start !== dim || dim === 0) {
      return `${this.#field} has ${end - start} components, expected ${dim || "at least 1"}`;
    }
    const first = row * dim - start;
    for (let at = start; at < end; at++) {
      const value = Math.fround(component(at));
      if (!Number.isFinite(value)) {
        values.fill(0, row * dim, (row + 1) * dim);
        return `${this.#field} holds a null, NaN or an infinity`;
      }
      values[first + at] = value;
    }
    return undefined;
  }

  /** The reason why a row without a vector is rejected. */
  without(state: "null" | "missing"): string {
    return `${this.#field} is ${state}`;
  }

  /** The reason why a row with something else than numbers is rejected. */
  holds(found: string): string {
    return `${this.#field} holds ${found}, expected a list of numbers`;
  }
}
