/** Keys of a chunk, 1 MiB. A power of two, so that shift and mask split a key's number. */
const CHUNK_BITS = 16;
const CHUNK = 1 << CHUNK_BITS;
const SMALLEST = 1 << 12;

/**
 * Set of 128-bit keys, numbered by first appearance. Open addressing with linear probing: slots hold numbers of keys,
 * and the keys lie in chunks that growth leaves alone. Doubling therefore copies slots only; old and new slots lie side
 * by side for a moment, 16 bytes a key. Memory: 16 bytes for a key and 5.3 to 10.7 for its slots, since at most 3/4 of
 * the slots are taken. Up to 2^31 keys.
 */
export class HashTable {
  readonly #keys: Uint32Array[] = [];
  /**
   * Number of a key plus one; 0 where free. A key's slot is given by the low bits of its last word, or the next free
   * one.
   */
  #slots = new Uint32Array(SMALLEST);
  #count = 0;

  /** Number of keys in the set. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of keys and slots. */
  get byteLength(): number {
    return this.#slots.byteLength + this.#keys.length * CHUNK * 16;
  }

  /** Number of the key `key[0..4)`; -1 where it is not in the set. */
  find(key: Uint32Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = key[3] & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const number = slots[slot] - 1;
      const chunk = this.#keys[number >>> CHUNK_BITS];
      const at = 4 * (number & (CHUNK - 1));
      if (chunk[at + 3] === key[3] && chunk[at] === key[0] && chunk[at + 1] === key[1] && chunk[at + 2] === key[2]) {
        return number;
      }
    }
    return -1;
  }

  /**
   * Number of the key `key[0..4)`, which is copied. A number equal to the former `count` means that the key was new.
   */
  findOrAdd(key: Uint32Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const [k0, k1, k2, k3] = [key[0], key[1], key[2], key[3]];
    let slot = k3 & mask;
    for (let entry = slots[slot]; entry !== 0; entry = slots[slot]) {
      const number = entry - 1;
      const chunk = this.#keys[number >>> CHUNK_BITS];
      const at = 4 * (number & (CHUNK - 1));
      if (chunk[at + 3] === k3 && chunk[at] === k0 && chunk[at + 1] === k1 && chunk[at + 2] === k2) return number;
      slot = (slot + 1) & mask;
    }
    const number = this.#count++;
    const at = 4 * (number & (CHUNK - 1));
    if (at === 0) this.#keys.push(new Uint32Array(4 * CHUNK));
    this.#keys[number >>> CHUNK_BITS].set(key, at);
    slots[slot] = number + 1;
    if (4 * this.#count > 3 * slots.length) this.#grow();
    return number;
  }

  /** Doubles the slots and enters all keys again. */
  #grow(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let slot = this.#keys[number >>> CHUNK_BITS][4 * (number & (CHUNK - 1)) + 3] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}
