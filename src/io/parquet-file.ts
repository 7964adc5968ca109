import { type FileHandle, open } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type FileMetaData, parquetMetadataAsync, type SchemaElement } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from "hyparquet/src/delta.js";
import { compressors } from "hyparquet-compressors";
import { checkThrift } from "./thrift-check.js";

// The one file that knows hyparquet. It parses the footer, page headers and delta encodings and decompresses pages; values go
// straight from pages into Arrow buffers, because its own conversion rounds timestamps and decimals and assembles lists as
// JavaScript objects.

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

// zlib is native and knows where to stop; the others come from hyparquet's own collection.
const codecs = {
  ...compressors,
  GZIP: (input: Uint8Array, length: number) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input: Uint8Array, length: number) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
};

/** Opens the file at `path`. @throws Error as the file system does. */
export function openFile(path: string): Promise<FileHandle> {
  return open(path);
}

/** Reads `length` bytes at `position`. @throws Error where the file has fewer. */
export async function readRange(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 1 << 30), position + done);
    if (bytesRead === 0) throw new Error(`the file ends at byte ${position + done}, expected ${length - done} more`);
    done += bytesRead;
  }
  return bytes;
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

/** The pages of a column chunk in order, as long as values are missing. @throws Error where a page is corrupt. */
export function* pages(bytes: Uint8Array, chunk: ColumnChunk): Generator<Page> {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  let missing = chunk.count;
  while (missing > 0) {
    if (reader.offset >= bytes.length) throw new Error(`${missing} of ${chunk.count} values are missing`);
    checkThrift(bytes, reader.offset);
    const header = parquetHeader(reader);
    const stored = header.compressed_page_size;
    const size = header.uncompressed_page_size;
    const end = reader.offset + stored;
    if (!(stored >= 0 && size >= 0 && end <= bytes.length)) {
      throw new Error(`a page of ${stored} bytes at byte ${reader.offset} of ${bytes.length}`);
    }
    const body = bytes.subarray(reader.offset, end);
    reader.offset = end;
    const { dictionary_page_header: dictionary, data_page_header: data, data_page_header_v2: data2 } = header;
    if (header.type === "DICTIONARY_PAGE" && dictionary !== undefined) {
      const { num_values: count, encoding } = dictionary;
      if (!(count >= 0)) throw new Error(`a dictionary of ${count} values`);
      yield { kind: "dictionary", encoding, count, bytes: decompressed(body, size, chunk) };
    } else if (header.type === "DATA_PAGE" && data !== undefined) {
      missing -= counted(data.num_values, missing);
      yield {
        kind: "data",
        encoding: data.encoding,
        count: data.num_values,
        bytes: decompressed(body, size, chunk),
        levelEncodings: [data.repetition_level_encoding, data.definition_level_encoding],
      };
    } else if (header.type === "DATA_PAGE_V2" && data2 !== undefined) {
      const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = data2;
      const levels = repetition + definition;
      if (!(repetition >= 0 && definition >= 0 && levels <= stored && levels <= size)) {
        throw new Error(`${levels} bytes of levels in a page of ${stored}`);
      }
      missing -= counted(data2.num_values, missing);
      const values = body.subarray(levels);
      yield {
        kind: "data2",
        encoding: data2.encoding,
        count: data2.num_values,
        bytes: data2.is_compressed === false ? values : decompressed(values, size - levels, chunk),
        repetitionLevels: body.subarray(0, repetition),
        definitionLevels: body.subarray(repetition, levels),
      };
    }
  }
}

function counted(count: number, missing: number): number {
  if (!(count >= 0 && count <= missing)) throw new Error(`a page of ${count} values where ${missing} are missing`);
  return count;
}

function decompressed(body: Uint8Array, size: number, { codec }: ColumnChunk): Uint8Array {
  // Some writers leave an empty body uncompressed.
  if (body.length === 0 && size === 0) return body;
  return decompressPage(body, size, codec as never, codecs);
}

/** Integers in DELTA_BINARY_PACKED encoding. */
export function unpackDelta(bytes: Uint8Array, values: Int32Array | BigInt64Array): void {
  if (values.length > 0) deltaBinaryUnpack(readerOf(bytes), values.length, values);
}

/** `count` byte arrays in one of the two delta encodings; views into `bytes` where they can be. */
export function unpackByteArrays(bytes: Uint8Array, count: number, encoding: string): Uint8Array[] {
  const values = new Array<Uint8Array>(count);
  if (count === 0) return values;
  const reader = readerOf(bytes);
  if (encoding === "DELTA_BYTE_ARRAY") deltaByteArray(reader, count, values);
  else deltaLengthByteArray(reader, count, values);
  if (reader.offset > bytes.length) throw new Error(`values end at byte ${reader.offset} of a page of ${bytes.length}`);
  return values;
}

function readerOf(bytes: Uint8Array) {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}
