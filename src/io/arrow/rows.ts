import type { FileHandle } from "node:fs/promises";
import type { RecordBatch, Schema } from "apache-arrow";
import { BATCH_ROWS } from "../column-source.js";
import { batchOf } from "../columns/take.js";
import { reasonOf } from "../unreadable.js";
import { readColumn } from "./column.js";
import type { StoredColumn } from "./layout.js";
import { columnBytes } from "./size.js";

/** Bytes of the rows that are read at once. A single row may take more. */
const TARGET_BYTES = 8 * 2 ** 20;

/**
 * Reads an uncompressed record batch some rows at a time: at most 8192 rows and about 8 MiB, but at least one row. The
 * caller owns the batches.
 * @throws Error that names the column where the batch is corrupt, or the row where it takes more than `limit` bytes
 */
export async function* readRows(options: {
  file: FileHandle;
  schema: Schema;
  columns: readonly StoredColumn[];
  rows: number;
  limit: number;
}): AsyncGenerator<RecordBatch> {
  const { file, schema, columns, rows, limit } = options;
  const size = async (start: number, length: number, enough: number) => {
    let bytes = 0;
    for (const [c, column] of columns.entries()) {
      if (bytes > enough) break;
      bytes += await columnBytes(file, column, start, length, enough - bytes).catch((error: unknown) =>
        explain(c, error),
      );
    }
    return bytes;
  };
  const explain = (c: number, error: unknown): never => {
    throw new Error(`column ${JSON.stringify(schema.fields[c].name)} is corrupt: ${reasonOf(error)}`);
  };
  let length = BATCH_ROWS;
  for (let start = 0; start < rows; start += length) {
    // Rows are likely to be as large as the ones before, so start from twice their number and halve it until they fit.
    length = Math.min(BATCH_ROWS, rows - start, 2 * length);
    while (length > 1 && (await size(start, length, TARGET_BYTES)) > TARGET_BYTES) length = Math.ceil(length / 2);
    const least = length > 1 ? 0 : await size(start, 1, limit);
    if (least > limit) {
      throw new Error(
        `row ${start + 1} of a record batch takes ${least} bytes or more, expected at most ${limit}, half of --memory: raise that`,
      );
    }
    const data = [];
    for (const [c, column] of columns.entries()) {
      data.push(await readColumn(file, column, start, length).catch((error: unknown) => explain(c, error)));
    }
    yield batchOf(schema, data, length);
  }
}
