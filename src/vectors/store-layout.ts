import type { FileHandle } from "node:fs/promises";
import { DataType, Precision, type Schema } from "apache-arrow";
import { Footer } from "apache-arrow/ipc/metadata/file";
import { Message } from "apache-arrow/ipc/metadata/message";
import { readRange } from "../io/read-exact.js";

/** Where the vectors lie in the file of a store, see store-format.ts. */
export interface StoreLayout {
  /** Components of a vector, and number of vectors. */
  readonly dim: number;
  readonly count: number;
  /** Rows of each batch but the last. */
  readonly batchRows: number;
  /** Byte offset in the file of each batch's row numbers (uint64), and of its vectors (float32, row-major). */
  readonly rowsAt: Float64Array;
  readonly vectorsAt: Float64Array;
}

/** Bytes of the end of the file: the length of the footer, int32, and "ARROW1". */
const TRAILER = 10;
/** Bytes before the metadata of a message: the continuation mark and the length of the metadata. */
const PREFIX = 8;
/** Buffers of a batch: validity and values of the rows, validity of the lists, validity and values of their items. */
const BUFFERS = { rows: 1, vectors: 4, count: 5 };

/**
 * Reads the layout from the footer and from the metadata of the first and the last batch.
 * @throws Error that says how the file differs from a store
 */
export async function readStoreLayout(file: FileHandle): Promise<StoreLayout> {
  const { size } = await file.stat();
  const trailer = await readRange(file, size - TRAILER, TRAILER);
  if (new TextDecoder().decode(trailer.subarray(4)) !== "ARROW1") throw new Error("it does not end as an Arrow file");
  const footerBytes = new DataView(trailer.buffer).getInt32(0, true);
  const footer = Footer.decode(await readRange(file, size - TRAILER - footerBytes, Math.max(0, footerBytes)));
  const dim = dimensionOf(footer.schema);
  const blocks = [...footer.recordBatches()];
  const batches = blocks.length;
  const rowsAt = new Float64Array(batches);
  const vectorsAt = new Float64Array(batches);
  if (batches === 0) return { dim, count: 0, batchRows: 1, rowsAt, vectorsAt };
  const first = await readBatch(file, blocks[0], dim);
  const last = await readBatch(file, blocks[batches - 1], dim);
  if (batches > 1 && (first.length < 1 || last.length > first.length)) {
    throw new Error(`its record batches are of ${first.length} rows, the last one of ${last.length}`);
  }
  for (const [i, { offset, metaDataLength, bodyLength }] of blocks.entries()) {
    const { rows, vectors } = i === batches - 1 ? last : first;
    if (i < batches - 1 && bodyLength !== blocks[0].bodyLength)
      throw new Error(`its record batch ${i} has another size`);
    rowsAt[i] = offset + metaDataLength + rows;
    vectorsAt[i] = offset + metaDataLength + vectors;
  }
  return { dim, count: (batches - 1) * first.length + last.length, batchRows: first.length, rowsAt, vectorsAt };
}

/** Components of a vector by the schema. @throws Error where the columns are not those of a store */
function dimensionOf({ fields }: Schema): number {
  const type = fields[1]?.type;
  if (fields.length === 2 && fields[0].name === "_row" && fields[1].name === "embedding") {
    const item = DataType.isFixedSizeList(type) ? type.children[0].type : undefined;
    if (DataType.isFloat(item) && item.precision === Precision.SINGLE) return type.listSize;
  }
  throw new Error("its columns are not _row and embedding, of fixed_size_list<float32>");
}

/** Rows of a batch, and the offsets of its row numbers and its vectors within the batch's body. */
async function readBatch(
  file: FileHandle,
  block: { offset: number; metaDataLength: number },
  dim: number,
): Promise<{ length: number; rows: number; vectors: number }> {
  const metadata = await readRange(file, block.offset + PREFIX, Math.max(0, block.metaDataLength - PREFIX));
  const message = Message.decode(metadata);
  if (!message.isRecordBatch()) throw new Error("a record batch is not where the footer says");
  const { length, buffers, compression } = message.header();
  if (compression !== null || buffers.length !== BUFFERS.count || buffers[BUFFERS.vectors].length < length * dim * 4) {
    throw new Error("its record batches are not laid out as bge-dedup writes them");
  }
  return { length, rows: buffers[BUFFERS.rows].offset, vectors: buffers[BUFFERS.vectors].offset };
}
