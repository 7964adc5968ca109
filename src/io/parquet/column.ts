import type { FileHandle } from "node:fs/promises";
import { dictionaryValues, pageValues } from "./encodings.js";
import type { ColumnChunk } from "./file.js";
import { HybridReader, levelWidth } from "./hybrid.js";
import type { PageValues } from "./page-values.js";
import { type Allowance, type Page, PageReader } from "./pages.js";
import { arrowValues } from "./physical.js";
import type { LeafNode } from "./types.js";
import { type DenseValues, physicalWidth, ValueBuffer } from "./values.js";

/** Some rows of a column chunk: their level pairs and their values that are not null, already in Arrow's representation. */
export interface LeafColumn {
  /** Level pairs. */
  readonly count: number;
  /** Undefined where the highest level is 0. */
  readonly definitionLevels: Uint8Array | undefined;
  /** Undefined where the highest level is 0. */
  readonly repetitionLevels: Uint8Array | undefined;
  readonly values: DenseValues;
}

/** Level pairs that are decoded at a time. */
const STEP = 8192;

/** Those of the first step, before it is known how large the values of a page can be. */
const FIRST_STEP = 16;

interface Levels {
  readonly reader: HybridReader | undefined;
  readonly end: number;
}

/** The page that is being read. */
interface OpenPage {
  readonly page: Page;
  readonly repetition: Levels;
  readonly definition: Levels;
  /** Where the values start. */
  readonly start: number;
  /** Opened with the first value: a page of nulls alone need not have any. */
  values: PageValues | undefined;
  /** Level pairs that are left of it. */
  left: number;
}

/** Reads the rows of a column chunk some at a time. Memory: a page, the dictionary, and the rows that were asked for. */
export class LeafReader {
  readonly #node: LeafNode;
  readonly #chunk: ColumnChunk;
  readonly #pages: PageReader;
  readonly #limit: number;
  readonly #definitions: ValueBuffer;
  readonly #repetitions: ValueBuffer;
  readonly #values: ValueBuffer;
  #dictionary: DenseValues | undefined;
  #page: OpenPage | undefined;
  /** Level pairs decoded so far, and those of them that are not taken. */
  #decoded = 0;
  #left = 0;
  /** Rows that begin among those. */
  #begun = 0;

  /** @param ahead bytes of the chunk that are read at once at least */
  constructor(file: FileHandle, chunk: ColumnChunk, node: LeafNode, allowance: Allowance, ahead: number) {
    this.#node = node;
    this.#chunk = chunk;
    this.#pages = new PageReader(file, chunk, allowance, ahead);
    this.#limit = allowance.limit;
    this.#definitions = new ValueBuffer(1);
    this.#repetitions = new ValueBuffer(1);
    this.#values = new ValueBuffer(physicalWidth(node.element.type as string, node.element.type_length));
  }

  /**
   * Decodes until `rows` whole rows are there, or `bytes` bytes of them and one at least, or the chunk ends. Returns how many
   * are there. @throws Error where the chunk is corrupt, in an encoding that is unknown, or one row is larger than can be held
   */
  async fill(rows: number, bytes: number): Promise<number> {
    const { rep } = this.#node;
    for (;;) {
      const ended = this.#decoded === this.#chunk.count;
      // A row with lists ends where the next one begins.
      const whole = rep === 0 || ended ? this.#begun : Math.max(0, this.#begun - 1);
      const held = this.#values.leftBytes + 2 * this.#left;
      if (whole >= rows || ended || (whole > 0 && held >= bytes)) return Math.min(whole, rows);
      if (held > this.#limit) {
        throw new Error(
          `a row of more than ${held} bytes, expected at most ${this.#limit}, half of --memory: raise that`,
        );
      }
      this.#page ??= await this.#nextPage();
      const page = this.#page;
      const most = rep === 0 ? rows - whole : STEP;
      this.#decode(page, Math.min(most, stepOf(page, bytes - held), page.left));
      if (page.left === 0) this.#page = undefined;
    }
  }

  /** Whether all values of the chunk were taken. */
  get ended(): boolean {
    return this.#decoded === this.#chunk.count && this.#left === 0;
  }

  /** Hands over the next `rows` rows, which `fill` has said to be there. */
  take(rows: number): LeafColumn {
    const { def, rep, element, field } = this.#node;
    let count = rows;
    if (rep > 0) {
      const levels = this.#repetitions.peek();
      let begun = 0;
      for (count = 0; count < levels.length; count++) if (levels[count] === 0 && begun++ === rows) break;
    }
    let present = count;
    if (def > 0) {
      const levels = this.#definitions.peek();
      present = 0;
      for (let i = 0; i < count; i++) if (levels[i] === def) present++;
    }
    this.#left -= count;
    this.#begun -= rows;
    return {
      count,
      definitionLevels: def === 0 ? undefined : this.#definitions.take(count).bytes,
      repetitionLevels: rep === 0 ? undefined : this.#repetitions.take(count).bytes,
      values: arrowValues(this.#values.take(present), element.type as string, field.type),
    };
  }

  #decode(page: OpenPage, count: number): void {
    const { def, rep } = this.#node;
    let begun = count;
    if (page.repetition.reader !== undefined) {
      const at = this.#levels(page.repetition.reader, this.#repetitions, count);
      const levels = this.#repetitions.bytes;
      begun = 0;
      for (let i = at; i < at + count; i++) {
        if (levels[i] === 0) begun++;
        else if (levels[i] > rep) throw new Error(`a repetition level of ${levels[i]}, expected at most ${rep}`);
      }
      if (this.#decoded === 0 && count > 0 && levels[at] !== 0) throw new Error("a list starts with a continuation");
    }
    let present = count;
    if (page.definition.reader !== undefined) {
      const at = this.#levels(page.definition.reader, this.#definitions, count);
      const levels = this.#definitions.bytes;
      present = 0;
      for (let i = at; i < at + count; i++) {
        if (levels[i] === def) present++;
        else if (levels[i] > def) throw new Error(`a definition level of ${levels[i]}, expected at most ${def}`);
      }
    }
    if (present > 0) {
      page.values ??= this.#open(page);
      page.values.next(present, this.#values);
    }
    page.left -= count;
    this.#decoded += count;
    this.#left += count;
    this.#begun += begun;
  }

  #open({ page: { bytes, encoding, count }, start }: OpenPage): PageValues {
    const type = this.#node.element.type as string;
    const { width } = this.#values;
    const dictionary = this.#dictionary;
    return pageValues({ bytes, start, encoding, type, width, count, dictionary, limit: this.#limit });
  }

  /** Appends levels and returns where they begin. */
  #levels(reader: HybridReader, into: ValueBuffer, count: number): number {
    into.reserve(count, count);
    const at = into.size;
    reader.read(into.bytes, at, count);
    into.size += count;
    into.count += count;
    return at;
  }

  async #nextPage(): Promise<OpenPage> {
    const { element, def, rep } = this.#node;
    const type = element.type as string;
    const { width } = this.#values;
    for (;;) {
      const page = await this.#pages.next();
      if (page === undefined) throw new Error("a column chunk ends before its values do");
      if (page.kind === "dictionary") {
        this.#dictionary = dictionaryValues(page, type, width);
        continue;
      }
      const repetition = pageLevels(page, 0, rep, 0);
      const definition = pageLevels(page, repetition.end, def, 1);
      if (page.count === 0) continue;
      return { page, start: definition.end, left: page.count, repetition, definition, values: undefined };
    }
  }
}

/** Level pairs whose values take no more than about `bytes` bytes. */
function stepOf({ values }: OpenPage, bytes: number): number {
  if (values === undefined) return FIRST_STEP;
  return values.longest === 0 ? STEP : Math.max(1, Math.min(STEP, Math.floor(bytes / values.longest)));
}

/** Levels of a page, `reader` undefined where there are none, and the byte behind them. `which`: 0 repetition, 1 definition. */
function pageLevels(page: Page, start: number, max: number, which: 0 | 1): Levels {
  if (max === 0) return { reader: undefined, end: start };
  if (page.kind === "data2") {
    const bytes = (which === 0 ? page.repetitionLevels : page.definitionLevels) as Uint8Array;
    return { reader: new HybridReader(bytes, 0, bytes.length, levelWidth(max)), end: 0 };
  }
  const encoding = page.levelEncodings?.[which];
  if (encoding !== "RLE") throw new Error(`levels in the encoding ${encoding}, expected RLE`);
  const { bytes } = page;
  if (start + 4 > bytes.length) throw new Error("levels are cut short");
  const end = start + 4 + new DataView(bytes.buffer, bytes.byteOffset + start, 4).getUint32(0, true);
  return { reader: new HybridReader(bytes, start + 4, end, levelWidth(max)), end };
}
