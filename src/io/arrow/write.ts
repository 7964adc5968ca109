import {
  type Data,
  DataType,
  type Field,
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  RecordBatchWriter,
  Schema,
} from "apache-arrow";
import { UsageError } from "../../errors.js";
import { Coalescer } from "../columns/coalesce.js";
import { columnBuilder, type Dictionaries } from "../columns/create-builder.js";
import { emptyDictionary } from "../columns/dictionary-builder.js";
import { bytesOf } from "../columns/layout.js";
import { oneRun } from "../columns/runs.js";
import { batchOf } from "../columns/take.js";
import { ownDictionaries } from "../schema/unify.js";
import { createFile, type TableOptions, type TableWriter } from "../table-writer.js";

/**
 * Opens an Arrow IPC file for writing. The file is uncompressed and has batches of 65,536 rows or about 16 MiB (64 MiB
 * where rows are large). The same rows and schema give the same bytes, however the rows are batched. A dictionary is
 * written before the first batch that uses it. If later batches bring new values, these follow as deltas at the end of
 * the file. Memory: one output batch and the dictionaries.
 * @throws UsageError for a dictionary of dictionaries
 */
export async function openArrowWriter({ path, schema: given }: TableOptions<Schema>): Promise<TableWriter> {
  const schema = numbered(given);
  const dictionaries: Dictionaries = new Map();
  const coalescer = new Coalescer(schema, dictionaries);
  const encoder = new FileEncoder(dictionaries);
  encoder.begin(schema);
  const file = await createFile(path);
  return {
    async write(batch) {
      for (const full of coalescer.push(batch)) {
        encoder.write(full);
        await file.append(encoder.drain());
      }
    },
    async finish() {
      const rest = coalescer.flush();
      if (rest !== undefined) encoder.write(rest);
      encoder.end();
      await file.append(encoder.drain());
      await file.finish();
    },
    abort: () => file.abort(),
  };
}

/**
 * Opens an Arrow IPC stream for writing, in which the batches stay as they come: each keeps the dictionaries that it has,
 * and so a writer that is given the batches of the stream does what it would have done with those written here.
 * `readTableBatches` reads them. Memory: one batch.
 * @throws UsageError for a dictionary of dictionaries
 */
export async function openArrowStreamWriter({ path, schema: given }: TableOptions<Schema>): Promise<TableWriter> {
  const schema = numbered(given);
  const encoder = new StreamEncoder();
  encoder.begin(schema);
  const file = await createFile(path);
  return {
    async write(batch) {
      // The types of the columns may have other dictionary ids than those of the schema.
      const run = oneRun(0, batch.numRows);
      const columns = schema.fields.map(({ type }, c) => {
        const builder = columnBuilder(type);
        builder.append(batch.data.children[c], run);
        return builder.take();
      });
      encoder.write(batchOf(schema, columns, batch.numRows));
      await file.append(encoder.drain());
    },
    async finish() {
      encoder.finish();
      await file.append(encoder.drain());
      await file.finish();
    },
    abort: () => file.abort(),
  };
}

/**
 * The schema with dictionary ids counted from 0. The ids that the fields bring come from a counter of the process, so
 * they would make the bytes of the file depend on earlier work.
 */
function numbered({ fields, metadata }: Schema): Schema {
  for (const field of fields) refuseNesting(field, field.name);
  let id = 0;
  return new Schema(
    fields.map((field) => ownDictionaries(field, () => id++)),
    metadata,
  );
}

function refuseNesting({ type }: Field, path: string): void {
  const children = (DataType.isDictionary(type) ? type.dictionary.children : type.children) as Field[] | null;
  for (const child of children ?? []) refuseNesting(child, `${path}.${child.name}`);
  if (DataType.isDictionary(type) && holdsDictionary(type.dictionary)) {
    throw new UsageError(`column ${JSON.stringify(path)} is a dictionary of dictionaries (${type}): decode it first`);
  }
}

function holdsDictionary(type: DataType): boolean {
  return ((type.children ?? []) as Field[]).some(
    (child) => DataType.isDictionary(child.type) || holdsDictionary(child.type),
  );
}

/**
 * apache-arrow's file writer without its queue, which has no back-pressure. The chunks written are collected here, and
 * the caller takes them with `drain` before it goes on.
 */
class FileEncoder extends RecordBatchFileWriter {
  readonly #dictionaries: Dictionaries;
  /** Chunks of each dictionary that are in the file, by its id. */
  readonly #written = new Map<number, number>();
  #chunks: Uint8Array[] = [];

  constructor(dictionaries: Dictionaries) {
    super();
    this.#dictionaries = dictionaries;
  }

  begin(schema: Schema): void {
    this.reset(this._sink, schema);
  }

  /** Writes the dictionaries that no batch used, the values added to the others since, and the footer. */
  end(): void {
    for (const [id, builder] of this.#dictionaries) {
      if (builder.dictionary === undefined) this._writeDictionaryBatch(emptyDictionary(builder.type).data[0], id);
      else this.#writeChunks(id, builder.dictionary.data);
    }
    this.finish();
  }

  /** Hands over the chunks written since the last call. */
  drain(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  protected override _write(chunk: ArrayBufferView): this {
    if (this._started) {
      const bytes = bytesOf(chunk);
      if (bytes.length > 0) this.#chunks.push(bytes);
      this._position += bytes.length;
    }
    return this;
  }

  // apache-arrow writes the schema of a file only to the footer. The format asks for it at the front too, for readers
  // that stream, so the method of the stream writer is called as well.
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return (RecordBatchWriter.prototype as unknown as FileEncoder)._writeSchema.call(this, schema) as this;
  }

  protected override _writeDictionaries(_batch: RecordBatch): this {
    for (const [id, { dictionary }] of this.#dictionaries) {
      if (dictionary !== undefined && !this.#written.has(id)) this.#writeChunks(id, dictionary.data);
    }
    return this;
  }

  /** Writes the chunks of a dictionary that are not in the file: the first as the dictionary, the others as deltas. */
  #writeChunks(id: number, chunks: readonly Data[]): void {
    const written = this.#written.get(id) ?? 0;
    for (let i = written; i < chunks.length; i++) this._writeDictionaryBatch(chunks[i], id, i > 0);
    this.#written.set(id, chunks.length);
  }
}

/** apache-arrow's stream writer without its queue, as `FileEncoder`. */
class StreamEncoder extends RecordBatchStreamWriter {
  #chunks: Uint8Array[] = [];

  begin(schema: Schema): void {
    this.reset(this._sink, schema);
  }

  /** Hands over the chunks written since the last call. */
  drain(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  protected override _write(chunk: ArrayBufferView): this {
    if (this._started) this.#chunks.push(bytesOf(chunk));
    return this;
  }
}
