import type { FileHandle } from "node:fs/promises";
import { type Data, type RecordBatch, Schema } from "apache-arrow";
import { InputError } from "../errors.js";
import type { FileOptions } from "./arrow.js";
import { ARROW_SCHEMA, decodeSchema } from "./arrow-schema.js";
import { type ColumnBatch, neededColumns, readColumns, scanColumns, sliceBatch, slices } from "./column-source.js";
import { assemble, leavesOf } from "./parquet-assemble.js";
import { type LeafColumn, readLeaf } from "./parquet-column.js";
import {
  columnChunk,
  openFile,
  type ParquetFooter,
  type ParquetRowGroup,
  readFooter,
  readRange,
} from "./parquet-file.js";
import { type ParquetNode, parquetNodes } from "./parquet-types.js";
import type { Source } from "./source.js";
import { batchOf } from "./take.js";

/** An opened file and what its footer says. */
interface ParquetFile {
  readonly path: string;
  readonly name: string;
  readonly byteLength: number;
  readonly footer: ParquetFooter;
  readonly nodes: readonly ParquetNode[];
  readonly schema: Schema;
}

/**
 * Opens a Parquet file as a source: every codec, encoding and nesting; values go from pages into Arrow buffers as they are. The
 * first pass reads only the columns of the text and order fields; a row group is decoded whole and yielded in batches of at
 * most 8192 rows, so memory is one row group's columns.
 * @throws InputError where the file is missing, cut short, corrupt, encrypted or holds a type without an Arrow counterpart.
 */
export async function openParquet({ path, name }: FileOptions): Promise<Source> {
  const file = await openParquetFile({ path, name });
  const { schema, byteLength } = file;
  return {
    name,
    byteLength,
    async *scan(options) {
      const paths = neededColumns(schema, options, name);
      const needed = Array.from(new Set(paths.map(({ indices }) => indices[0]))).sort((a, b) => a - b);
      yield* scanColumns(readBatches(file, needed), { ...options, source: name });
    },
    schema: () => Promise.resolve(schema),
    async *read(options) {
      yield* readColumns(readBatches(file), { ...options, source: name });
    },
  };
}

async function openParquetFile({ path, name }: FileOptions): Promise<ParquetFile> {
  try {
    const file = await openFile(path);
    try {
      const footer = await readFooter(file);
      // Not the root, whose name nobody needs.
      if (footer.schema.slice(1).some((element) => typeof element.name !== "string")) {
        throw new Error("a column without a name");
      }
      // Only a hint, so one that cannot be read is as good as none.
      const original = decodeSchema(footer.metadata.get(ARROW_SCHEMA) ?? "");
      const nodes = parquetNodes(footer.schema, original?.fields);
      const metadata = new Map(Array.from(footer.metadata).filter(([key]) => key !== ARROW_SCHEMA));
      const schema = new Schema(
        nodes.map(({ field }) => field),
        metadata,
      );
      return { path, name, byteLength: (await file.stat()).size, footer, nodes, schema };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asInputError(error, name);
  }
}

/** The rows of a file; with `columns`, only these top-level columns, and the others on demand. */
async function* readBatches(parquet: ParquetFile, columns?: readonly number[]): AsyncGenerator<ColumnBatch> {
  const { path, name, footer, nodes, schema } = parquet;
  const all = nodes.map((_, i) => i);
  const chosen = columns ?? all;
  const part = new Schema(chosen.map((i) => schema.fields[i]));
  let file: FileHandle | undefined;
  let bytesRead = 0;
  let row = 0;
  try {
    file = await openFile(path);
    const handle = file;
    for (const rowGroup of footer.rowGroups) {
      bytesRead += Number(rowGroup.group.total_compressed_size ?? 0n);
      const position = Math.min(bytesRead, parquet.byteLength);
      if (rowGroup.rows === 0) continue;
      const batch = await readRowGroup(handle, parquet, rowGroup, chosen, part, row);
      let others: RecordBatch | undefined;
      let start = 0;
      for (const slice of slices(batch)) {
        const first = start;
        const whole = async () => {
          // Called from outside this generator, whose own handling it does not reach.
          others ??= await readRowGroup(handle, parquet, rowGroup, all, schema, row).catch((error: unknown) => {
            throw asInputError(error, name);
          });
          return sliceBatch(others, first, slice.numRows);
        };
        yield columns === undefined
          ? { batch: slice, bytesRead: position }
          : { batch: slice, bytesRead: position, whole };
        start += slice.numRows;
      }
      row += rowGroup.rows;
    }
  } catch (error) {
    throw asInputError(error, name);
  } finally {
    await file?.close();
  }
}

async function readRowGroup(
  file: FileHandle,
  { nodes, byteLength }: ParquetFile,
  rowGroup: ParquetRowGroup,
  columns: readonly number[],
  schema: Schema,
  firstRow: number,
): Promise<RecordBatch> {
  const data: Data[] = [];
  for (const index of columns) {
    const node = nodes[index];
    const column = JSON.stringify(node.field.name);
    try {
      const leaves = new Map<number, LeafColumn>();
      for (const leaf of leavesOf(node)) {
        const chunk = columnChunk(rowGroup, leaf.column, leaf.element);
        if (chunk.start + chunk.length > byteLength) {
          throw new Error(`${chunk.length} bytes at byte ${chunk.start} of a file of ${byteLength}`);
        }
        const bytes = await readRange(file, chunk.start, chunk.length);
        leaves.set(leaf.column, readLeaf(bytes, chunk, leaf));
      }
      const assembled = assemble(node, leaves);
      if (assembled.length !== rowGroup.rows) throw new Error(`${assembled.length} rows, expected ${rowGroup.rows}`);
      data.push(assembled);
    } catch (error) {
      throw new Error(`column ${column}, rows from ${firstRow + 1}: ${(error as Error).message}`, { cause: error });
    }
  }
  return batchOf(schema, data, rowGroup.rows);
}

function asInputError(error: unknown, name: string): InputError {
  if (error instanceof InputError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const what = code === undefined ? "cannot be read as Parquet" : "cannot be read";
  // What a library stumbles over in a broken file is no sentence for a person.
  const why = error instanceof TypeError ? "its metadata is corrupt" : message;
  return new InputError(`${name}: ${what}: ${why}`, { cause: error });
}
