import { CompressionType, type Data, type DataType, type MetadataVersion, type Vector } from "apache-arrow";
import { BufferRegion, type RecordBatch as RecordBatchHeader } from "apache-arrow/ipc/metadata/message";
import { VectorLoader } from "apache-arrow/visitor/vectorloader";
import { decompressLz4Frame } from "../compress/lz4.js";
import { decompressZstd } from "../compress/zstd.js";

/** Dictionaries by the id that the schema gives them. */
export type DictionaryVectors = Map<number, Vector>;

/** Bytes before a compressed buffer, which say how many it was before. */
const STATED_SIZE = 8;

/**
 * The columns of a message's body, which they share where it is not compressed.
 * @throws Error where its buffers are not inside it, or it is compressed in a way that is unknown or corrupt
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

/** https://github.com/apache/arrow/blob/main/format/Message.fbs (BodyCompression) */
function decompress(stored: Uint8Array, type: number): Uint8Array {
  const size = Number(new DataView(stored.buffer, stored.byteOffset, STATED_SIZE).getBigInt64(0, true));
  const bytes = stored.subarray(STATED_SIZE);
  // A copy, because what is in it may have to lie at a multiple of its width.
  if (size === -1) return bytes.slice();
  if (type === CompressionType.LZ4_FRAME) return decompressLz4Frame(bytes, size);
  if (type === CompressionType.ZSTD) return decompressZstd(bytes, size);
  throw new Error(`a record batch in the unknown compression ${type}`);
}

/** apache-arrow's loader over buffers that do not lie in one body: their regions tell their positions in a list. */
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

  protected override readData<T extends DataType>(_type: T, { offset } = this.nextBufferRange()): Uint8Array {
    return this.#parts[offset];
  }
}
