import { open, stat } from "node:fs/promises";
import type { Schema } from "apache-arrow";
import { FailedRunError, InputError } from "../errors.js";
import { byteStream, type Compression } from "./compress/decompress.js";
import { buildRecordBatch } from "./jsonl/columns.js";
import { KeptColumns } from "./jsonl/kept-columns.js";
import type { JsonObject } from "./jsonl/numbers.js";
import type { BadRecord, RecordBlock } from "./jsonl/record-block.js";
import { judgeRecord, rawRecord } from "./judge-record.js";
import { InferredFields, observeFields } from "./schema/infer.js";
import { inferredSchema } from "./schema/infer-schema.js";
import { RecordFields } from "./schema/record-fields.js";
import type { RawRecord, ReadBatch, ReadOptions, Reject, ScannedBatch, ScanOptions, Source } from "./source.js";
import { type TextEncoding, utf8Stream } from "./text-encoding.js";

/** Largest number of distinct top-level fields of a file. */
export const MAX_COLUMNS = 10_000;

const MAX_ROWS = 8192;
/** UTF-16 units of the lines of a batch; only its last line may exceed the limit. */
const MAX_CHARS = 1 << 20;
/** Rows × columns of a batch: bounds the memory of sparse records with thousands of fields. */
const MAX_CELLS = 1 << 21;

/** How the bytes of a text file become records. A pass over a file uses a format of its own. */
export interface RecordFormat {
  /** Cuts UTF-8 bytes into records. */
  split(chunks: AsyncIterable<Uint8Array>): AsyncIterable<RecordBlock>;
  /** The object that each record holds, or one sentence in lower case on why it holds none. */
  parse(lines: RecordBlock["lines"]): readonly (JsonObject | string)[];
}

/** A file of records, whose columns are known only when all of them have been read. */
export interface RecordSource extends Source {
  /** SHA-256 of the file as stored, in hexadecimal, once `scan` or `read` has ended. */
  readonly sha256: string | undefined;
  /**
   * Summary of the accepted records' fields, once `scan` has ended; `mergeInferredFields` joins those of several files.
   */
  readonly inferred: InferredFields | undefined;
}

/** A text file and how it is stored. */
export interface RecordFileOptions extends TextEncoding {
  readonly path: string;
  /** Name in messages and in the manifest. */
  readonly name: string;
  readonly compression?: Compression;
  /** What the file was when it was scanned before, possibly by another process. */
  readonly stamp?: { readonly sha256?: string };
  /** Creates the format for one pass. */
  readonly format: () => RecordFormat;
}

/** Opens a file of records. @throws InputError where the path is missing, is no regular file or cannot be read */
export async function openRecordFile(options: RecordFileOptions): Promise<RecordSource> {
  const { path, name } = options;
  try {
    const stats = await stat(path);
    if (!stats.isFile()) throw new Error("it is no regular file");
    await (await open(path)).close();
    return new RecordFile(options, stats.size);
  } catch (cause) {
    throw new InputError(`cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}

/** The records of one batch. The same file gives the same batches, however its bytes arrive. */
interface RecordLines extends RecordBlock {
  readonly firstRecord: number;
  readonly bytesRead: number;
  readonly format: RecordFormat;
}

class RecordFile implements RecordSource {
  readonly name: string;
  readonly byteLength: number;
  sha256: string | undefined;
  inferred: InferredFields | undefined;
  readonly #options: RecordFileOptions;
  #kept: KeptColumns | undefined;
  /** Records in the file, once a pass has reached the end. */
  #records: number | undefined;

  constructor(options: RecordFileOptions, byteLength: number) {
    this.name = options.name;
    this.byteLength = byteLength;
    this.sha256 = options.stamp?.sha256;
    this.#options = options;
  }

  async *scan(options: ScanOptions): AsyncGenerator<ScannedBatch> {
    const fields = new RecordFields(options);
    const inferred = new InferredFields();
    const kept = options.reserve && new KeptColumns(options.reserve);
    this.#kept = kept;
    for await (const { firstRecord, lines, numbers, bytesRead, format } of this.#batches(MAX_ROWS)) {
      const values = format.parse(lines);
      const texts: (string | null | undefined)[] = [];
      fields.begin(lines.length);
      const accepted = kept?.open ? new AcceptedRecords(lines.length) : undefined;
      const order: unknown[] | undefined = options.orderField === undefined ? undefined : [];
      const rejects: Reject[] = [];
      for (let i = 0; i < lines.length; i++) {
        const record = judgeRecord(lines[i], values[i], { fields, row: i });
        if (record.fault !== undefined) {
          rejects.push({ ...rawRecord(lines[i], firstRecord + i, numbers[i]), error: record.fault });
          texts.push(null);
          order?.push(null);
          continue;
        }
        texts.push(record.text);
        accepted?.add(firstRecord + i, record.value);
        order?.push(fields.order(record.value));
        observeFields(inferred, record.value, record.unicode);
      }
      if (inferred.names.length > MAX_COLUMNS) {
        throw new InputError(
          `${this.name} has more than ${MAX_COLUMNS} distinct fields by line ${numbers[numbers.length - 1]} ` +
            `(the last is ${JSON.stringify(inferred.names[inferred.names.length - 1])}): nest them under one field`,
        );
      }
      if (accepted !== undefined && lines.length * inferred.names.length <= MAX_CELLS) {
        kept?.add(accepted.batch(inferredSchema(inferred), bytesRead), lines.length);
      } else kept?.close();
      yield { firstRecord, texts, vectors: fields.vectors, order, rejects, bytesRead };
    }
    this.inferred = inferred;
  }

  async schema(): Promise<Schema> {
    if (this.inferred === undefined) throw new Error(`the schema of ${this.name} is known only after a whole scan`);
    return inferredSchema(this.inferred);
  }

  async *read({ schema, rejected }: ReadOptions): AsyncGenerator<ReadBatch> {
    const kept = this.#kept === undefined ? 0 : yield* this.#kept.take(schema);
    if (kept === this.#records) return;
    const maxRows = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_CELLS / Math.max(1, schema.fields.length))));
    for await (const { firstRecord, lines, bytesRead, format } of this.#batches(maxRows)) {
      const skipped = Math.min(Math.max(0, kept - firstRecord), lines.length);
      if (skipped === lines.length) continue;
      const accepted = new AcceptedRecords(lines.length);
      const first = firstRecord + skipped;
      const count = lines.length - skipped;
      const records = rejected?.accepted(first, count) ?? Uint32Array.from({ length: count }, (_, i) => first + i);
      const values = format.parse(Array.from(records, (record) => lines[record - firstRecord]));
      for (let i = 0; i < records.length; i++) {
        const value = values[i];
        if (typeof value === "string") throw this.#changed();
        accepted.add(records[i], value);
      }
      yield accepted.batch(schema, bytesRead);
    }
  }

  async *reread(records: readonly number[]): AsyncGenerator<readonly RawRecord[]> {
    this.#kept = undefined;
    let next = 0;
    for await (const { firstRecord, lines, numbers } of this.#batches(MAX_ROWS)) {
      const found: RawRecord[] = [];
      for (; records[next] < firstRecord + lines.length; next++) {
        const at = records[next] - firstRecord;
        found.push(rawRecord(lines[at], records[next], numbers[at]));
      }
      if (found.length > 0) yield found;
      if (next === records.length) return;
    }
  }

  /**
   * Cuts the file into batches, by rows and characters alone.
   * @throws Error at the end of a second pass, where the file has another SHA-256 than in the first
   */
  async *#batches(maxRows: number): AsyncGenerator<RecordLines> {
    const { path, name, compression } = this.#options;
    const stream = byteStream({ path, name, compression, byteLength: this.byteLength });
    const format = this.#options.format();
    let firstRecord = 0;
    let chars = 0;
    let lines: (string | BadRecord)[] = [];
    let numbers: number[] = [];
    for await (const block of format.split(utf8Stream(stream, this.#options))) {
      for (let i = 0; i < block.lines.length; i++) {
        const line = block.lines[i];
        lines.push(line);
        numbers.push(block.numbers[i]);
        chars += typeof line === "string" ? line.length : line.raw.length;
        if (lines.length < maxRows && chars < MAX_CHARS) continue;
        yield { firstRecord, lines, numbers, bytesRead: stream.bytesRead, format };
        firstRecord += lines.length;
        chars = 0;
        lines = [];
        numbers = [];
      }
    }
    if (lines.length > 0) yield { firstRecord, lines, numbers, bytesRead: stream.bytesRead, format };
    this.#records = firstRecord + lines.length;
    if (this.sha256 !== undefined && this.sha256 !== stream.sha256) throw this.#changed();
    this.sha256 = stream.sha256;
  }

  #changed(): Error {
    return new FailedRunError(
      `the input changed during the run: ${this.name} is not what it was when first read; start again`,
    );
  }
}

/** Gathers the accepted records of a batch, and turns them into columns. */
class AcceptedRecords {
  readonly #records: Uint32Array;
  readonly #values: JsonObject[] = [];

  constructor(capacity: number) {
    this.#records = new Uint32Array(capacity);
  }

  add(record: number, value: JsonObject): void {
    this.#records[this.#values.length] = record;
    this.#values.push(value);
  }

  /** @throws Error where a value does not fit the schema */
  batch(schema: Schema, bytesRead: number): ReadBatch {
    const values = this.#values;
    return { records: this.#records.slice(0, values.length), columns: buildRecordBatch(schema, values), bytesRead };
  }
}
