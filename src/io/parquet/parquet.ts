import type { FileHandle } from "node:fs/promises";
import { Schema } from "apache-arrow";
import { ARROW_SCHEMA, decodeSchema } from "../arrow/schema-message.js";
import {
  BATCH_ROWS,
  type ColumnBatch,
  neededColumns,
  readColumns,
  rereadColumns,
  scanColumns,
} from "../column-source.js";
import { type FileOptions, pieceLimit } from "../file-options.js";
import { topColumns } from "../schema/column-paths.js";
import { duplicateName } from "../schema/unify.js";
import type { Source } from "../source.js";
import { unreadable } from "../unreadable.js";
import { openFile, type ParquetFooter, readFooter } from "./file.js";
import { surveyInt96 } from "./int96.js";
import { RowGroupReader } from "./row-group.js";
import { type ParquetNode, parquetNodes } from "./types.js";

// Own decoders for pages, because no library passed every check: 17 golden files; mutations of these; a row group of
// 568 MB under --memory 512MB, where this reader peaks at 161 MB; a string that is not UTF-8, for which this reader
// rejects one row.
// - parquet-wasm 0.8.0: reads all golden files correctly in 0.6 of the processor time, but holds whole column chunks,
//   peaks at 2,537 MB, traps on 14 of 5,394 mutations, and rejects the whole file for the string.
// - @duckdb/node-api 1.5.6, a package of 68 MB: turns decimals of over 38 digits into doubles, and INT96 and
//   nanoseconds with a time zone into microseconds; peaks at 1,042 MB; rejects the whole file for the string.
// - hyparquet 1.33.0: turns decimals into doubles and timestamps into milliseconds; peaks at 1,716 MB; a run of 6 bytes
//   exhausts the heap, and a Snappy block of 14 bytes loops for ever.
// - nodejs-polars 0.24.1: rejects 6 golden files; peaks at 1,287 MB.

/** A Parquet file and the contents of its footer. */
interface ParquetFile {
  readonly path: string;
  readonly name: string;
  readonly byteLength: number;
  readonly footer: ParquetFooter;
  readonly nodes: readonly ParquetNode[];
  readonly schema: Schema;
  /** Largest number of bytes for the pages that are in memory at once. */
  readonly limit: number;
}

/**
 * Opens a Parquet file as a source. Every codec, encoding and nesting is read, and the values go from pages into Arrow
 * buffers without becoming JavaScript values. The first pass reads only the columns of the text and order fields.
 *
 * Memory, for row groups of any size, with a limit of half of `memory` or 64 MiB if that is more: a page and a
 * dictionary of each column read, up to the limit in all; a quarter of the limit for reading ahead; and a batch of at
 * most 8192 rows and about 8 MiB, or an eighth of the limit where there are very many columns.
 * @throws InputError where the file is missing, cut short, corrupt, encrypted or holds a type without an Arrow
 * counterpart
 */
export async function openParquet(options: FileOptions): Promise<Source> {
  const { name } = options;
  const file = await openParquetFile(options);
  const { schema, byteLength } = file;
  return {
    name,
    byteLength,
    async *scan(options) {
      const needed = topColumns(neededColumns(schema, options, name));
      yield* scanColumns(readBatches(file, needed), { ...options, source: name });
    },
    schema: () => Promise.resolve(schema),
    async *read(options) {
      yield* readColumns(readBatches(file), { ...options, source: name });
    },
    reread: (records) => rereadColumns(readBatches(file), records),
  };
}

async function openParquetFile({ path, name, memory }: FileOptions): Promise<ParquetFile> {
  try {
    const file = await openFile(path);
    try {
      const footer = await readFooter(file);
      // The name of the root is not used, so it may be absent.
      if (footer.schema.slice(1).some((element) => typeof element.name !== "string")) {
        throw new Error("a column without a name");
      }
      // The Arrow schema is only a hint, so a schema that cannot be read is ignored.
      const original = decodeSchema(footer.metadata.get(ARROW_SCHEMA) ?? "");
      const { size: byteLength } = await file.stat();
      const limit = pieceLimit(memory);
      let nodes = parquetNodes(footer.schema, original?.fields);
      const duplicate = duplicateName(nodes.map(({ field }) => field));
      if (duplicate !== undefined) throw new Error(duplicate);
      if (footer.schema.some(({ type }) => type === "INT96")) {
        const surveyed = await surveyInt96(file, { ...footer, nodes, byteLength, limit });
        nodes = parquetNodes(surveyed, original?.fields);
      }
      const metadata = new Map(Array.from(footer.metadata).filter(([key]) => key !== ARROW_SCHEMA));
      const schema = new Schema(
        nodes.map(({ field }) => field),
        metadata,
      );
      return { path, name, byteLength, footer, nodes, schema, limit };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(error, name, "Parquet");
  }
}

/**
 * Yields the rows of a file. With `columns`, a batch holds only these top-level columns, and `whole` reads the same
 * rows with all columns on demand.
 */
async function* readBatches(parquet: ParquetFile, columns?: readonly number[]): AsyncGenerator<ColumnBatch> {
  const { path, name, footer, nodes } = parquet;
  const all = nodes.map((_, i) => i);
  let file: FileHandle | undefined;
  let before = 0;
  let firstRow = 0;
  try {
    file = await openFile(path);
    const handle = file;
    for (const rowGroup of footer.rowGroups) {
      const stored = Number(rowGroup.group.total_compressed_size ?? 0n);
      if (rowGroup.rows === 0) {
        before += stored;
        continue;
      }
      const allowance = { held: 0, dictionaries: 0, limit: parquet.limit, columns: 0, begun: 0 };
      const open = (chosen: readonly number[]) =>
        new RowGroupReader({ ...parquet, file: handle, rowGroup, columns: chosen, firstRow, allowance });
      const reader = open(columns ?? all);
      let others: RowGroupReader | undefined;
      let done = 0;
      while (done < rowGroup.rows) {
        const start = done;
        const batch = await reader.next(BATCH_ROWS);
        done += batch.numRows;
        const end = done;
        const bytesRead = Math.min(before + Math.floor((stored * done) / rowGroup.rows), parquet.byteLength);
        // The caller runs this generator outside of the try block above, so its errors are translated here.
        const whole = async function* () {
          try {
            others ??= open(all);
            while (others.row < start) await others.next(Math.min(BATCH_ROWS, start - others.row));
            while (others.row < end) yield await others.next(end - others.row);
          } catch (error) {
            throw unreadable(error, name, "Parquet");
          }
        };
        yield columns === undefined ? { batch, bytesRead } : { batch, bytesRead, whole };
      }
      before += stored;
      firstRow += rowGroup.rows;
    }
  } catch (error) {
    throw unreadable(error, name, "Parquet");
  } finally {
    await file?.close();
  }
}
