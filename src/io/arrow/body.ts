import {
  BufferType,
  CompressionType,
  Data,
  type DataType,
  type LargeList,
  type List,
  type MetadataVersion,
  type Struct,
  type Vector,
} from "apache-arrow";
import { BufferRegion, type FieldNode, type RecordBatch as RecordBatchHeader } from "apache-arrow/ipc/metadata/message";
import { VectorLoader } from "apache-arrow/visitor/vectorloader";
import { decompressLz4Frame } from "../compress/lz4.js";
import { decompressZstd } from "../compress/zstd.js";
import { LargeListView, ListView, RunEndEncoded } from "./stored-types.js";

/** Dictionaries by the ids that the schema gives them. */
export type DictionaryVectors = Map<number, Vector>;

/** Bytes at the start of a compressed buffer that state its decoded size, as a little-endian int64. */
const STATED_SIZE = 8;

/**
 * Builds the columns of a record batch or dictionary from the body of its message. Without compression the columns
 * share the memory of `body`; with it each buffer gets memory of its own.
 * @param types types of the columns, in the order of the schema
 * @throws Error where a buffer is not inside the body, is corrupt, or has an unknown compression
 */
export function loadBody(
  body: Uint8Array,
  header: RecordBatchHeader,
  types: readonly DataType[],
  dictionaries: DictionaryVectors,
  version: MetadataVersion,
): Data[] {
  const parts = header.buffers.map(({ offset, length }) => {
    if (length === 0) return new Uint8Array(0);
    if (!(length > 0 && offset >= 0 && offset + length <= body.length)) {
      throw new Error(`a buffer of ${length} bytes at byte ${offset} of a message body of ${body.length}`);
    }
    const stored = body.subarray(offset, offset + length);
    return header.compression === null ? stored : decompress(stored, header.compression.type);
  });
  return new PartLoader(parts, header, dictionaries, version).visitMany([...types]);
}

/**
 * Decodes a buffer to its stated size. A stated size of −1 marks a buffer that the writer left uncompressed.
 * https://github.com/apache/arrow/blob/main/format/Message.fbs (BodyCompression)
 */
function decompress(stored: Uint8Array, type: number): Uint8Array {
  const size = Number(new DataView(stored.buffer, stored.byteOffset, STATED_SIZE).getBigInt64(0, true));
  const bytes = stored.subarray(STATED_SIZE);
  // The 8 bytes of the size may leave the values at an address that is no multiple of their width. A copy is aligned.
  if (size === -1) return bytes.slice();
  if (type === CompressionType.LZ4_FRAME) return decompressLz4Frame(bytes, size);
  if (type === CompressionType.ZSTD) return decompressZstd(bytes, size);
  throw new Error(`a record batch in the unknown compression ${type}`);
}

/**
 * apache-arrow's loader for buffers that do not lie in one body, as after decompression. The offset of a buffer's
 * region is its place in the list `parts`.
 */
class PartLoader extends VectorLoader {
  readonly #parts: readonly Uint8Array[];

  constructor(
    parts: readonly Uint8Array[],
    { nodes, variadicBufferCounts }: RecordBatchHeader,
    dictionaries: DictionaryVectors,
    version: MetadataVersion,
  ) {
    const regions = parts.map(({ length }, i) => new BufferRegion(i, length));
    super(new Uint8Array(0), nodes, regions, dictionaries, version, variadicBufferCounts);
    this.#parts = parts;
  }

  override visitStruct<T extends Struct>(type: T, node: FieldNode = this.nextFieldNode()): Data<T> {
    if (!(type instanceof RunEndEncoded)) return super.visitStruct(type, node);
    // Run ends and values have nodes and buffers of their own, and the column itself has no buffer.
    return new Data<T>(type, 0, node.length, 0, {}, this.visitMany(type.children));
  }

  override visitList<T extends List>(type: T, node: FieldNode = this.nextFieldNode()): Data<T> {
    return type instanceof ListView ? this.#listView(type, node, Int32Array) : super.visitList(type, node);
  }

  override visitLargeList<T extends LargeList>(type: T, node: FieldNode = this.nextFieldNode()): Data<T> {
    return type instanceof LargeListView ? this.#listView(type, node, BigInt64Array) : super.visitLargeList(type, node);
  }

  #listView<T extends List | LargeList>(
    type: T,
    { length, nullCount }: FieldNode,
    Numbers: Int32ArrayConstructor | BigInt64ArrayConstructor,
  ): Data<T> {
    const nullBitmap = this.readNullBitmap(type, nullCount);
    const starts = numbersOf(this.readData(type), Numbers);
    const sizes = numbersOf(this.readData(type), Numbers);
    const child = this.visit(type.children[0]);
    const data = new Data<T>(type, 0, length, nullCount, { [BufferType.VALIDITY]: nullBitmap }, [child]);
    // A Data has no place for sizes; a list has none for values.
    return Object.assign(data, { valueOffsets: starts, values: sizes });
  }

  protected override readData<T extends DataType>(_type: T, { offset } = this.nextBufferRange()): Uint8Array {
    return this.#parts[offset];
  }
}

/** Bytes as an array of numbers, copied where they do not lie at a multiple of its width. Bytes beyond are left out. */
function numbersOf(bytes: Uint8Array, Numbers: Int32ArrayConstructor | BigInt64ArrayConstructor) {
  const width = Numbers.BYTES_PER_ELEMENT;
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new Numbers(buffer as ArrayBuffer, byteOffset, Math.floor(byteLength / width));
}
