/** Words as paths from node 0, in one hash table of (node, UTF-16 unit) without objects. */
export class Trie {
  #nodes = 1;
  #mask: number;
  #parents: Int32Array;
  #units: Uint16Array;
  #children: Int32Array;
  #values: Int8Array;
  /** Children of node 0 by unit, since most searches end there. */
  #roots = new Int32Array(0x10000);

  /** @param units most UTF-16 units that all words together may have */
  constructor(units: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * units + 2));
    this.#mask = slots - 1;
    this.#parents = new Int32Array(slots);
    this.#units = new Uint16Array(slots);
    this.#children = new Int32Array(slots);
    this.#values = new Int8Array(units + 1);
  }

  /** The slot of a child, or the free one where it would go. */
  #slot(node: number, unit: number): number {
    let slot = (Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (this.#children[slot] !== 0 && (this.#parents[slot] !== node || this.#units[slot] !== unit)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  /** Adds a word. @param value other than 0 */
  set(word: string, value: number): void {
    let node = 0;
    for (let at = 0; at < word.length; at++) {
      const unit = word.charCodeAt(at);
      const slot = this.#slot(node, unit);
      if (this.#children[slot] === 0) {
        this.#parents[slot] = node;
        this.#units[slot] = unit;
        this.#children[slot] = this.#nodes++;
      }
      node = this.#children[slot];
    }
    this.#values[node] = value;
    this.#roots[word.charCodeAt(0)] = this.#children[this.#slot(0, word.charCodeAt(0))];
  }

  /** The node that a unit leads to; 0 if none. */
  child(node: number, unit: number): number {
    return node === 0 ? this.#roots[unit] : this.#children[this.#slot(node, unit)];
  }

  /** The value of the word that ends at a node; 0 if none does. */
  value(node: number): number {
    return this.#values[node];
  }
}
