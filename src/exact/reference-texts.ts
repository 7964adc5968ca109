import { normalise } from "../text/normalise.js";
import { Float64Chunks, Int32Chunks } from "./chunks.js";
import type { Hash128, KnownTexts } from "./exact.js";
import { HashTable } from "./hash-table.js";

/** The kept row of a reference on whose account rows with a text of the reference go. */
export interface ReferenceFate {
  /** Number of the folder of the kept row, as `add` was told. */
  readonly folder: number;
  /** Its `_row` in that folder. */
  readonly row: number;
  /** Cosine with the kept row, as the reference recorded it; 0 where the texts are equal after normalisation. */
  readonly similarity: number;
}

/** A row of a reference. */
export interface ReferenceText extends ReferenceFate {
  readonly text: string;
  /** Whether the text is, as received, that of the kept row. */
  readonly asKept: boolean;
}

/**
 * The texts of all references, by their hashes. A text that is equal to one of them after normalisation shares the fate
 * of the reference's rows: if the references kept such a row, that one stands for it, else the row on whose account the
 * reference removed it. Where several references have a form, the first one counts, as if all of them were one run.
 * Memory: 45 to 51 bytes for each distinct form.
 */
export class ReferenceTexts implements KnownTexts {
  readonly #hash: Hash128;
  /** Numbers the forms; the entries of the lists below have the same numbers. */
  #forms: HashTable | undefined = new HashTable();
  readonly #folders = new Int32Chunks();
  readonly #rows = new Int32Chunks();
  readonly #similarities = new Float64Chunks();
  /** First 64 bits of the hash of the kept row's text as received; zeros where no row told them. */
  readonly #high = new Int32Chunks();
  readonly #low = new Int32Chunks();
  readonly #key = new Uint32Array(4);

  constructor(options: { readonly hash128: Hash128 }) {
    this.#hash = options.hash128;
  }

  /** Number of distinct forms. */
  get count(): number {
    return this.#folders.length;
  }

  /** Bytes that the forms and the fates hold. */
  get byteLength(): number {
    const lists = [this.#folders, this.#rows, this.#high, this.#low];
    return lists.reduce((bytes, list) => bytes + list.byteLength, (this.#forms?.byteLength ?? 0) + 8 * this.count);
  }

  /** Takes the next row in the order of the references. @throws Error after `close` */
  add({ text, folder, row, similarity, asKept }: ReferenceText): void {
    if (this.#forms === undefined) throw new Error("a reference's row after the last one");
    const form = normalise(text);
    this.#hash(form, this.#key);
    const entry = this.#forms.findOrAdd(this.#key);
    const isNew = entry === this.count;
    if (isNew) {
      this.#folders.push(folder);
      this.#rows.push(row | 0);
      this.#similarities.push(similarity);
      this.#high.push(0);
      this.#low.push(0);
    }
    const told = this.#high.get(entry) !== 0 || this.#low.get(entry) !== 0;
    // Another reference's row of the same form says nothing of the text of the first one's kept row.
    if (told || !asKept || similarity !== 0 || this.#similarities.get(entry) !== 0) return;
    if (this.#folders.get(entry) !== folder || this.#rows.get(entry) !== (row | 0)) return;
    if (form !== text) this.#hash(text, this.#key);
    this.#high.set(entry, this.#key[0] | 0);
    this.#low.set(entry, this.#key[1] | 0);
  }

  find(form: Uint32Array): number {
    if (this.#forms === undefined) throw new Error("a text after the last one");
    return this.#forms.find(form);
  }

  equals(entry: number, text: Uint32Array): boolean {
    return this.#high.get(entry) === (text[0] | 0) && this.#low.get(entry) === (text[1] | 0);
  }

  /** The fate of an entry. */
  fate(entry: number): ReferenceFate {
    return {
      folder: this.#folders.get(entry),
      row: this.#rows.get(entry) >>> 0,
      similarity: this.#similarities.get(entry),
    };
  }

  /** Forgets the forms once the last text of the run is taken; the fates stay, 24 bytes an entry. */
  close(): void {
    this.#forms = undefined;
  }
}
