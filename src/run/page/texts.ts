import { NO_TEXT } from "../../report/page/data.js";
import { readResultTable } from "../read/result-table.js";
import type { DedupManifest } from "../work/dedup-folder.js";

/** UTF-16 units after which a text of the page is cut. */
export const CUT_AT = 600;

/** A text as the page carries it. */
export interface FoundText {
  readonly text: string;
  /** Length before it was cut. */
  readonly length: number;
  /** Value of the id field, where one is named and the row has it. */
  readonly id?: string;
}

/** A text without the half of a character at its end, cut where it is longer than `CUT_AT`. */
export function cut(text: string): string {
  if (text.length <= CUT_AT) return text;
  const last = text.charCodeAt(CUT_AT - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? CUT_AT - 1 : CUT_AT);
}

/**
 * Reads the texts of the rows that the page shows.
 * @param wanted rows of either table; the texts of at most as many are held, cut to `CUT_AT`
 */
export async function findTexts(options: {
  readonly wanted: ReadonlySet<number>;
  readonly paths: readonly string[];
  readonly options: DedupManifest["options"];
  readonly idField?: string;
}): Promise<Map<number, FoundText>> {
  const { wanted, paths, idField } = options;
  const found = new Map<number, FoundText>();
  for (const path of paths) {
    for await (const { rows, texts, batch } of readResultTable(path, options.options)) {
      const ids = idField === undefined ? null : batch.getChild(idField);
      for (let i = 0; i < rows.length; i++) {
        if (!wanted.has(rows[i])) continue;
        const text = texts[i] ?? "";
        const id = ids?.get(i) ?? undefined;
        found.set(rows[i], {
          text: cut(text),
          length: text.length,
          id: id === undefined ? undefined : cut(String(id)),
        });
      }
    }
  }
  return found;
}

/** The texts that the page carries: each distinct one once, until their UTF-8 bytes reach the budget. */
export class PageTexts {
  readonly texts: string[] = [];
  readonly lengths: number[] = [];
  readonly #numbers = new Map<string, number>();
  #left: number;

  /** @param budget bytes of UTF-8 */
  constructor(budget: number) {
    this.#left = budget;
  }

  /** Number of a text in the columns of the page; `NO_TEXT` where the budget is spent. */
  add(text: string, length = text.length): number {
    // Two texts that are cut alike but differ in length differ behind the cut.
    const key = length === text.length ? text : `${text}\0${length}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#left) return NO_TEXT;
    this.#left -= bytes;
    this.texts.push(text);
    this.lengths.push(length);
    this.#numbers.set(key, this.texts.length);
    return this.texts.length;
  }
}
