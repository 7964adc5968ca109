/** Bits of the number of a UTF-16 unit that follows another in a word. */
const UNIT_BITS = 14;

/**
 * Words as paths of UTF-16 units, in one hash table of a few bytes a slot. A node is the number of its slot; the root is
 * 0, a slot that stays empty.
 */
export class Trie {
  /** Of the slot's parent and the unit that leads from there; 0 where the slot is free. */
  #keys: Int32Array;
  /** Of the word that ends at a slot; 0 where none does. */
  #values: Int8Array;
  #mask: number;
  /** Children of the root by unit: most searches end there. */
  #roots = new Int32Array(0x10000);
  /** Small numbers, from 1, of the units that follow another. */
  #numbers = new Uint16Array(0x10000);
  #count = 0;

  /** @param nodes most nodes that all words together need, up to 130,000 */
  constructor(nodes: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * nodes + 2));
    if (slots > 2 ** (32 - UNIT_BITS)) throw new Error(`${nodes} nodes are too many for a trie`);
    this.#mask = slots - 1;
    this.#keys = new Int32Array(slots);
    this.#values = new Int8Array(slots);
  }

  /** Adds a word of one unit or more. @param value other than 0, of 8 bits */
  set(word: string, value: number): void {
    let node = 0;
    for (let at = 0; at < word.length; at++) {
      const unit = word.charCodeAt(at);
      const child = this.child(node, unit);
      node = child === 0 ? this.#add(node, unit) : child;
    }
    this.#values[node] = value;
  }

  #add(node: number, unit: number): number {
    if (this.#numbers[unit] === 0) {
      this.#numbers[unit] = ++this.#count;
      if (this.#count >> UNIT_BITS > 0) throw new Error(`more than ${this.#count - 1} units are too many for a trie`);
    }
    const key = (node << UNIT_BITS) | this.#numbers[unit];
    let slot = firstSlot(key, this.#mask);
    while (this.#keys[slot] !== 0) slot = (slot + 1) & this.#mask || 1;
    this.#keys[slot] = key;
    if (node === 0) this.#roots[unit] = slot;
    return slot;
  }

  /** The node that a unit leads to; 0 if none. */
  child(node: number, unit: number): number {
    if (node === 0) return this.#roots[unit];
    const number = this.#numbers[unit];
    if (number === 0) return 0;
    const key = (node << UNIT_BITS) | number;
    const keys = this.#keys;
    const mask = this.#mask;
    for (let slot = firstSlot(key, mask); ; slot = (slot + 1) & mask || 1) {
      const found = keys[slot];
      if (found === key) return slot;
      if (found === 0) return 0;
    }
  }

  /** The value of the word that ends at a node; 0 if none does. */
  value(node: number): number {
    return this.#values[node];
  }
}

/** Where the search for a key begins; never the root's slot. */
function firstSlot(key: number, mask: number): number {
  const mixed = Math.imul(key, 0x9e3779b1);
  return (mixed >>> 13) & mask || 1;
}
