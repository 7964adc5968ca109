import { type FileHandle, open } from "node:fs/promises";
import { type FileMetaData, parquetMetadataAsync, type SchemaElement } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { readRange } from "../read-exact.js";
import { checkThrift } from "./thrift-check.js";

// The one file that knows hyparquet. It parses the footer, page headers and delta-encoded integers; values go straight from
// pages into Arrow buffers, because its own conversion rounds timestamps and decimals and assembles lists as JavaScript objects.

/** A node of the schema, as the footer lists them. */
export type { SchemaElement } from "hyparquet";

type RowGroup = FileMetaData["row_groups"][number];

/** Rows that are stored together, column by column. */
export interface ParquetRowGroup {
  readonly rows: number;
  readonly group: RowGroup;
}

/** A Parquet file whose footer has been read. */
export interface ParquetFooter {
  readonly schema: readonly SchemaElement[];
  readonly rowGroups: readonly ParquetRowGroup[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Opens the file at `path`. @throws Error as the file system does. */
export function openFile(path: string): Promise<FileHandle> {
  return open(path);
}

/** Reads the footer. @throws Error where the file is no Parquet file, cut short, encrypted or corrupt. */
export async function readFooter(file: FileHandle): Promise<ParquetFooter> {
  const { size } = await file.stat();
  if (size < 12) throw new Error(`it has ${size} bytes, expected at least 12`);
  const end = Buffer.from(await readRange(file, size - 4, 4)).toString("latin1");
  if (end === "PARE") throw new Error("its footer is encrypted, expected a plain one: decrypt the file first");
  if (end !== "PAR1") throw new Error("no PAR1 at its end, so it is cut short or no Parquet file");
  const length = Buffer.from(await readRange(file, size - 8, 4)).readUInt32LE(0);
  if (length > size - 12) throw new Error(`a footer of ${length} bytes in a file of ${size}`);
  checkThrift(await readRange(file, size - 8 - length, length), 0);
  const slice = async (start: number, stop = size) => (await readRange(file, start, stop - start)).buffer;
  const { schema, row_groups, key_value_metadata } = await parquetMetadataAsync(
    { byteLength: size, slice },
    // Statistics are not used, and their conversion fails on values that are fine.
    { geoparquet: false, parsers: NO_PARSERS },
  );
  const rowGroups = row_groups.map((group) => {
    const rows = Number(group.num_rows);
    if (!(rows >= 0 && rows < 2 ** 31))
      throw new Error(`a row group of ${group.num_rows} rows, expected less than 2^31`);
    return { rows, group };
  });
  return { schema, rowGroups, metadata: new Map(key_value_metadata?.map(({ key, value }) => [key, value ?? ""])) };
}

const nothing = () => undefined as never;
const NO_PARSERS = {
  timestampFromMilliseconds: nothing,
  timestampFromMicroseconds: nothing,
  timestampFromNanoseconds: nothing,
  dateFromDays: nothing,
  stringFromBytes: nothing,
  jsonFromBytes: nothing,
  geometryFromBytes: nothing,
  geographyFromBytes: nothing,
  uuidFromBytes: nothing,
};

/** A column chunk: where its bytes are. */
export interface ColumnChunk {
  readonly start: number;
  readonly length: number;
  /** Values in all pages, nulls included. */
  readonly count: number;
  readonly codec: string;
}

/** Finds the chunk of the leaf at position `column`. @throws Error where it cannot be the one of the schema's leaf. */
export function columnChunk({ group }: ParquetRowGroup, column: number, element: SchemaElement): ColumnChunk {
  const { meta_data: meta, file_path: filePath } = group.columns[column] ?? {};
  const name = JSON.stringify(element.name);
  if (filePath) throw new Error(`column ${name} is in another file, ${filePath}`);
  if (meta === undefined) throw new Error(`column ${name} is missing or encrypted`);
  if (meta.path_in_schema.at(-1) !== element.name || meta.type !== element.type) {
    throw new Error(
      `column ${name} of type ${element.type} is stored as ${meta.path_in_schema.join(".")} of type ${meta.type}`,
    );
  }
  const data = Number(meta.data_page_offset);
  const dictionary = Number(meta.dictionary_page_offset ?? 0);
  const start = dictionary > 0 ? Math.min(dictionary, data) : data;
  const length = Number(meta.total_compressed_size);
  const count = Number(meta.num_values);
  if (!(start >= 4 && length >= 0 && count >= 0 && count < 2 ** 31)) {
    throw new Error(`column ${name} has ${count} values in ${length} bytes at byte ${start}`);
  }
  return { start, length, count, codec: meta.codec };
}

/** A page's header as hyparquet gives it. */
export type PageHeader = ReturnType<typeof parquetHeader>;

/** Parses the page header at byte `at`; `end` is the byte behind it. @throws Error where it is corrupt or not all there */
export function readPageHeader(bytes: Uint8Array, at: number): { readonly header: PageHeader; readonly end: number } {
  checkThrift(bytes, at);
  const reader = readerOf(bytes, at);
  return { header: parquetHeader(reader), end: reader.offset };
}

/**
 * Integers in DELTA_BINARY_PACKED encoding from byte `at` on, as many as `values` holds; returns the byte behind them.
 * @throws Error where they are not all there
 */
export function unpackDelta(bytes: Uint8Array, at: number, values: Int32Array | BigInt64Array): number {
  const reader = readerOf(bytes, at);
  if (values.length > 0) deltaBinaryUnpack(reader, values.length, values);
  if (reader.offset > bytes.length) throw new Error(`values end at byte ${reader.offset} of a page of ${bytes.length}`);
  return reader.offset;
}

function readerOf(bytes: Uint8Array, offset: number) {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset };
}
