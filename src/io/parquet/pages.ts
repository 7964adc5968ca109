import type { FileHandle } from "node:fs/promises";
import { readRange } from "../read-exact.js";
import { decompressPage } from "./codecs.js";
import { type ColumnChunk, type PageHeader, readPageHeader } from "./file.js";
import { HybridReader, levelWidth } from "./hybrid.js";

/** One page of a column chunk, decompressed. */
export interface Page {
  readonly kind: "dictionary" | "data";
  readonly encoding: string;
  /** Values, nulls included. */
  readonly count: number;
  /** The values, without the levels before them. */
  readonly bytes: Uint8Array;
  /** Levels of a data page; undefined where the column's highest is 0. */
  readonly repetition?: HybridReader;
  readonly definition?: HybridReader;
}

/** A column's highest levels. */
export interface MaxLevels {
  readonly def: number;
  readonly rep: number;
}

/** What the pages and dictionaries that are held at once may take, in bytes; shared by the columns of a row group. */
export interface Allowance {
  held: number;
  /** What of `held` is dictionaries. */
  dictionaries: number;
  readonly limit: number;
  /** Columns, and parts of nested ones, that are read side by side, and how many of them have begun. */
  columns: number;
  begun: number;
}

/** Bytes in which a page header is looked for at first. */
const HEADER = 1 << 12;

/**
 * Reads the pages of a column chunk one after another. Memory: the present one and the dictionary, counted in the allowance, and
 * what is read ahead.
 */
export class PageReader {
  readonly #file: FileHandle;
  readonly #chunk: ColumnChunk;
  readonly #max: MaxLevels;
  readonly #allowance: Allowance;
  /** Bytes that are read at once at least; a page of more is too. */
  readonly #ahead: number;
  /** Values that the pages so far have left. */
  #missing: number;
  /** What has been read of the chunk and not used. */
  #bytes = new Uint8Array(0);
  /** Bytes of the chunk that have been read. */
  #read = 0;
  /** Bytes counted for each in the allowance. */
  #dictionary = 0;
  #page = 0;

  constructor(file: FileHandle, chunk: ColumnChunk, max: MaxLevels, allowance: Allowance, ahead: number) {
    this.#file = file;
    this.#chunk = chunk;
    this.#max = max;
    this.#allowance = allowance;
    this.#ahead = ahead;
    this.#missing = chunk.count;
  }

  /** The next page; undefined once all values were in pages. @throws Error where it is corrupt or larger than can be held */
  async next(): Promise<Page | undefined> {
    this.#releasePage();
    if (this.#missing === 0) {
      this.#allowance.held -= this.#dictionary;
      this.#allowance.dictionaries -= this.#dictionary;
      this.#dictionary = 0;
      return undefined;
    }
    for (;;) {
      if (this.#read === 0) this.#allowance.begun++;
      const header = await this.#header();
      const stored = header.compressed_page_size;
      const size = header.uncompressed_page_size;
      const left = this.#chunk.length - this.#read + this.#bytes.length;
      if (!(stored >= 0 && size >= 0 && stored <= left)) {
        throw new Error(`a page of ${stored} bytes where ${left} are left of its column`);
      }
      // The values of a dictionary are copied out of its page, and take as much as there.
      if (header.type === "DICTIONARY_PAGE") this.#holdDictionary(size);
      this.#holdPage(size + stored);
      await this.#ensure(stored);
      const body = this.#bytes.subarray(0, stored);
      const rest = this.#bytes.subarray(stored);
      // A small rest would hold on to all that was read with it.
      this.#bytes = 2 * rest.length < rest.buffer.byteLength ? rest.slice() : rest;
      const page = this.#open(header, body, size);
      // Pages of other kinds, indexes among them, hold no values.
      if (page !== undefined) return page;
      this.#releasePage();
    }
  }

  #holdPage(size: number): void {
    this.#page = size;
    this.#allowance.held += size;
    this.#checkHeld();
  }

  #holdDictionary(size: number): void {
    this.#dictionary += size;
    this.#allowance.dictionaries += size;
    this.#allowance.held += size;
    this.#checkHeld();
  }

  #checkHeld(): void {
    const { held, dictionaries, limit, columns, begun } = this.#allowance;
    if (held <= limit) return;
    const whose = columns === 1 ? "its pages take" : `the pages of ${begun} of ${columns} columns take`;
    const need = `${Math.ceil((2 * held * columns) / begun / 2 ** 20)} MB`;
    throw new Error(
      `${whose} ${held} bytes at once, ${dictionaries} of them as dictionaries, expected at most ${limit}, half of --memory: ` +
        `raise that to some ${need}, or write the file again with smaller pages and fewer dictionaries`,
    );
  }

  #releasePage(): void {
    this.#allowance.held -= this.#page;
    this.#page = 0;
  }

  async #header(): Promise<PageHeader> {
    for (let wanted = Math.min(HEADER, this.#ahead); ; wanted *= 8) {
      await this.#ensure(wanted);
      if (this.#bytes.length === 0) throw new Error(`${this.#missing} of ${this.#chunk.count} values are missing`);
      try {
        const { header, end } = readPageHeader(this.#bytes, 0);
        this.#bytes = this.#bytes.subarray(end);
        return header;
      } catch (error) {
        // Statistics may be long.
        if (this.#read === this.#chunk.length || wanted > this.#allowance.limit) throw error;
      }
    }
  }

  /** Sees that `size` bytes have been read, or all that is left. */
  async #ensure(size: number): Promise<void> {
    const have = this.#bytes.length;
    const left = this.#chunk.length - this.#read;
    if (have >= size || left === 0) return;
    const more = Math.min(left, Math.max(size - have, this.#ahead));
    const bytes = await readRange(this.#file, this.#chunk.start + this.#read, more);
    this.#read += more;
    this.#bytes = have === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  #open(header: PageHeader, body: Uint8Array, size: number): Page | undefined {
    const { codec } = this.#chunk;
    const { def, rep } = this.#max;
    const { dictionary_page_header: dictionary, data_page_header: data, data_page_header_v2: data2 } = header;
    if (header.type === "DICTIONARY_PAGE" && dictionary !== undefined) {
      const { num_values: count, encoding } = dictionary;
      if (!(count >= 0)) throw new Error(`a dictionary of ${count} values`);
      return { kind: "dictionary", encoding, count, bytes: decompressPage(body, size, codec) };
    }
    if (header.type === "DATA_PAGE" && data !== undefined) {
      const { num_values: count, encoding } = data;
      this.#count(count);
      const bytes = decompressPage(body, size, codec);
      const repetition = levelsAt(bytes, rep, data.repetition_level_encoding);
      const definition = levelsAt(repetition.rest, def, data.definition_level_encoding);
      const levels = { repetition: repetition.reader, definition: definition.reader };
      return { kind: "data", encoding, count, bytes: definition.rest, ...levels };
    }
    if (header.type !== "DATA_PAGE_V2" || data2 === undefined) return undefined;
    const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = data2;
    const levels = repetition + definition;
    if (!(repetition >= 0 && definition >= 0 && levels <= body.length && levels <= size)) {
      throw new Error(`${levels} bytes of levels in a page of ${body.length}`);
    }
    this.#count(data2.num_values);
    const values = body.subarray(levels);
    return {
      kind: "data",
      encoding: data2.encoding,
      count: data2.num_values,
      bytes: data2.is_compressed === false ? values : decompressPage(values, size - levels, codec),
      repetition: levelReader(body.subarray(0, repetition), rep),
      definition: levelReader(body.subarray(repetition, levels), def),
    };
  }

  #count(count: number): void {
    if (!(count >= 0 && count <= this.#missing)) {
      throw new Error(`a page of ${count} values where ${this.#missing} are missing`);
    }
    this.#missing -= count;
  }
}

function levelReader(bytes: Uint8Array, max: number): HybridReader | undefined {
  return max === 0 ? undefined : new HybridReader(bytes, levelWidth(max));
}

/** The levels with which a version 1 page starts, behind their length, and the bytes after them. */
function levelsAt(bytes: Uint8Array, max: number, encoding: string) {
  if (max === 0) return { reader: undefined, rest: bytes };
  if (encoding !== "RLE") throw new Error(`levels in the encoding ${encoding}, expected RLE`);
  if (bytes.length < 4) throw new Error("levels are cut short");
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (end > bytes.length) throw new Error(`levels end at byte ${end} of a page of ${bytes.length}`);
  return { reader: levelReader(bytes.subarray(4, end), max), rest: bytes.subarray(end) };
}
