import type { FileHandle } from "node:fs/promises";
import { Field, FixedSizeBinary } from "apache-arrow";
import { SurveyedTimestamp } from "../schema/surveyed-timestamp.js";
import { reasonOf } from "../unreadable.js";
import { leavesOf } from "./assemble.js";
import { type LeafColumn, LeafReader } from "./column.js";
import { columnChunk, type ParquetRowGroup, type SchemaElement } from "./file.js";
import { INT96_WIDTH, int96Nanoseconds, JULIAN_EPOCH } from "./leaf-type.js";
import type { LeafNode, ParquetNode } from "./types.js";

// INT96, the timestamp of Hive, Impala and Spark, holds nanoseconds over millions of years. An int64 of nanoseconds holds
// the years 1677 to 2262, so one "valid until 9999-12-31" does not fit. pyarrow 26 wraps such dates around to wrong ones;
// Spark reads microseconds and cuts off the digits below. Here the values decide, which takes one more pass over these
// columns: nanoseconds where all fit, else microseconds where none has further digits, else the file is refused.

const NANOSECONDS_A_DAY = 86_400_000_000_000;

/** Days from 1970 within which any time of the day fits an int64 of nanoseconds. */
const SAFE_DAYS = 106_750;

/** Rows and bytes that are decoded at a time. */
const ROWS = 8192;
const BYTES = 1 << 20;
/** Least number of bytes to read at once. */
const AHEAD = 256 << 10;

/**
 * Reads all INT96 columns of a file and returns the elements of its schema, each such column with its `int96` type.
 * @param parquet.limit as for `openParquet`
 * @throws Error that names the column and the rows where no unit holds all values exactly, or a page is corrupt
 */
export async function surveyInt96(
  file: FileHandle,
  parquet: {
    readonly schema: readonly SchemaElement[];
    readonly rowGroups: readonly ParquetRowGroup[];
    readonly nodes: readonly ParquetNode[];
    readonly byteLength: number;
    readonly limit: number;
  },
): Promise<readonly SchemaElement[]> {
  const found = new Map<SchemaElement, SurveyedTimestamp>();
  for (const node of parquet.nodes) {
    for (const leaf of leavesOf(node).filter(({ element }) => element.type === "INT96")) {
      const survey = new Survey(leaf);
      let firstRow = 0;
      for (const rowGroup of parquet.rowGroups) {
        await surveyChunk(file, { ...parquet, rowGroup, leaf, firstRow, survey, column: node.field.name });
        firstRow += rowGroup.rows;
      }
      found.set(leaf.element, survey.type(node.field.name));
    }
  }
  return parquet.schema.map((element) => {
    const int96 = found.get(element);
    return int96 === undefined ? element : { ...element, int96 };
  });
}

async function surveyChunk(
  file: FileHandle,
  options: {
    readonly byteLength: number;
    readonly limit: number;
    readonly rowGroup: ParquetRowGroup;
    readonly leaf: LeafNode;
    readonly firstRow: number;
    readonly survey: Survey;
    readonly column: string;
  },
): Promise<void> {
  const { byteLength, limit, rowGroup, leaf, firstRow, survey, column } = options;
  let row = 0;
  try {
    if (rowGroup.rows === 0) return;
    const chunk = columnChunk(rowGroup, leaf.column, leaf.element, byteLength);
    const allowance = { held: 0, dictionaries: 0, limit, columns: 1, begun: 0 };
    // As bytes, so that they come as they are stored.
    const raw = { ...leaf, field: new Field(leaf.field.name, new FixedSizeBinary(INT96_WIDTH), true) };
    const reader = new LeafReader(file, chunk, raw, allowance, AHEAD);
    while (row < rowGroup.rows) {
      const rows = await reader.fill(Math.min(ROWS, rowGroup.rows - row), BYTES);
      if (rows === 0) throw new Error(`${row} rows, expected ${rowGroup.rows}`);
      survey.add(reader.take(rows), firstRow + row);
      row += rows;
    }
  } catch (error) {
    const where = `column ${JSON.stringify(column)}, rows from ${firstRow + row + 1}`;
    throw new Error(`${where}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What the values of a column need. Rows count from 0. */
class Survey {
  readonly #leaf: LeafNode;
  /** First row with a value outside of nanoseconds, of microseconds, and with digits below microseconds. */
  #wide: number | undefined;
  #wider: number | undefined;
  #fine: number | undefined;

  constructor(leaf: LeafNode) {
    this.#leaf = leaf;
  }

  /** Takes the values of some rows, of which the first is `firstRow`. */
  add(rows: LeafColumn, firstRow: number): void {
    const { bytes, count } = rows.values;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) {
      const at = i * INT96_WIDTH;
      const time = view.getUint32(at, true) + view.getInt32(at + 4, true) * 2 ** 32;
      const days = view.getInt32(at + 8, true) - JULIAN_EPOCH;
      const plain = time >= 0 && time < NANOSECONDS_A_DAY;
      if (this.#fine === undefined && (plain ? time % 1000 !== 0 : int96Nanoseconds(view, at) % 1000n !== 0n)) {
        this.#fine = firstRow + this.#rowOf(rows, i);
      }
      if (plain && Math.abs(days) <= SAFE_DAYS) continue;
      const value = int96Nanoseconds(view, at);
      if (BigInt.asIntN(64, value) !== value) this.#wide ??= firstRow + this.#rowOf(rows, i);
      const micros = value / 1000n;
      if (BigInt.asIntN(64, micros) !== micros) this.#wider ??= firstRow + this.#rowOf(rows, i);
    }
  }

  /** @throws Error that names the column and the rows, counted from 1, where no unit holds all values */
  type(column: string): SurveyedTimestamp {
    const name = `column ${JSON.stringify(column)}`;
    if (this.#wider !== undefined) {
      throw new Error(`${name}, row ${this.#wider + 1}: a date of more than 290,000 years from 1970, which is no time`);
    }
    const wide = this.#wide !== undefined;
    const fine = this.#fine !== undefined;
    if (!wide || !fine) return new SurveyedTimestamp({ wide, fine });
    throw new Error(
      `${name}: row ${Number(this.#wide) + 1} lies outside of the years 1677 to 2262, which only microseconds hold, and ` +
        `row ${Number(this.#fine) + 1} has digits below microseconds: write the column again in microseconds`,
    );
  }

  /** The row, among the rows taken together, of the value at position `index`. */
  #rowOf({ definitionLevels, repetitionLevels, count }: LeafColumn, index: number): number {
    let row = -1;
    let value = -1;
    for (let i = 0; i < count; i++) {
      if (repetitionLevels === undefined || repetitionLevels[i] === 0) row++;
      if (definitionLevels === undefined || definitionLevels[i] === this.#leaf.def) value++;
      if (value === index) break;
    }
    return row;
  }
}
