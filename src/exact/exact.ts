import { normalise } from "../text/normalise.js";
import { Int32Chunks } from "./chunks.js";
import { HashTable } from "./hash-table.js";

/** Writes a 128-bit hash of a text to `into[0..4)`; different texts must have different hashes for all practical ends. */
export type Hash128 = (text: string, into: Uint32Array) => void;

/** What the exact stage counted. `rows` = `rejected` + `rawTexts` + `exactSurplus`; `rawTexts` = `groups` + `normalisedSurplus`. */
export interface ExactCounts {
  /** Records added, rejected ones among them. */
  readonly rows: number;
  /** Records without a usable text. */
  readonly rejected: number;
  /** Distinct texts as received. */
  readonly rawTexts: number;
  /** Distinct texts after normalisation: what is embedded. */
  readonly groups: number;
  /** Rows whose text was seen before, unit for unit. */
  readonly exactSurplus: number;
  /** Rows whose text was new but its normal form was not. */
  readonly normalisedSurplus: number;
}

/**
 * The exact stage: gives every row the number of its text and of its group, the texts that `normalise` makes equal.
 * Texts are remembered by a 128-bit hash alone, of the text and of its normal form. Memory: 4 bytes a row, a distinct
 * text and a group, and 29 to 35 for each distinct hash, of which a text has one if it is in normal form already, else up
 * to two. A text seen before costs one hash and one look-up, and is not normalised again. Up to 2^31 rows.
 */
export class ExactTexts {
  readonly #hash: Hash128;
  readonly #key = new Uint32Array(4);
  /** Undefined once closed. */
  #table: HashTable | undefined = new HashTable();
  /** Of each key in the table: its text's number where it was received as it is, else -1; and its group. */
  #rawOfKey = new Int32Chunks();
  #groupOfKey = new Int32Chunks();
  readonly #rawOfRow = new Int32Chunks();
  readonly #groupOfRaw = new Int32Chunks();
  readonly #firstRow = new Int32Chunks();
  #rejected = 0;

  constructor(options: { readonly hash128: Hash128 }) {
    this.#hash = options.hash128;
  }

  /**
   * Takes the next record's text, null for a rejected record, in row order. Returns true where it starts a new group:
   * then its text stands for the group and is to be embedded, under the number `counts.groups - 1`.
   */
  add(text: string | null): boolean {
    const row = this.#rawOfRow.length;
    if (text === null) {
      this.#rawOfRow.push(-1);
      this.#rejected++;
      return false;
    }
    const known = this.#find(text);
    if (known < this.#rawOfKey.length) {
      const raw = this.#rawOfKey.get(known);
      if (raw >= 0) {
        this.#rawOfRow.push(raw);
        return false;
      }
      // Known as the normal form of others, so it is its own normal form.
      this.#rawOfKey.set(known, this.#addRaw(this.#groupOfKey.get(known)));
      return false;
    }
    // A text that is no normal form never meets one in the table, so one group number a key serves both.
    const normal = normalise(text);
    const raw = this.#groupOfRaw.length;
    this.#rawOfKey.push(raw);
    let group = this.#firstRow.length;
    if (normal === text) {
      this.#groupOfKey.push(group);
    } else {
      this.#groupOfKey.push(-1);
      const form = this.#find(normal);
      if (form < this.#rawOfKey.length) {
        group = this.#groupOfKey.get(form);
      } else {
        this.#rawOfKey.push(-1);
        this.#groupOfKey.push(group);
      }
      this.#groupOfKey.set(known, group);
    }
    this.#addRaw(group);
    if (group < this.#firstRow.length) return false;
    this.#firstRow.push(row);
    return true;
  }

  /** Takes the next record, which has no text but stands for itself: it starts a group of its own. */
  addWithoutText(): true {
    this.#firstRow.push(this.#rawOfRow.length);
    this.#addRaw(this.#firstRow.length - 1);
    return true;
  }

  /** Forgets the hashes: the last record was taken. What is left is 4 bytes a row, a distinct text and a group. */
  close(): void {
    this.#table = undefined;
    this.#rawOfKey = new Int32Chunks();
    this.#groupOfKey = new Int32Chunks();
  }

  /** Number of the distinct text of a row, by first appearance; -1 where the record was rejected. */
  rawOf(row: number): number {
    return this.#rawOfRow.get(row);
  }

  /** Group of a distinct text: number of its normal form by first appearance. */
  groupOfRaw(raw: number): number {
    return this.#groupOfRaw.get(raw);
  }

  /** Group of a row; -1 where the record was rejected. */
  groupOf(row: number): number {
    const raw = this.#rawOfRow.get(row);
    return raw < 0 ? -1 : this.#groupOfRaw.get(raw);
  }

  /** First row of a group, whose text stands for it. */
  firstRow(group: number): number {
    return this.#firstRow.get(group);
  }

  /** The counts so far. */
  get counts(): ExactCounts {
    const rows = this.#rawOfRow.length;
    const rawTexts = this.#groupOfRaw.length;
    const groups = this.#firstRow.length;
    const exactSurplus = rows - this.#rejected - rawTexts;
    return { rows, rejected: this.#rejected, rawTexts, groups, exactSurplus, normalisedSurplus: rawTexts - groups };
  }

  /** Bytes held by the table and the lists. */
  get byteLength(): number {
    const lists = [this.#rawOfKey, this.#groupOfKey, this.#rawOfRow, this.#groupOfRaw, this.#firstRow];
    return lists.reduce((bytes, list) => bytes + list.byteLength, this.#table?.byteLength ?? 0);
  }

  #find(text: string): number {
    this.#hash(text, this.#key);
    if (this.#table === undefined) throw new Error("a record after the last one");
    return this.#table.findOrAdd(this.#key);
  }

  /** Appends the current row with a text of its own; returns that text's number. */
  #addRaw(group: number): number {
    const raw = this.#groupOfRaw.length;
    this.#groupOfRaw.push(group);
    this.#rawOfRow.push(raw);
    return raw;
  }
}

/** Which row of each group stays, and how many rows the group has. */
export interface ExactDecisions {
  /** Row that stays, one entry a group; the caller owns the array. */
  readonly winner: Int32Array;
  /** Rows of the group, the winner among them, one entry a group; the caller owns the array. */
  readonly size: Uint32Array;
}

/**
 * The first row of each group in priority order. `compare(a, b)` is negative where row a goes before row b; where it
 * gives 0, and where it is absent, the lower row wins. The other rows of a group go: `reasonOf` says why. O(rows).
 */
export function exactDecisions(
  exact: ExactTexts,
  compare: (a: number, b: number) => number = (a, b) => a - b,
): ExactDecisions {
  const { rows, groups } = exact.counts;
  const winner = new Int32Array(groups);
  const size = new Uint32Array(groups);
  for (let row = 0; row < rows; row++) {
    const group = exact.groupOf(row);
    if (group < 0) continue;
    if (size[group]++ === 0 || compare(row, winner[group]) < 0) winner[group] = row;
  }
  return { winner, size };
}

/** Why a row goes for the sake of another of its group: their texts are equal as received, or only in normal form. */
export function reasonOf(exact: ExactTexts, row: number, keptRow: number): "exact" | "normalized" {
  return exact.rawOf(row) === exact.rawOf(keptRow) ? "exact" : "normalized";
}
