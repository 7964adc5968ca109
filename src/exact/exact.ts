import { normalise } from "../text/normalise.js";
import { Int32Chunks } from "./chunks.js";
import { HashTable } from "./hash-table.js";

/** Writes a 128-bit hash of a text to `into[0..4)`. Two texts with the same hash count as the same text. */
export type Hash128 = (text: string, into: Uint32Array) => void;

/** Texts that are known before the first record comes, as those of the references. */
export interface KnownTexts {
  /** Number of the entry of a normal form, given by its hash; -1 where no known text has this form. */
  find(form: Uint32Array): number;
  /** Whether the text of an entry equals, as received, the text with this hash. */
  equals(entry: number, text: Uint32Array): boolean;
}

/** Those of the rows, distinct texts and groups of an exact stage whose texts were known before. */
export interface KnownCounts {
  readonly rows: number;
  readonly rawTexts: number;
  readonly groups: number;
}

/** Counts of the exact stage: rows = rejected + rawTexts + exactSurplus, and rawTexts = groups + normalisedSurplus. */
export interface ExactCounts {
  /** Records added, rejected ones among them. */
  readonly rows: number;
  /** Records without a usable text. */
  readonly rejected: number;
  /** Distinct texts, compared as received. */
  readonly rawTexts: number;
  /** Distinct texts after normalisation. One text of each group is embedded. */
  readonly groups: number;
  /** Rows whose text had been received before, UTF-16 unit for unit. */
  readonly exactSurplus: number;
  /** Rows whose text was new while its normal form was not. */
  readonly normalisedSurplus: number;
}

/** Options of `ExactTexts`. */
export interface ExactTextsOptions {
  readonly hash128: Hash128;
  /** Texts that are never embedded; must be there until the last record is taken. */
  readonly known?: KnownTexts;
  /**
   * Called with each new distinct text in the order of their numbers: the hash of the text and that of its normal form,
   * in arrays that are used again. Both are zeros for a record without a text, which no hash equals.
   */
  readonly onText?: (text: Uint32Array, form: Uint32Array) => void;
}

/**
 * The exact stage: numbers the distinct texts, and the groups of texts that `normalise` makes equal.
 *
 *     row  --rawOfRow-->  text  --groupOfRaw-->  group  --firstRow-->  row
 *
 * A text is remembered only by 128-bit hashes: of the text, and of its normal form where that differs. A text received
 * before costs one hash and one look-up and is not normalised again. Memory: 4 bytes for each row, distinct text and
 * group, and 29 to 35 bytes for each distinct hash; where texts are known before, 4 more for each distinct text and
 * group. Up to 2^31 rows.
 */
export class ExactTexts {
  readonly #hash: Hash128;
  /** Hash of the text being looked up; reused. */
  readonly #key = new Uint32Array(4);
  /** Numbers the hashes; undefined once closed. */
  #table: HashTable | undefined = new HashTable();
  /** For each hash: the number of the text received in exactly this form, else -1; and the group of the form. */
  #rawOfKey = new Int32Chunks();
  #groupOfKey = new Int32Chunks();
  /** Text of each row, -1 where rejected; group of each text; first row of each group. */
  readonly #rawOfRow = new Int32Chunks();
  readonly #groupOfRaw = new Int32Chunks();
  readonly #firstRow = new Int32Chunks();
  #rejected = 0;
  readonly #known: KnownTexts | undefined;
  /** Entry of each group among the known texts, -1 for none; empty where no texts are known. */
  readonly #entryOfGroup = new Int32Chunks();
  /** 1 for each text that equals the known text of its group as received; empty where no texts are known. */
  readonly #equalsKnown = new Int32Chunks();
  readonly #knownCounts = { rows: 0, rawTexts: 0, groups: 0 };
  /** Hash of the text being added: `#key` holds that of its normal form by then. */
  readonly #textKey = new Uint32Array(4);

  readonly #onText: ExactTextsOptions["onText"];

  constructor(options: ExactTextsOptions) {
    this.#hash = options.hash128;
    this.#known = options.known;
    this.#onText = options.onText;
  }

  /**
   * Takes the next record in row order: its text, or null where it was rejected. Returns true where the text starts a
   * new group, numbered `counts.groups - 1`, and is not known; this text then stands for the group and is embedded.
   * @throws Error after `close`
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
        if (this.entryOf(this.#groupOfRaw.get(raw)) >= 0) this.#knownCounts.rows++;
        return false;
      }
      this.#textKey.set(this.#key);
      // So far the text was only the normal form of others; a normal form is its own normal form.
      this.#rawOfKey.set(known, this.#addRaw(this.#groupOfKey.get(known)));
      return false;
    }
    this.#textKey.set(this.#key);
    // A text that is no normal form can never equal an entry that is one, so one group number for a hash serves both.
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
    const begins = group === this.#firstRow.length;
    if (begins) this.#beginGroup(row, this.#known?.find(this.#key));
    this.#addRaw(group);
    return begins && this.entryOf(group) < 0;
  }

  /** Takes the next record where it has no text but a vector of its own: it starts a group by itself. */
  addWithoutText(): true {
    this.#textKey.fill(0);
    this.#key.fill(0);
    this.#beginGroup(this.#rawOfRow.length, this.#known && -1);
    this.#addRaw(this.#firstRow.length - 1);
    return true;
  }

  /** Forgets the hashes once the last record is taken. 4 bytes for each row, distinct text and group remain. */
  close(): void {
    this.#table = undefined;
    this.#rawOfKey = new Int32Chunks();
    this.#groupOfKey = new Int32Chunks();
  }

  /**
   * Rejects the rows of groups whose texts turned out to be unusable: from then on `rawOf` and `groupOf` give -1 for
   * them. The numbers of the other texts and groups stay, and so do the counts, which are those of the exact stage.
   * @returns the rows, ascending, each with its group; O(rows)
   */
  reject(groups: ReadonlySet<number>): { readonly row: number; readonly group: number }[] {
    const rejected: { row: number; group: number }[] = [];
    for (let row = 0; groups.size > 0 && row < this.#rawOfRow.length; row++) {
      const group = this.groupOf(row);
      if (!groups.has(group)) continue;
      this.#rawOfRow.set(row, -1);
      rejected.push({ row, group });
    }
    return rejected;
  }

  /** Number of a row's distinct text, by first appearance; -1 where the record was rejected. */
  rawOf(row: number): number {
    return this.#rawOfRow.get(row);
  }

  /** Group of a distinct text. Groups are numbered by first appearance. */
  groupOfRaw(raw: number): number {
    return this.#groupOfRaw.get(raw);
  }

  /** Group of a row; -1 where the record was rejected. */
  groupOf(row: number): number {
    const raw = this.#rawOfRow.get(row);
    return raw < 0 ? -1 : this.#groupOfRaw.get(raw);
  }

  /** Entry of a group among the known texts; -1 where its texts were not known. */
  entryOf(group: number): number {
    return this.#known === undefined ? -1 : this.#entryOfGroup.get(group);
  }

  /** Whether the text of a row, as received, equals the known text of its group. Only for rows of known groups. */
  equalsKnown(row: number): boolean {
    return this.#equalsKnown.get(this.#rawOfRow.get(row)) === 1;
  }

  /** The counts of the rows taken so far whose texts were known. */
  get known(): KnownCounts {
    return this.#knownCounts;
  }

  /** First row of a group. Its text stands for the group. */
  firstRow(group: number): number {
    return this.#firstRow.get(group);
  }

  /** The counts of the records taken so far. */
  get counts(): ExactCounts {
    const rows = this.#rawOfRow.length;
    const rawTexts = this.#groupOfRaw.length;
    const groups = this.#firstRow.length;
    const exactSurplus = rows - this.#rejected - rawTexts;
    return { rows, rejected: this.#rejected, rawTexts, groups, exactSurplus, normalisedSurplus: rawTexts - groups };
  }

  /** Bytes that the hash table and the lists hold. */
  get byteLength(): number {
    const lists = [this.#rawOfKey, this.#groupOfKey, this.#rawOfRow, this.#groupOfRaw, this.#firstRow];
    lists.push(this.#entryOfGroup, this.#equalsKnown);
    return lists.reduce((bytes, list) => bytes + list.byteLength, this.#table?.byteLength ?? 0);
  }

  /** Number of a text's hash; a new hash gets the next number. */
  #find(text: string): number {
    this.#hash(text, this.#key);
    if (this.#table === undefined) throw new Error("a record after the last one");
    return this.#table.findOrAdd(this.#key);
  }

  /**
   * Gives the current row a new text of the given group; returns the text's number. The hash of the text is in `#textKey`,
   * that of its normal form in `#key`.
   */
  #addRaw(group: number): number {
    const raw = this.#groupOfRaw.length;
    this.#groupOfRaw.push(group);
    this.#rawOfRow.push(raw);
    this.#onText?.(this.#textKey, this.#key);
    if (this.#known === undefined) return raw;
    const entry = this.entryOf(group);
    this.#equalsKnown.push(entry >= 0 && this.#known.equals(entry, this.#textKey) ? 1 : 0);
    if (entry >= 0) {
      this.#knownCounts.rows++;
      this.#knownCounts.rawTexts++;
    }
    return raw;
  }

  /** Begins a group with its first row and, where texts are known, its entry among these. */
  #beginGroup(firstRow: number, entry: number | undefined): void {
    this.#firstRow.push(firstRow);
    if (entry === undefined) return;
    this.#entryOfGroup.push(entry);
    if (entry >= 0) this.#knownCounts.groups++;
  }
}
