/** How long a worker waits, in milliseconds. */
export interface Waits {
  /** A wait for work grows from the least to the most, and begins anew when anything has been done. */
  readonly least: number;
  readonly most: number;
  /** Between two looks whether the plan is still there, while a task is at work. */
  readonly watch: number;
  /** Without a sign of life of a worker elsewhere, until its task is taken over. */
  readonly patience?: number;
}

/** The waits of every worker outside of tests. */
export const WAITS: Waits = { least: 100, most: 2000, watch: 2000 };

/** The length of a worker's next wait for work. */
export class Backoff {
  readonly #waits: Waits;
  #wait = 0;

  constructor(waits: Waits) {
    this.#waits = waits;
  }

  /** Begins anew with the least wait. */
  reset(): void {
    this.#wait = 0;
  }

  /**
   * Milliseconds of the next wait: half as long again as the one before, up to the most. A quarter more or less is left to
   * chance, so that workers that wait together drift apart.
   */
  next(): number {
    const { least, most } = this.#waits;
    this.#wait = Math.min(most, Math.max(least, this.#wait * 1.5));
    return this.#wait * (0.75 + Math.random() / 2);
  }
}
