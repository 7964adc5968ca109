import type { FileHandle } from "node:fs/promises";
import { decompressPage } from "./parquet-codecs.js";
import { type ColumnChunk, type PageHeader, readPageHeader } from "./parquet-file.js";
import { readRange } from "./read-exact.js";

/** One page of a column chunk, decompressed. */
export interface Page {
  readonly kind: "dictionary" | "data" | "data2";
  readonly encoding: string;
  /** Values, nulls included. */
  readonly count: number;
  /** Levels and values of a version 1 page; of the others the values. */
  readonly bytes: Uint8Array;
  /** Encodings of repetition and definition levels of a version 1 page. */
  readonly levelEncodings?: readonly [string, string];
  /** Version 2 only. */
  readonly repetitionLevels?: Uint8Array;
  readonly definitionLevels?: Uint8Array;
}

/** What the pages and dictionaries that are held at once may take, in bytes; shared by the columns of a row group. */
export interface Allowance {
  held: number;
  readonly limit: number;
  /** Columns that are read side by side. */
  readonly columns: number;
}

/** Bytes that are read at least, though all columns together read no more than the limit ahead; a page of more is read at once. */
const READ = 1 << 18;
/** Bytes in which a page header is looked for before all the chunk is; less is not read at once. */
const HEADER = 1 << 16;

/** Reads the pages of a column chunk one after another. Memory: the present one and the dictionary, counted in the allowance. */
export class PageReader {
  readonly #file: FileHandle;
  readonly #chunk: ColumnChunk;
  readonly #allowance: Allowance;
  /** Values that the pages so far have left. */
  #missing: number;
  /** What has been read of the chunk and not used. */
  #bytes = new Uint8Array(0);
  /** Bytes of the chunk that have been read. */
  #read = 0;
  #dictionary = 0;
  #page = 0;

  constructor(file: FileHandle, chunk: ColumnChunk, allowance: Allowance) {
    this.#file = file;
    this.#chunk = chunk;
    this.#allowance = allowance;
    this.#missing = chunk.count;
  }

  /** The next page; undefined once all values were in pages. @throws Error where it is corrupt or larger than can be held */
  async next(): Promise<Page | undefined> {
    this.#allowance.held -= this.#page;
    this.#page = 0;
    if (this.#missing === 0) {
      this.#allowance.held -= this.#dictionary;
      this.#dictionary = 0;
      return undefined;
    }
    for (;;) {
      const header = await this.#header();
      const stored = header.compressed_page_size;
      const size = header.uncompressed_page_size;
      const left = this.#chunk.length - this.#read + this.#bytes.length;
      if (!(stored >= 0 && size >= 0 && stored <= left)) {
        throw new Error(`a page of ${stored} bytes where ${left} are left of its column`);
      }
      // Pages of other kinds, indexes among them, hold no values.
      const dictionary = header.type === "DICTIONARY_PAGE";
      if (dictionary) this.#dictionary += size + stored;
      else this.#page = size + stored;
      this.#hold(size + stored);
      await this.#ensure(stored);
      const body = this.#bytes.subarray(0, stored);
      const rest = this.#bytes.subarray(stored);
      // A small rest would hold on to all that was read with it.
      this.#bytes = 2 * rest.length < rest.buffer.byteLength ? rest.slice() : rest;
      const page = this.#open(header, body, size);
      if (page !== undefined) return page;
      this.#allowance.held -= this.#page;
      this.#page = 0;
    }
  }

  #hold(size: number): void {
    const { limit } = this.#allowance;
    this.#allowance.held += size;
    if (this.#allowance.held <= limit) return;
    throw new Error(
      `its pages take ${this.#allowance.held} bytes at once, expected at most ${limit}, half of --memory: ` +
        "raise that, or write the file again with smaller pages",
    );
  }

  async #header(): Promise<PageHeader> {
    for (let wanted = HEADER; ; wanted = Number.POSITIVE_INFINITY) {
      await this.#ensure(wanted);
      if (this.#bytes.length === 0) throw new Error(`${this.#missing} of ${this.#chunk.count} values are missing`);
      try {
        const { header, end } = readPageHeader(this.#bytes, 0);
        this.#bytes = this.#bytes.subarray(end);
        return header;
      } catch (error) {
        // Statistics may be long.
        const more = this.#chunk.length - this.#read;
        if (more === 0 || this.#bytes.length + more > this.#allowance.limit || wanted > HEADER) throw error;
      }
    }
  }

  /** Sees that `size` bytes have been read, or all that is left. */
  async #ensure(size: number): Promise<void> {
    const have = this.#bytes.length;
    const left = this.#chunk.length - this.#read;
    if (have >= size || left === 0) return;
    const { limit, columns } = this.#allowance;
    const more = Math.min(left, Math.max(size - have, Math.min(READ, Math.floor(limit / columns)), HEADER));
    const bytes = await readRange(this.#file, this.#chunk.start + this.#read, more);
    this.#read += more;
    this.#bytes = have === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  #open(header: PageHeader, body: Uint8Array, size: number): Page | undefined {
    const { codec } = this.#chunk;
    const { dictionary_page_header: dictionary, data_page_header: data, data_page_header_v2: data2 } = header;
    if (header.type === "DICTIONARY_PAGE" && dictionary !== undefined) {
      const { num_values: count, encoding } = dictionary;
      if (!(count >= 0)) throw new Error(`a dictionary of ${count} values`);
      return { kind: "dictionary", encoding, count, bytes: decompressPage(body, size, codec) };
    }
    if (header.type === "DATA_PAGE" && data !== undefined) {
      this.#count(data.num_values);
      return {
        kind: "data",
        encoding: data.encoding,
        count: data.num_values,
        bytes: decompressPage(body, size, codec),
        levelEncodings: [data.repetition_level_encoding, data.definition_level_encoding],
      };
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
      kind: "data2",
      encoding: data2.encoding,
      count: data2.num_values,
      bytes: data2.is_compressed === false ? values : decompressPage(values, size - levels, codec),
      repetitionLevels: body.subarray(0, repetition),
      definitionLevels: body.subarray(repetition, levels),
    };
  }

  #count(count: number): void {
    if (!(count >= 0 && count <= this.#missing)) {
      throw new Error(`a page of ${count} values where ${this.#missing} are missing`);
    }
    this.#missing -= count;
  }
}
