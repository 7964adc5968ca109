import { Float64Chunks, Int32Chunks } from "../../exact/chunks.js";
import { HashTable } from "../../exact/hash-table.js";
import type { CompareKeys } from "../../exact/priority.js";
import type { Entries } from "./entries.js";

/** The groups of a bucket that a shard has, in the order of their numbers in the shard. */
export type BucketGroups = {
  /** Number of the group in the shard. */
  readonly group: Uint32Array;
  /** The shard in which the group appears first, and the group's number there. */
  readonly owner_shard: Uint32Array;
  readonly owner_group: Uint32Array;
  /** Of all rows of the group: the winner, the first one, and their number. */
  readonly winner: Uint32Array;
  readonly first: Uint32Array;
  readonly size: Uint32Array;
  /** Key of the winner under `--keep`. */
  readonly high: Float64Array;
  readonly low: Float64Array;
};

/** The distinct texts of a bucket that a shard has, in the order of their numbers in the shard. */
export type BucketRaws = {
  /** Number of the text in the shard. */
  readonly raw: Uint32Array;
  /** 1 where the text equals, as received, that of the group's winner. */
  readonly wins: Uint8Array;
  /** 1 where no earlier shard has the text. */
  readonly begins: Uint8Array;
};

/** The texts of a shard by their numbers in the bucket, an entry for each. */
export interface AddedTexts {
  readonly group: Uint32Array;
  readonly raw: Uint32Array;
  /** Numbers of the normal form and of the text as received. */
  readonly form: Uint32Array;
  readonly text: Uint32Array;
  readonly begins: Uint8Array;
}

/**
 * Finds the equal texts of a bucket over all shards, which are added in order. Memory: 22 to 27 bytes for each distinct
 * form and for each distinct text, and 40 more for each form. Up to 2^31 of each.
 */
export class Bucket {
  readonly #compare: CompareKeys;
  readonly #forms = new HashTable();
  readonly #texts = new HashTable();
  /** For each form: where it appears first, and its winning row with the row's key and text. */
  readonly #ownerShard = new Int32Chunks();
  readonly #ownerGroup = new Int32Chunks();
  readonly #winner = new Int32Chunks();
  readonly #winningText = new Int32Chunks();
  readonly #first = new Int32Chunks();
  readonly #size = new Int32Chunks();
  readonly #high = new Float64Chunks();
  readonly #low = new Float64Chunks();
  /** Hash being looked up; reused. */
  readonly #key = new Uint32Array(4);

  /** @param compare of the keep policy */
  constructor(compare: CompareKeys) {
    this.#compare = compare;
  }

  /** Number of distinct texts, as received and after normalisation. */
  get counts(): { readonly raws: number; readonly groups: number } {
    return { raws: this.#texts.count, groups: this.#forms.count };
  }

  /**
   * Takes the texts of the next shard.
   * @param firstRow number of the shard's first row among all rows
   * @param entries not kept but for `group` and `raw`
   * @returns 17 bytes a text, for `groupsOf` and `rawsOf`
   */
  add(shard: number, firstRow: number, entries: Entries): AddedTexts {
    const { group, raw, "form:4": forms, "text:4": texts } = entries;
    const count = raw.length;
    const [form, text, begins] = [new Uint32Array(count), new Uint32Array(count), new Uint8Array(count)];
    for (let i = 0; i < count; i++) {
      const known = this.#texts.count;
      text[i] = this.#numberOf(this.#texts, texts, i);
      if (text[i] === known) begins[i] = 1;
      form[i] = this.#numberOf(this.#forms, forms, i);
      if (form[i] === this.#ownerShard.length) this.#begin(shard, firstRow, entries, i, text[i]);
      else this.#join(firstRow, entries, i, form[i], text[i]);
    }
    return { group, raw, form, text, begins };
  }

  /** The groups of a shard, once all shards are added. The caller owns the columns. */
  groupsOf({ group, form }: AddedTexts): BucketGroups {
    // Groups and texts are numbered by first appearance, so a text that begins a group has the highest number so far.
    let count = 0;
    for (let i = 0, next = 0; i < group.length; i++) {
      if (group[i] < next) continue;
      count++;
      next = group[i] + 1;
    }
    const groups = emptyGroups(count);
    for (let i = 0, next = 0, at = 0; i < group.length; i++) {
      if (group[i] < next) continue;
      next = group[i] + 1;
      groups.group[at] = group[i];
      groups.owner_shard[at] = this.#ownerShard.get(form[i]);
      groups.owner_group[at] = this.#ownerGroup.get(form[i]);
      groups.winner[at] = this.#winner.get(form[i]);
      groups.first[at] = this.#first.get(form[i]);
      groups.size[at] = this.#size.get(form[i]);
      groups.high[at] = this.#high.get(form[i]);
      groups.low[at++] = this.#low.get(form[i]);
    }
    return groups;
  }

  /** The texts of a shard, once all shards are added. `raw` and `begins` are those of `texts`. */
  rawsOf({ raw, form, text, begins }: AddedTexts): BucketRaws {
    const wins = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) if (this.#winningText.get(form[i]) === text[i]) wins[i] = 1;
    return { raw, wins, begins };
  }

  /** Number of a hash in a table; a new one gets the next number. */
  #numberOf(table: HashTable, hashes: Uint32Array, at: number): number {
    const key = this.#key;
    for (let word = 0; word < 4; word++) key[word] = hashes[4 * at + word];
    return table.findOrAdd(key);
  }

  /** Begins a form with its first text. */
  #begin(
    shard: number,
    firstRow: number,
    { group, row, first, size, high, low }: Entries,
    i: number,
    text: number,
  ): void {
    this.#ownerShard.push(shard);
    this.#ownerGroup.push(group[i]);
    this.#winner.push(firstRow + row[i]);
    this.#winningText.push(text);
    this.#first.push(firstRow + first[i]);
    this.#size.push(size[i]);
    this.#high.push(high[i]);
    this.#low.push(low[i]);
  }

  /** Adds a text of a later shard, or another text, to its form. */
  #join(firstRow: number, { row, size, high, low }: Entries, i: number, form: number, text: number): void {
    this.#size.set(form, this.#size.get(form) + size[i]);
    const winner = firstRow + row[i];
    const held = this.#winner.get(form);
    if (this.#compare(high[i], low[i], winner, this.#high.get(form), this.#low.get(form), held) >= 0) return;
    this.#winner.set(form, winner);
    this.#winningText.set(form, text);
    this.#high.set(form, high[i]);
    this.#low.set(form, low[i]);
  }
}

function emptyGroups(count: number): BucketGroups {
  const numbers = () => new Uint32Array(count);
  return {
    group: numbers(),
    owner_shard: numbers(),
    owner_group: numbers(),
    winner: numbers(),
    first: numbers(),
    size: numbers(),
    high: new Float64Array(count),
    low: new Float64Array(count),
  };
}
