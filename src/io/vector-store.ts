import { type FileHandle, open } from "node:fs/promises";
import { type AsyncRecordBatchFileReader, FixedSizeList, type RecordBatch, RecordBatchReader } from "apache-arrow";
import type { VectorReader } from "../dedup/vectors.js";
import { InputError } from "../errors.js";

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
