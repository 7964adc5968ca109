import { type FileHandle, open } from "node:fs/promises";
import {
  type AsyncRecordBatchFileReader,
  Field,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  RecordBatchWriter,
  Schema,
  Struct,
  Uint64,
} from "apache-arrow";
import { FileBlock } from "apache-arrow/ipc/metadata/file";
import type { VectorReader } from "../dedup/vectors.js";
import { InputError } from "../errors.js";

/**
 * embeddings.arrow: an Arrow IPC file that is at once the published output and the store that the join and k-means
 * read. Every record batch but the last has the same number of rows and so the same size in bytes, which is what lets an
 * interrupted file be cut at a batch and continued.
 */

/** Bytes of vectors in one record batch: large enough to read at disk speed, small beside any `--memory`. */
const BATCH_BYTES = 4 << 20;

/** Rows of every full record batch of a store with this dimension. */
export function storeBatchRows(dim: number): number {
  return Math.max(1, Math.min(65536, Math.floor(BATCH_BYTES / (4 * dim))));
}

function storeSchema(dim: number): Schema {
  return new Schema([
    new Field("_row", new Uint64(), false),
    new Field("embedding", new FixedSizeList(dim, new Field("item", new Float32(), false)), false),
  ]);
}

function storeBatch(schema: Schema, dim: number, rows: BigUint64Array, vectors: Float32Array): RecordBatch {
  const length = rows.length;
  const list = schema.fields[1].type as FixedSizeList<Float32>;
  const item = makeData({ type: new Float32(), length: length * dim, nullCount: 0, data: vectors });
  const children = [
    makeData({ type: new Uint64(), length, nullCount: 0, data: rows }),
    makeData({ type: list, length, nullCount: 0, child: item }),
  ];
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
}

/** RecordBatchFileWriter that can take up a file where an earlier process left it, and says where it stands. */
class ContinuedFileWriter extends RecordBatchFileWriter {
  /** Starts the file; bytes of the header wait in the sink. */
  begin(schema: Schema): void {
    this.reset(this._sink, schema);
  }
  // apache-arrow leaves the schema to the footer; the format has it at the front too, for readers that stream.
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return (RecordBatchWriter.prototype as unknown as ContinuedFileWriter)._writeSchema.call(this, schema) as this;
  }
  /** Pretends that these blocks have been written already. */
  continueAfter(blocks: readonly FileBlock[]): void {
    for (const block of blocks) {
      this._recordBatchBlocks.push(block);
      this._position = block.offset + block.metaDataLength + block.bodyLength;
    }
  }
  get blocks(): readonly FileBlock[] {
    return this._recordBatchBlocks;
  }
  /** Bytes of the file so far. */
  get position(): number {
    return this._position;
  }
}

/** Metadata and body length of a full record batch, which are the same for every one of a store. */
function fullBlock(schema: Schema, dim: number): FileBlock {
  const rows = storeBatchRows(dim);
  const writer = new ContinuedFileWriter();
  writer.begin(schema);
  writer.write(storeBatch(schema, dim, new BigUint64Array(rows), new Float32Array(rows * dim)));
  return writer.blocks[0];
}

/** Appends unit vectors to a store file. */
export interface VectorStoreWriter {
  /** Vectors in full batches that are on disk (synced by `sync`). */
  readonly stored: number;
  /** Row numbers of the vectors that were there when it was opened. */
  readonly resumedRows: Float64Array;
  /** Appends `rows.length` vectors (row-major, n × dim). Both arrays are copied. */
  append(rows: ArrayLike<number>, vectors: Float32Array): Promise<void>;
  /** Makes `stored` vectors survive a power failure. */
  sync(): Promise<void>;
  /** Writes the last, smaller batch and the footer, syncs and closes. */
  finish(): Promise<void>;
  /** Closes the file as it is, so that a later writer can continue it. */
  close(): Promise<void>;
}

/**
 * Opens a store for writing. The first `resumeAt` vectors of an unfinished file are kept (a number that `stored` once had,
 * so full batches); what follows them is cut off.
 */
export async function openVectorStoreWriter(options: {
  path: string;
  dim: number;
  resumeAt?: number;
}): Promise<VectorStoreWriter> {
  const { path, dim, resumeAt = 0 } = options;
  const schema = storeSchema(dim);
  const batchRows = storeBatchRows(dim);
  const file = await open(path, resumeAt > 0 ? "r+" : "w");
  const writer = new ContinuedFileWriter();
  const sink = writer[Symbol.asyncIterator]();
  let position = 0;
  /** Moves what the writer has encoded to the file; the writer itself knows no back-pressure. */
  const drain = async (bytes: number) => {
    while (position < bytes) {
      const { value } = await sink.next();
      const { bytesWritten } = await file.write(value, 0, value.byteLength, position);
      if (bytesWritten < value.byteLength) throw new Error(`short write to ${path}`);
      position += value.byteLength;
    }
  };
  writer.begin(schema);
  const headerBytes = writer.position;
  await drain(headerBytes);
  const resumedRows = new Float64Array(resumeAt);
  if (resumeAt > 0) {
    const block = fullBlock(schema, dim);
    const size = block.metaDataLength + block.bodyLength;
    const blocks = Array.from(
      { length: resumeAt / batchRows },
      (_, i) => new FileBlock(block.metaDataLength, block.bodyLength, headerBytes + i * size),
    );
    writer.continueAfter(blocks);
    position = writer.position;
    await file.truncate(position);
    // The rows are the first buffer of a batch's body.
    const bytes = new BigUint64Array(batchRows);
    for (const [i, { offset, metaDataLength }] of blocks.entries()) {
      await file.read(bytes, 0, bytes.byteLength, offset + metaDataLength);
      for (let j = 0; j < batchRows; j++) resumedRows[i * batchRows + j] = Number(bytes[j]);
    }
  }

  let pendingRows = new BigUint64Array(batchRows);
  let pending = new Float32Array(batchRows * dim);
  let filled = 0;
  let stored = resumeAt;
  const flush = async () => {
    const rows = filled === batchRows ? pendingRows : pendingRows.slice(0, filled);
    const vectors = filled === batchRows ? pending : pending.slice(0, filled * dim);
    writer.write(storeBatch(schema, dim, rows, vectors));
    await drain(writer.position);
    stored += filled;
    filled = 0;
    pendingRows = new BigUint64Array(batchRows);
    pending = new Float32Array(batchRows * dim);
  };
  return {
    get stored() {
      return stored;
    },
    resumedRows,
    async append(rows, vectors) {
      for (let i = 0; i < rows.length; ) {
        const n = Math.min(batchRows - filled, rows.length - i);
        for (let j = 0; j < n; j++) pendingRows[filled + j] = BigInt(rows[i + j]);
        pending.set(vectors.subarray(i * dim, (i + n) * dim), filled * dim);
        filled += n;
        i += n;
        if (filled === batchRows) await flush();
      }
    },
    async sync() {
      await file.datasync();
    },
    async finish() {
      if (filled > 0) await flush();
      writer.finish();
      for await (const chunk of { [Symbol.asyncIterator]: () => sink }) {
        await file.write(chunk, 0, chunk.byteLength, position);
        position += chunk.byteLength;
      }
      await file.sync();
      await file.close();
    },
    async close() {
      await file.close();
    },
  };
}

/** A store opened for reading. */
export interface VectorStore extends VectorReader {
  /** Row numbers of the vectors, read once: one per vector. */
  rows(): Promise<Float64Array>;
  close(): Promise<void>;
}

/**
 * Opens a finished store. Vectors are read a record batch at a time; only the last one read is held.
 * @throws InputError where the file is missing, broken or not a store.
 */
export async function openVectorStore(path: string): Promise<VectorStore> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    throw new InputError(`cannot open ${path}: ${(cause as Error).message}; run bge-dedup first or name its folder`);
  }
  const broken = (why: string) => new InputError(`${path} is not a store of embeddings: ${why}; run bge-dedup again`);
  let reader: AsyncRecordBatchFileReader;
  try {
    reader = (await RecordBatchReader.from(handle)) as AsyncRecordBatchFileReader;
    await reader.open();
  } catch (cause) {
    await handle.close();
    throw broken((cause as Error).message);
  }
  const type = reader.schema?.fields.find((field) => field.name === "embedding")?.type;
  if (!(type instanceof FixedSizeList)) {
    await handle.close();
    throw broken("it has no column embedding of fixed_size_list<float32>");
  }
  const dim = type.listSize;
  const embeddingColumn = reader.schema.fields.findIndex((field) => field.name === "embedding");
  const rowColumn = reader.schema.fields.findIndex((field) => field.name === "_row");

  let cached = -1;
  let cachedBatch: RecordBatch | undefined;
  const load = async (index: number): Promise<RecordBatch> => {
    if (cached !== index) {
      const batch = await reader.readRecordBatch(index);
      if (batch === null) throw broken(`record batch ${index} cannot be read`);
      cached = index;
      cachedBatch = batch;
    }
    return cachedBatch as RecordBatch;
  };
  // All batches but the last are equally long, in a store of ours; the first and the last tell how many vectors there are.
  const batches = reader.numRecordBatches;
  const batchRows = batches > 0 ? (await load(0)).numRows : 0;
  const count = batches > 0 ? (batches - 1) * batchRows + (await load(batches - 1)).numRows : 0;
  return {
    count,
    dim,
    async gather(positions, into) {
      for (let i = 0; i < positions.length; ) {
        const index = Math.floor(positions[i] / batchRows);
        const first = index * batchRows;
        const data = (await load(index)).data.children[embeddingColumn];
        const values = data.children[0].values as Float32Array;
        const end = first + data.length;
        while (i < positions.length && positions[i] >= first && positions[i] < end) {
          let run = 1;
          while (i + run < positions.length && positions[i + run] === positions[i] + run && positions[i + run] < end)
            run++;
          const from = (positions[i] - first) * dim;
          into.set(values.subarray(from, from + run * dim), i * dim);
          i += run;
        }
      }
    },
    async rows() {
      const rows = new Float64Array(count);
      for (let index = 0, at = 0; index < batches; index++) {
        const values = (await load(index)).data.children[rowColumn].values as BigUint64Array;
        for (let i = 0; i < values.length; i++) rows[at++] = Number(values[i]);
      }
      return rows;
    },
    async close() {
      await reader.cancel();
      await handle.close().catch(() => {});
    },
  };
}
