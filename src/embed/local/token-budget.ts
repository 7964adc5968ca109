/**
 * Number of padded tokens that one run of a session may hold. The budget starts at the wanted number. On a processor it
 * follows the measured speed, so that no run takes longer than the program may take to stop. If the device runs out of
 * memory, the budget shrinks. No vector depends on the budget, because no vector depends on its batch.
 */
export class TokenBudget {
  readonly #wanted: number;
  readonly #milliseconds: number;
  #tokens: number;
  #ceiling: number;

  /**
   * @param options.tokens the wanted number
   * @param options.milliseconds target for the longest run (no limit)
   */
  constructor(options: { tokens: number; milliseconds?: number }) {
    this.#wanted = options.tokens;
    this.#tokens = options.tokens;
    this.#ceiling = options.tokens;
    this.#milliseconds = options.milliseconds ?? Number.POSITIVE_INFINITY;
  }

  /** Most padded tokens of the next run. A single text runs even if it has more. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Adapts the budget to the duration of a run. */
  measured(tokens: number, milliseconds: number): void {
    if (this.#milliseconds === Number.POSITIVE_INFINITY) return;
    // A run of few tokens says little about the speed of a full run, and such a run is short in any case.
    if (tokens < this.#tokens / 4 && milliseconds < this.#milliseconds / 4) return;
    const affordable = (tokens / milliseconds) * this.#milliseconds;
    // The budget moves half way each time, so that a moment in which the machine was busy counts little.
    this.#tokens = Math.max(1, Math.min(this.#ceiling, Math.round((this.#tokens + affordable) / 2)));
  }

  /**
   * Lowers the budget after a run that did not fit the device.
   * @returns a message for the user
   */
  exceeded(tokens: number): string {
    this.#ceiling = Math.max(1, Math.floor(tokens / 2));
    this.#tokens = Math.min(this.#tokens, this.#ceiling);
    return `the device ran out of memory at ${tokens} tokens of the ${this.#wanted} a batch may have; going on with ${this.#ceiling}`;
  }
}
