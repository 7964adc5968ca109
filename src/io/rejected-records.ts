import { FailedRunError } from "../errors.js";

/**
 * Which records of a source the first pass has rejected, so that the second need not judge them again. One bit a record, up to the
 * last that was rejected.
 */
export class RejectedRecords {
  /** Name of the source. */
  readonly source: string;
  #bits = new Uint8Array(0);
  #records = 0;

  /** @param source name of the source, for errors */
  constructor(source: string) {
    this.source = source;
  }

  /** Takes the next batch of the scan: the number of its records and those of them that were rejected. */
  add(records: number, rejects: readonly { readonly record: number }[]): void {
    this.#records += records;
    const last = rejects.at(-1);
    if (last !== undefined && this.#bits.length <= last.record >>> 3) {
      const grown = new Uint8Array(2 * (last.record >>> 3) + 64);
      grown.set(this.#bits);
      this.#bits = grown;
    }
    for (const { record } of rejects) this.#bits[record >>> 3] |= 1 << (record & 7);
  }

  /**
   * The records of `first` to `first + count` that were not rejected, ascending.
   * @throws Error where the scan has not seen so many
   */
  accepted(first: number, count: number): Uint32Array {
    if (first + count > this.#records) throw this.#changed();
    const accepted = new Uint32Array(count);
    let found = 0;
    for (let record = first; record < first + count; record++) {
      // Beyond the bits there is undefined, which reads as 0.
      if ((this.#bits[record >>> 3] & (1 << (record & 7))) === 0) accepted[found++] = record;
    }
    return accepted.subarray(0, found);
  }

  /** @throws Error where the scan has seen more records than these */
  requireAll(records: number): void {
    if (records < this.#records) throw this.#changed();
  }

  #changed(): Error {
    return new FailedRunError(
      `the input changed during the run: ${this.source} does not have the ${this.#records} records of the first pass; start again`,
    );
  }
}
