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
 * embeddings.arrow: an Arrow IPC file that is the published output and the store from which join and k-means read.
 *
 *     | "ARROW1", schema | batch 0     | batch 1     | .. | last batch | footer, its length, "ARROW1" |
 *                        | equal number of rows and bytes | smaller  |
 *
 * Since all batches but the last have the same size, an unfinished file can be cut behind any batch and continued.
 */

/** Bytes of vectors in a record batch: large enough to read at the speed of the disk, small beside any `--memory`. */
const BATCH_BYTES = 4 << 20;

/** Rows of each full record batch of a store with `dim` components. */
export function storeBatchRows(dim: number): number {
  return Math.max(1, Math.min(65536, Math.floor(BATCH_BYTES / (4 * dim))));
}

/** Schema of the store: `_row`, uint64, and `embedding`, a fixed-size list of dim float32. */
export function storeSchema(dim: number): Schema {
  return new Schema([
    new Field("_row", new Uint64(), false),
    new Field("embedding", new FixedSizeList(dim, new Field("item", new Float32(), false)), false),
  ]);
}

/** Makes a record batch of row numbers and vectors (n × dim, row-major) that shares both arrays. */
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

/** RecordBatchFileWriter that can continue the file of an earlier process and reports its position. */
export class ContinuedFileWriter extends RecordBatchFileWriter {
  /** Starts the file. The bytes of its header wait in the sink. */
  begin(schema: Schema): void {
    this.reset(this._sink, schema);
  }
  // apache-arrow writes the schema in the footer only; the format has it in front too, for readers that stream.
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return (RecordBatchWriter.prototype as unknown as ContinuedFileWriter)._writeSchema.call(this, schema) as this;
  }
  /** Behaves as if `batches` full batches had been written; returns where all batches so far lie in the file. */
  continueAfter(batches: number, schema: Schema, dim: number): readonly FileBlock[] {
    const { metaDataLength, bodyLength } = fullBlock(schema, dim);
    for (let i = 0; i < batches; i++) {
      this._recordBatchBlocks.push(new FileBlock(metaDataLength, bodyLength, this._position));
      this._position += metaDataLength + bodyLength;
    }
    return this._recordBatchBlocks;
  }
  /** Where the batches so far lie in the file. */
  get blocks(): readonly FileBlock[] {
    return this._recordBatchBlocks;
  }
  /** Bytes of the file so far, those in the sink included. */
  get position(): number {
    return this._position;
  }
}

/** Lengths of the metadata and the body of a full record batch, which all full batches of a store share. */
function fullBlock(schema: Schema, dim: number): FileBlock {
  const rows = storeBatchRows(dim);
  const writer = new ContinuedFileWriter();
  writer.begin(schema);
  writer.write(storeBatch(schema, dim, new BigUint64Array(rows), new Float32Array(rows * dim)));
  return writer.blocks[0];
}
