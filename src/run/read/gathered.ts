/** Arrays that can be gathered. */
type Numbers = Float64Array | Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array | BigUint64Array;

/** Numbers of unknown count in one array, which doubles when it is full. */
export class Gathered<T extends Numbers> {
  #values: T;
  #count = 0;

  /** @param empty an empty array of the wanted type */
  constructor(empty: T) {
    this.#values = empty;
  }

  push(value: T[number]): void {
    if (this.#count === this.#values.length) {
      const Kind = this.#values.constructor as new (length: number) => T;
      const grown = new Kind(Math.max(1024, this.#count * 2));
      (grown as Float64Array).set(this.#values as Float64Array);
      this.#values = grown;
    }
    this.#values[this.#count++] = value;
  }

  /** The numbers so far, in an array that may still be written to: ask again after the next number. */
  get values(): T {
    return this.#values.subarray(0, this.#count) as T;
  }
}

/** Gathers float64 numbers, which hold row numbers exactly. */
export const gatherNumbers = () => new Gathered(new Float64Array());
