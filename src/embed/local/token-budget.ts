/**
 * Padded tokens that one run of a session may hold. Starts at what is wanted; on a processor it follows the measured speed,
 * so that no run takes longer than the program may take to stop; it shrinks where the device's memory does not suffice. None
 * of this changes a vector, since batches do not.
 */
export class TokenBudget {
  readonly #wanted: number;
  readonly #milliseconds: number;
  #tokens: number;
  #ceiling: number;

  /** @param options.milliseconds longest run that is aimed at; no limit where absent */
  constructor(options: { tokens: number; milliseconds?: number }) {
    this.#wanted = options.tokens;
    this.#tokens = options.tokens;
    this.#ceiling = options.tokens;
    this.#milliseconds = options.milliseconds ?? Number.POSITIVE_INFINITY;
  }

  /** Padded tokens of the next run; one text is run even where it has more. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Takes note of how long a run took. */
  measured(tokens: number, milliseconds: number): void {
    if (this.#milliseconds === Number.POSITIVE_INFINITY) return;
    // A run of few tokens says little of the speed of a full one, and its time is short in any case.
    if (tokens < this.#tokens / 4 && milliseconds < this.#milliseconds / 4) return;
    const affordable = (tokens / milliseconds) * this.#milliseconds;
    // Half way each time, so that a moment in which the machine was busy does not count for much.
    this.#tokens = Math.max(1, Math.min(this.#ceiling, Math.round((this.#tokens + affordable) / 2)));
  }

  /** Takes note that a run did not fit the device. @returns what a message may say of it */
  exceeded(tokens: number): string {
    this.#ceiling = Math.max(1, Math.floor(tokens / 2));
    this.#tokens = Math.min(this.#tokens, this.#ceiling);
    return `the device ran out of memory at ${tokens} tokens of the ${this.#wanted} a batch may have; going on with ${this.#ceiling}`;
  }
}
