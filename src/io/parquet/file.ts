import { type FileHandle, open } from "node:fs/promises";
import type { Timestamp } from "apache-arrow";
import { type FileMetaData, parquetMetadataAsync, type SchemaElement as StoredElement } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { readVarInt } from "hyparquet/src/thrift.js";
import { prepareZstd } from "../compress/zstd.js";
import { readRange } from "../read-exact.js";
import { checkPageHeader, requiredCount, requiredName } from "./header-check.js";
import { type WriterFlaws, writerFlaws } from "./writer-flaws.js";

// The only file that uses hyparquet, for the footer, page headers and delta-encoded integers. parquet.ts gives the
// reasons why its other decoders are not used.
//
//     "PAR1" | column chunks, each a list of pages | footer | footer length 4 | "PAR1"
//     page: header (Thrift) | repetition levels | definition levels | values

/** A node of the schema. The footer lists the nodes depth first, a parent before its children. */
export type SchemaElement = StoredElement & {
  /** The type of an INT96 column, where its values have been looked at. */
  readonly int96?: Timestamp;
};

type RowGroup = FileMetaData["row_groups"][number];

/** A row group: rows that are stored together, column by column. */
export interface ParquetRowGroup {
  /** Less than 2^31. */
  readonly rows: number;
  /** The entry of the footer. */
  readonly group: RowGroup;
  readonly flaws: WriterFlaws;
}

/** The footer of a Parquet file. */
export interface ParquetFooter {
  readonly schema: readonly SchemaElement[];
  readonly rowGroups: readonly ParquetRowGroup[];
  /** Key-value metadata; an absent value is an empty text. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Opens the file at `path` and loads the codecs that need loading, so that pages can be decoded synchronously
 * afterwards. The caller closes the file.
 * @throws the error of the file system
 */
export async function openFile(path: string): Promise<FileHandle> {
  await prepareZstd();
  return open(path);
}

/** Reads the footer. @throws Error where the file is no Parquet file, is cut short, encrypted or corrupt */
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
  const { schema, row_groups, key_value_metadata, created_by } = await parquetMetadataAsync(
    { byteLength: size, slice },
    // The statistics are not used. Their conversion is switched off, because it fails on some valid values.
    { geoparquet: false, parsers: NO_PARSERS },
  ).catch((error: unknown) => {
    if (!(error instanceof TypeError)) throw error;
    throw new Error("its footer lacks a part that every footer has: it is corrupt", { cause: error });
  });
  const rowGroups = row_groups.map((group) => ({
    rows: requiredCount(group.num_rows, "number of rows of a row group", 2 ** 31),
    group,
    flaws: writerFlaws(created_by),
  }));
  return { schema, rowGroups, metadata: new Map(key_value_metadata?.map(({ key, value }) => [key, value ?? ""])) };
}

const nothing = (): undefined => undefined;
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

/** The place of a column chunk in the file, in bytes, and its contents. */
export interface ColumnChunk {
  readonly start: number;
  readonly length: number;
  /** Values in all pages, nulls included; less than 2^31. */
  readonly count: number;
  readonly codec: string;
  /** As in `WriterFlaws`. */
  readonly alwaysCompressed: boolean;
}

/**
 * Finds the chunk of the leaf at position `column` of the schema, whose element is `element`, in a file of `byteLength`
 * bytes.
 * @throws Error where the chunk is missing, encrypted, in another file, beyond the end of this one, or has another name
 * or type than the leaf
 */
export function columnChunk(
  { group, flaws }: ParquetRowGroup,
  column: number,
  element: SchemaElement,
  byteLength: number,
): ColumnChunk {
  const { meta_data: meta, file_path: filePath } = group.columns[column] ?? {};
  const name = JSON.stringify(element.name);
  if (filePath) throw new Error(`column ${name} is in another file, ${filePath}`);
  if (meta === undefined) throw new Error(`column ${name} is missing or encrypted`);
  const type = requiredName(meta.type, `type of column ${name}`);
  const codec = requiredName(meta.codec, `codec of column ${name}`);
  if (meta.path_in_schema.at(-1) !== element.name || type !== element.type) {
    throw new Error(
      `column ${name} of type ${element.type} is stored as ${meta.path_in_schema.join(".")} of type ${type}`,
    );
  }
  const data = requiredCount(meta.data_page_offset, `place of column ${name}`);
  const dictionary = requiredCount(meta.dictionary_page_offset ?? 0, `place of the dictionary of column ${name}`);
  // The dictionary page comes first. Some writers leave its offset at 0 where there is none.
  const start = dictionary > 0 ? Math.min(dictionary, data) : data;
  const stored = requiredCount(meta.total_compressed_size, `size of column ${name}`);
  const count = requiredCount(meta.num_values, `number of values of column ${name}`, 2 ** 31);
  if (start < 4) throw new Error(`column ${name} starts at byte ${start}, expected at least 4`);
  if (start + stored > byteLength) throw new Error(`${stored} bytes at byte ${start} of a file of ${byteLength}`);
  const length = Math.min(stored + flaws.missingBytes, byteLength - start);
  return { start, length, count, codec, alwaysCompressed: flaws.alwaysCompressed };
}

/** The header of a page, as hyparquet returns it. */
export type PageHeader = ReturnType<typeof parquetHeader>;

/**
 * Parses the page header at byte `at`. `end` is the position of the byte after it.
 * @throws Error where the header is corrupt or goes beyond the end of `bytes`
 */
export function readPageHeader(bytes: Uint8Array, at: number): { readonly header: PageHeader; readonly end: number } {
  checkThrift(bytes, at);
  const reader = readerOf(bytes, at);
  const header = parquetHeader(reader);
  checkPageHeader(header);
  return { header, end: reader.offset };
}

/**
 * Decodes integers in the encoding DELTA_BINARY_PACKED from byte `at` on into a new array of the class `Integers`.
 * `end` is the position of the byte after them.
 * @throws Error where there are more than `most` integers, or the bytes end before them
 */
export function unpackDelta<T extends Int32Array | BigInt64Array>(
  bytes: Uint8Array,
  at: number,
  Integers: new (length: number) => T,
  most: number,
): { readonly values: T; readonly end: number } {
  const header = readerOf(bytes, at);
  // The header holds the size of a block, the number of its miniblocks and the count of all integers.
  for (let field = 0; field < 2; field++) readVarInt(header);
  const count = readVarInt(header);
  if (!(count >= 0 && count <= most)) throw new Error(`${count} delta-encoded values, expected at most ${most}`);
  const values = new Integers(count);
  const reader = readerOf(bytes, at);
  if (values instanceof BigInt64Array) refuseLongVarints(reader.view);
  if (count > 0) deltaBinaryUnpack(reader, count, values);
  if (reader.offset > bytes.length) throw new Error(`values end at byte ${reader.offset} of a page of ${bytes.length}`);
  return { values, end: reader.offset };
}

function readerOf(bytes: Uint8Array, offset: number) {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset };
}

/**
 * Makes a view throw at the 10th byte of a varint that has not ended. hyparquet would collect all bits of an endless
 * varint in a bigint, in quadratic time.
 */
function refuseLongVarints(view: DataView): void {
  let open = 0;
  view.getUint8 = (at) => {
    const byte = DataView.prototype.getUint8.call(view, at);
    open = byte < 128 ? 0 : open + 1;
    if (open === 10) throw new Error("a number of more than 64 bits");
    return byte;
  };
}

// Deeper than the metadata of Parquet, and far below the depth at which the stack overflows.
const MAX_DEPTH = 64;

/**
 * Walks over the Thrift struct at byte `start` and checks that every length in it fits into `bytes`. hyparquet trusts
 * the lengths, and would run out of memory when it makes room for a list of false length. Thrift's compact protocol:
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 * @throws Error where the struct does not end within `bytes` or is not Thrift
 */
function checkThrift(bytes: Uint8Array, start: number): void {
  let at = start;
  const skip = (length: number) => {
    const left = bytes.length - at;
    if (length > left) throw new Error(`metadata is cut short: ${length} bytes expected where ${left} are left`);
    at += length;
  };
  const next = () => {
    skip(1);
    return bytes[at - 1];
  };
  const varint = () => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = next();
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw new Error("a number of more than 64 bits in metadata");
  };
  const skipStruct = (depth: number) => {
    for (let header = next(); (header & 15) !== 0; header = next()) {
      // The upper four bits are the step to the next field number; 0 means that the number follows.
      if (header >> 4 === 0) varint();
      // Types 1 and 2 are the booleans true and false, which have no bytes of their own.
      if ((header & 15) > 2) skipValue(header & 15, depth);
    }
  };
  const skipList = (depth: number) => {
    const header = next();
    const count = header >> 4 === 15 ? varint() : header >> 4;
    // Every element takes at least a byte.
    const left = bytes.length - at;
    if (count > left) throw new Error(`metadata is cut short: ${count} items expected where ${left} bytes are left`);
    for (let i = 0; i < count; i++) skipValue(header & 15, depth);
  };
  const skipValue = (type: number, depth: number) => {
    if (depth > MAX_DEPTH) throw new Error("metadata nested without end");
    if (type >= 1 && type <= 3) skip(1);
    else if (type >= 4 && type <= 6) varint();
    else if (type === 7) skip(8);
    else if (type === 8) skip(varint());
    else if (type === 9 || type === 10) skipList(depth + 1);
    else if (type === 12) skipStruct(depth + 1);
    else throw new Error(`metadata of the unknown Thrift type ${type}`);
  };
  skipStruct(0);
}
