import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchWriter,
  Schema,
  Uint64,
} from "apache-arrow";
import { FileBlock } from "apache-arrow/ipc/metadata/file";
import { batchOf } from "../io/columns/take.js";

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

/** Columns `_row` and `embedding`. */
export function storeSchema(dim: number): Schema {
  return new Schema([
    new Field("_row", new Uint64(), false),
    new Field("embedding", new FixedSizeList(dim, new Field("item", new Float32(), false)), false),
  ]);
}

/** A record batch over the row numbers and the vectors (row-major, n × dim), which it shares. */
export function storeBatch(schema: Schema, dim: number, rows: BigUint64Array, vectors: Float32Array): RecordBatch {
  const length = rows.length;
  const list = schema.fields[1].type as FixedSizeList<Float32>;
  const item = makeData({ type: new Float32(), length: length * dim, nullCount: 0, data: vectors });
  const children = [
    makeData({ type: new Uint64(), length, nullCount: 0, data: rows }),
    makeData({ type: list, length, nullCount: 0, child: item }),
  ];
  return batchOf(schema, children, length);
}

/** RecordBatchFileWriter that can take up a file where an earlier process left it, and says where it stands. */
export class ContinuedFileWriter extends RecordBatchFileWriter {
  /** Starts the file; bytes of the header wait in the sink. */
  begin(schema: Schema): void {
    this.reset(this._sink, schema);
  }
  // apache-arrow leaves the schema to the footer; the format has it at the front too, for readers that stream.
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return (RecordBatchWriter.prototype as unknown as ContinuedFileWriter)._writeSchema.call(this, schema) as this;
  }
  /** Pretends that so many full batches have been written already; returns where they lie. */
  continueAfter(batches: number, schema: Schema, dim: number): readonly FileBlock[] {
    const { metaDataLength, bodyLength } = fullBlock(schema, dim);
    for (let i = 0; i < batches; i++) {
      this._recordBatchBlocks.push(new FileBlock(metaDataLength, bodyLength, this._position));
      this._position += metaDataLength + bodyLength;
    }
    return this._recordBatchBlocks;
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
