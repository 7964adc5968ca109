import { BrakeError } from "../../errors.js";
import type { ToldReject } from "../../io/source.js";
import { type Limit, limitReached } from "./limit.js";

/** Number of rejected records that the message shows. */
const SHOWN_REJECTS = 3;

/**
 * Enforces `--max-rejects`. A count stops the run at the first record beyond it. A share can be judged only when all
 * records are read.
 */
export class RejectsBrake {
  readonly #limit: Limit | undefined;
  readonly #shown: string[] = [];
  #count: number;

  /** @param before number of records that were rejected earlier */
  constructor(limit: Limit | undefined, before = 0) {
    this.#limit = limit;
    this.#count = before;
  }

  /**
   * Counts the rejected records of a batch.
   * @throws BrakeError if the limit is a count and more records than that are rejected
   */
  add(source: string, rejects: readonly ToldReject[]): void {
    this.#count += rejects.length;
    for (const { line, error } of rejects.slice(0, SHOWN_REJECTS - this.#shown.length)) {
      this.#shown.push(`line ${line} of ${source}: ${error}`);
    }
    if (this.#limit?.kind === "count" && this.#count > this.#limit.value) throw this.#error("records", this.#limit);
  }

  /**
   * Checks the final number of rejected records against the limit.
   * @throws BrakeError if the limit is exceeded
   */
  end(records: number): void {
    const limit = this.#limit;
    if (limit !== undefined && limitReached(limit, this.#count, records))
      throw this.#error(`of ${records} records`, limit);
  }

  #error(what: string, { text }: Limit): BrakeError {
    return new BrakeError(
      `${this.#count} ${what} were rejected, more than --max-rejects ${text}; nothing was published. ` +
        `The first are ${this.#shown.join("; ")}. Mend the inputs or raise the limit`,
      { limit: "max_rejects", rows: this.#count },
    );
  }
}
