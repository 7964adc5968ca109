import type { FileHandle } from "node:fs/promises";
import { readRange } from "../read-exact.js";
import { decompressPage } from "./codecs.js";
import { type ColumnChunk, type PageHeader, readPageHeader } from "./file.js";
import { HybridReader, levelWidth } from "./hybrid.js";

/** A decompressed page of a column chunk. */
export interface Page {
  readonly kind: "dictionary" | "data";
  readonly encoding: string;
  /** Number of values, nulls included. */
  readonly count: number;
  /** The encoded values, without the levels before them. */
  readonly bytes: Uint8Array;
  /** Levels of a data page; undefined where the highest level of the column is 0. */
  readonly repetition?: HybridReader;
  readonly definition?: HybridReader;
}

/** The highest definition and repetition level of a column. */
export interface MaxLevels {
  readonly def: number;
  readonly rep: number;
}

/**
 * Counts the bytes of pages and dictionaries in memory, and limits them. All columns of a row group share one
 * allowance, and their readers change it.
 */
export interface Allowance {
  /** Bytes in memory now. */
  held: number;
  /** The part of `held` that is dictionaries. */
  dictionaries: number;
  readonly limit: number;
  /** Leaves that are read side by side, and how many of them have begun. The message of an overrun needs both. */
  columns: number;
  begun: number;
}

/** Bytes read for a page header at first. A header with long statistics needs more. */
const HEADER = 1 << 12;

/**
 * Reads the pages of a column chunk one after another. Memory: the current page and the dictionary, which the allowance
 * counts, and the bytes read ahead.
 */
export class PageReader {
  readonly #file: FileHandle;
  readonly #chunk: ColumnChunk;
  readonly #max: MaxLevels;
  readonly #allowance: Allowance;
  /** Least number of bytes to read at once. A larger page is read at once too. */
  readonly #ahead: number;
  /** Values of the chunk that were not in the pages so far. */
  #missing: number;
  /** Bytes that have been read from the chunk and not used. */
  #bytes = new Uint8Array(0);
  /** Bytes of the chunk that have been read. */
  #read = 0;
  /** Bytes that the allowance counts for the dictionary and for the current page. */
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

  /**
   * Reads the next page, which is valid until the next call; undefined after the last value. Frees the page before it
   * in the allowance, and at the end the dictionary.
   * @throws Error where the page is corrupt, or the pages of all columns would exceed the allowance
   */
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
      // The values of a dictionary stay after its page is released, and take at most as many bytes as the page.
      if (header.type === "DICTIONARY_PAGE") this.#holdDictionary(size);
      this.#holdPage(size + stored);
      await this.#ensure(stored);
      const body = this.#bytes.subarray(0, stored);
      const rest = this.#bytes.subarray(stored);
      // A view of few bytes would keep the whole buffer alive.
      this.#bytes = 2 * rest.length < rest.buffer.byteLength ? rest.slice() : rest;
      const page = this.#open(header, body, size);
      // Pages of other kinds, such as index pages, hold no values.
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
        // The header may be longer than the bytes read so far, because of its statistics. Try again with more bytes.
        if (this.#read === this.#chunk.length || wanted > this.#allowance.limit) throw error;
      }
    }
  }

  /** Reads on until `size` unused bytes are in memory, or the chunk has been read to its end. */
  async #ensure(size: number): Promise<void> {
    const have = this.#bytes.length;
    const left = this.#chunk.length - this.#read;
    if (have >= size || left === 0) return;
    const more = Math.min(left, Math.max(size - have, this.#ahead));
    const bytes = await readRange(this.#file, this.#chunk.start + this.#read, more);
    this.#read += more;
    this.#bytes = have === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  /**
   * Splits and decompresses the body of a page. Version 1 compresses levels and values together; version 2 stores the
   * levels first, uncompressed. Returns undefined for a page of another kind.
   */
  #open(header: PageHeader, body: Uint8Array, size: number): Page | undefined {
    const { codec, alwaysCompressed } = this.#chunk;
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
    const isCompressed = alwaysCompressed || data2.is_compressed !== false;
    return {
      kind: "data",
      encoding: data2.encoding,
      count: data2.num_values,
      bytes: isCompressed ? decompressPage(values, size - levels, codec) : values,
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

/** Splits off the levels at the start of a version 1 page, which follow their length in 4 bytes. */
function levelsAt(bytes: Uint8Array, max: number, encoding: string) {
  if (max === 0) return { reader: undefined, rest: bytes };
  if (encoding !== "RLE") throw new Error(`levels in the encoding ${encoding}, expected RLE`);
  if (bytes.length < 4) throw new Error("levels are cut short");
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (end > bytes.length) throw new Error(`levels end at byte ${end} of a page of ${bytes.length}`);
  return { reader: levelReader(bytes.subarray(4, end), max), rest: bytes.subarray(end) };
}
