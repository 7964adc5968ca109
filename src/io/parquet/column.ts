import type { FileHandle } from "node:fs/promises";
import { dictionaryValues, type PageValues, pageValues } from "./encodings.js";
import type { ColumnChunk } from "./file.js";
import type { HybridReader } from "./hybrid.js";
import { arrowValues } from "./leaf-type.js";
import { type Allowance, type Page, PageReader } from "./pages.js";
import type { LeafNode } from "./types.js";
import { type DenseValues, physicalWidth, ValueBuffer } from "./values.js";

/** Some rows of a column chunk: their level pairs, and their values without nulls, already as Arrow represents them. */
export interface LeafColumn {
  /** Number of level pairs. */
  readonly count: number;
  /** One byte a pair; undefined where the highest definition level is 0. */
  readonly definitionLevels: Uint8Array | undefined;
  /** One byte a pair; undefined where the highest repetition level is 0. */
  readonly repetitionLevels: Uint8Array | undefined;
  readonly values: DenseValues;
}

/** Level pairs decoded at a time. */
const STEP = 8192;

/** Level pairs of the first step in a page, before the length of its longest value is known. */
const FIRST_STEP = 16;

/** The current page. */
interface OpenPage {
  readonly page: Page;
  /** Undefined until the first value is read. A page of nulls may have no bytes for values at all. */
  values: PageValues | undefined;
  /** Level pairs of the page that have not been decoded. */
  left: number;
}

/**
 * Reads the rows of a column chunk some at a time: `fill` decodes, `take` hands over. Memory: a page, the dictionary,
 * and the rows decoded and not yet taken.
 */
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
  /** Level pairs decoded so far, and how many of them have not been taken. */
  #decoded = 0;
  #left = 0;
  /** Rows that begin among the pairs not taken. */
  #begun = 0;

  /** @param ahead least number of bytes to read from the chunk at once */
  constructor(file: FileHandle, chunk: ColumnChunk, node: LeafNode, allowance: Allowance, ahead: number) {
    this.#node = node;
    this.#chunk = chunk;
    this.#pages = new PageReader(file, chunk, node, allowance, ahead);
    this.#limit = allowance.limit;
    this.#definitions = new ValueBuffer(1);
    this.#repetitions = new ValueBuffer(1);
    this.#values = new ValueBuffer(physicalWidth(node.element.type as string, node.element.type_length));
  }

  /**
   * Decodes until `rows` whole rows can be taken, or at least one row and `bytes` bytes, or until the chunk ends.
   * Returns the number of rows that can be taken, at most `rows`.
   * @throws Error where the chunk is corrupt or has an unknown encoding, or a single row is larger than half of
   * --memory
   */
  async fill(rows: number, bytes: number): Promise<number> {
    const { rep } = this.#node;
    for (;;) {
      const ended = this.#decoded === this.#chunk.count;
      // Where there are lists, only the start of the next row shows that a row is complete.
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

  /** Whether all level pairs of the chunk have been taken. */
  get ended(): boolean {
    return this.#decoded === this.#chunk.count && this.#left === 0;
  }

  /** Hands over the next `rows` rows, at most the number that `fill` has returned. The caller owns them. */
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

  /** Decodes `count` level pairs of a page and the values that belong to them. */
  #decode(open: OpenPage, count: number): void {
    const { def, rep } = this.#node;
    const { repetition, definition } = open.page;
    let begun = count;
    if (repetition !== undefined) {
      const at = readLevels(repetition, this.#repetitions, count);
      const levels = this.#repetitions.bytes;
      begun = 0;
      for (let i = at; i < at + count; i++) {
        if (levels[i] === 0) begun++;
        else if (levels[i] > rep) throw new Error(`a repetition level of ${levels[i]}, expected at most ${rep}`);
      }
      if (this.#decoded === 0 && count > 0 && levels[at] !== 0) throw new Error("a list starts with a continuation");
    }
    let present = count;
    if (definition !== undefined) {
      const at = readLevels(definition, this.#definitions, count);
      const levels = this.#definitions.bytes;
      present = 0;
      for (let i = at; i < at + count; i++) {
        if (levels[i] === def) present++;
        else if (levels[i] > def) throw new Error(`a definition level of ${levels[i]}, expected at most ${def}`);
      }
    }
    if (present > 0) {
      open.values ??= this.#open(open.page);
      open.values.next(present, this.#values);
    }
    open.left -= count;
    this.#decoded += count;
    this.#left += count;
    this.#begun += begun;
  }

  #open({ bytes, encoding, count }: Page): PageValues {
    const type = this.#node.element.type as string;
    const { width } = this.#values;
    const dictionary = this.#dictionary;
    return pageValues({ bytes, encoding, type, width, count, dictionary, limit: this.#limit });
  }

  async #nextPage(): Promise<OpenPage> {
    for (;;) {
      const page = await this.#pages.next();
      if (page === undefined) throw new Error("a column chunk ends before its values do");
      if (page.kind === "dictionary") {
        this.#dictionary = dictionaryValues(page, this.#node.element.type as string, this.#values.width);
      } else if (page.count > 0) {
        return { page, left: page.count, values: undefined };
      }
    }
  }
}

/** Appends the next `count` levels to `into` and returns the index of the first. */
function readLevels(reader: HybridReader, into: ValueBuffer, count: number): number {
  const at = into.extend(count);
  reader.read(into.bytes, at, count);
  return at;
}

/** A number of level pairs whose values take at most about `bytes` bytes, whichever values they are. */
function stepOf({ values }: OpenPage, bytes: number): number {
  if (values === undefined) return FIRST_STEP;
  return values.longest === 0 ? STEP : Math.max(1, Math.min(STEP, Math.floor(bytes / values.longest)));
}
