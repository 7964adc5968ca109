/** Fields of a slot: the slot of the parent, the UTF-16 unit that leads from there, the value of the word that ends here. */
const PARENT = 0;
const UNIT = 1;
const VALUE = 2;

/**
 * Words as paths of UTF-16 units, in one hash table without objects. A node is the number of its slot; the root is 0, a
 * slot that stays empty.
 */
export class Trie {
  /** Four numbers a slot, so that a probe touches one cache line; no unit where it is free. */
  #slots: Int32Array;
  #mask: number;
  /** Children of the root by unit, since most searches end there. */
  #roots = new Int32Array(0x10000);

  /** @param nodes most nodes that all words together need */
  constructor(nodes: number) {
    const count = 2 ** Math.ceil(Math.log2(2 * nodes + 2));
    this.#mask = count - 1;
    this.#slots = new Int32Array(4 * count);
  }

  /** Adds a word of one unit or more, none of them 0. @param value other than 0 */
  set(word: string, value: number): void {
    const slots = this.#slots;
    let node = 0;
    for (let at = 0; at < word.length; at++) {
      const unit = word.charCodeAt(at);
      let child = this.child(node, unit);
      if (child === 0) {
        child = firstSlot(node, unit, this.#mask);
        while (slots[4 * child + UNIT] !== 0) child = (child + 1) & this.#mask || 1;
        slots[4 * child + PARENT] = node;
        slots[4 * child + UNIT] = unit;
        if (node === 0) this.#roots[unit] = child;
      }
      node = child;
    }
    slots[4 * node + VALUE] = value;
  }

  /** The node that a unit leads to; 0 if none. */
  child(node: number, unit: number): number {
    if (node === 0) return this.#roots[unit];
    const slots = this.#slots;
    for (let slot = firstSlot(node, unit, this.#mask); ; slot = (slot + 1) & this.#mask || 1) {
      const found = slots[4 * slot + UNIT];
      if (found === unit && slots[4 * slot + PARENT] === node) return slot;
      if (found === 0) return 0;
    }
  }

  /** The value of the word that ends at a node; 0 if none does. */
  value(node: number): number {
    return this.#slots[4 * node + VALUE];
  }
}

/** Where the search for a child begins; never the root's slot. */
function firstSlot(node: number, unit: number, mask: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & mask || 1;
}
