/**
 * Finds the place of a record by 64 bits of its key. Two arrays of 32-bit words with open addressing take some 13 bytes
 * a record, so the table of a million records fits 13 MB. The bits are those of a cryptographic hash; whoever reads the
 * record compares the whole key.
 */
export class KeyTable {
  /** For each slot: one word of the key, then the place + 1; 0 is a free slot. */
  readonly #slots: Uint32Array;
  readonly #mask: number;

  /** @param capacity most keys that will be set */
  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, capacity * 1.5)));
    this.#slots = new Uint32Array(2 * size);
    this.#mask = size - 1;
  }

  /** Sets the place of a key; a place set before for the same 64 bits is replaced. */
  set(low: number, high: number, place: number): void {
    const slots = this.#slots;
    let slot = low & this.#mask;
    while (slots[2 * slot + 1] !== 0 && slots[2 * slot] !== high) slot = (slot + 1) & this.#mask;
    slots[2 * slot] = high;
    slots[2 * slot + 1] = place + 1;
  }

  /** Place of a key, -1 if it is absent. */
  get(low: number, high: number): number {
    const slots = this.#slots;
    let slot = low & this.#mask;
    for (;;) {
      const next = slots[2 * slot + 1];
      if (next === 0 || slots[2 * slot] === high) return next - 1;
      slot = (slot + 1) & this.#mask;
    }
  }
}
