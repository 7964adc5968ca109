import { type Data, DataType, type Field, type RecordBatch, type Schema } from "apache-arrow";
import { isStringType, stringReader } from "../../io/columns/strings.js";
import { cellText, isJsonField } from "../../io/jsonl/json-text.js";
import { jsonValueText } from "../../io/jsonl/value-text.js";
import { type CellReader, cellReader, dictionaryReader, type Leaf } from "../../io/schema/cells.js";
import type { ColumnPath } from "../../io/schema/column-paths.js";

/**
 * Reads the ids of a batch as a person writes them: strings as they are, whole numbers with all their digits, anything
 * else as in JSON. A null gives null.
 * @param path of the id in the schema of the batch
 */
export function rowIds(batch: RecordBatch, path: ColumnPath): CellReader<string> {
  const readers = path.ways.map((way) => cellReader(batch, way, idLeaf(way.field)));
  return (row) => {
    for (const read of readers) {
      const id = read(row);
      if (id !== null) return id;
    }
    return null;
  };
}

function idLeaf(field: Field): Leaf<string> {
  return {
    column: (data) => {
      const read = idTexts(data, field);
      return data.nullCount === 0 ? read : (row) => (data.getValid(row) ? read(row) : null);
    },
    value: (value) => (value === null || value === undefined ? null : plain(jsonValueText(value))),
    join: (before, next) => `${before}\n${next}`,
  };
}

function idTexts(data: Data, field: Field): CellReader<string> {
  if (isStringType(data.type) && !isJsonField(field)) {
    return DataType.isDictionary(data.type) ? dictionaryReader(data, stringReader) : stringReader(data);
  }
  const text = cellText(data, field);
  return (row) => plain(text(row));
}

/** A JSON text without the quotes of a string, as of a date. */
function plain(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

/**
 * Finds the rows of a batch whose id is `wanted`, ascending. A plain string column is searched as bytes, which takes a
 * twentieth of the time of reading a million ids one by one.
 */
export function rowsWithId(batch: RecordBatch, path: ColumnPath, wanted: string): number[] {
  const [way] = path.ways;
  const data = batch.data.children[way.top];
  const whole = path.ways.length === 1 && way.steps.length === 0 && wanted !== "";
  if (whole && DataType.isUtf8(data.type) && !isJsonField(way.field)) {
    return rowsWithBytes(data, Buffer.from(wanted));
  }
  const read = rowIds(batch, path);
  const rows: number[] = [];
  for (let row = 0; row < batch.numRows; row++) if (read(row) === wanted) rows.push(row);
  return rows;
}

/** Rows of a Utf8 column whose bytes are `wanted`: occurrences in all values together that fill a value. */
function rowsWithBytes(data: Data, wanted: Buffer): number[] {
  const { values, valueOffsets, length } = data;
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const rows: number[] = [];
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
    const row = lastStart(valueOffsets as Int32Array, length, at);
    if (valueOffsets[row] === at && valueOffsets[row + 1] === at + wanted.length && data.getValid(row)) rows.push(row);
  }
  return rows;
}

/** The last row whose value begins at or before byte `at`; rows before it may be empty and begin there too. */
function lastStart(offsets: Int32Array, rows: number, at: number): number {
  let [low, high] = [0, rows - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (offsets[middle] <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The columns of a table that a path needs, by their names in the table. */
export function columnNames(schema: Schema, paths: readonly ColumnPath[]): string[] {
  return [...new Set(paths.flatMap(({ ways }) => ways.map(({ top }) => schema.fields[top].name)))];
}
