/**
 * Keeps those of many entries that have the lowest keys. A few entries are meant: each that is taken costs time in
 * proportion to their number.
 */
export class Lowest<T> {
  readonly #most: number;
  readonly #items: { readonly key: number; readonly tie: number; readonly entry: T }[] = [];

  /** @param most number of entries to keep */
  constructor(most: number) {
    this.#most = most;
  }

  /** The entries kept so far, lowest key first. */
  get entries(): T[] {
    return this.#items.map(({ entry }) => entry);
  }

  /** The highest key that is kept once the list is full, above which nothing enters; infinity before. */
  get bound(): number {
    return this.#items.length < this.#most ? Number.POSITIVE_INFINITY : (this.#items.at(-1)?.key ?? -Infinity);
  }

  /**
   * Takes an entry where it belongs to the lowest.
   * @param tie orders entries of equal keys; of those with equal ties the one that came first stays first
   */
  add(key: number, entry: T, tie = 0): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0 && (key < items[at - 1].key || (key === items[at - 1].key && tie < items[at - 1].tie))) at--;
    if (at === this.#most) return;
    items.splice(at, 0, { key, tie, entry });
    if (items.length > this.#most) items.pop();
  }
}
