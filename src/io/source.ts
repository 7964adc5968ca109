import type { Field, RecordBatch, Schema } from "apache-arrow";
import type { RejectedRecords } from "./rejected-records.js";
import type { InferredFields } from "./schema/infer.js";

/** A record as it was received. */
export interface RawRecord {
  /** Source-local 0-based index of the record (blank lines are no records). */
  readonly record: number;
  /** 1-based line in which the record of a text file begins; for Parquet and Arrow the 1-based row. */
  readonly line: number;
  /**
   * The record as it was received: of a text file its text (invalid UTF-8 as base64, see `rawBase64`), of Parquet and
   * Arrow its JSON text.
   */
  readonly raw: string;
  /** True where `raw` holds base64 because the bytes are not valid UTF-8. */
  readonly rawBase64?: boolean;
}

/** A record that cannot be used. It is written to rejects.jsonl and counted; the run goes on. */
export interface Reject extends RawRecord {
  /** What is wrong, lower case, one sentence. */
  readonly error: string;
}

/** A reject as rejects.jsonl tells it. */
export type ToldReject = Omit<Reject, "record">;

/** The fields that a scan reads in every record. */
export interface ScanOptions {
  /** Column names or paths, see `fieldPath`, whose strings are joined by newlines to the text of a record. */
  readonly textFields: readonly string[];
  /** Column name or path whose lists of numbers are the records' vectors (`--vector-field`); then a record needs no text. */
  readonly vectorField?: string;
  /** Components of a vector, if earlier sources have set the number. */
  readonly vectorDim?: number;
  /** Column name or path whose value orders the rows (`--keep max:FIELD`), if any. */
  readonly orderField?: string;
  /**
   * Grants memory in which a scan may keep parsed columns for the second pass; `reserve(bytes)` returns false where
   * none is left. Without this function nothing is kept.
   */
  readonly reserve?: (bytes: number) => boolean;
}

/** Vectors of a batch as the column holds them, not normalised. */
export interface BatchVectors {
  /** Components of each, 0 while no usable vector has been seen. */
  readonly dim: number;
  /** records × dim, row-major; zeros where the record was rejected. */
  readonly values: Float32Array;
}

/** One batch of the first pass. It has the text of each record but no columns, which would have to stay in memory. */
export interface ScannedBatch {
  /** Source-local index of the batch's first record. */
  readonly firstRecord: number;
  /** One entry a record: its text; null where it was rejected; undefined where it has a vector and no text. */
  readonly texts: readonly (string | null | undefined)[];
  /** Vectors of the records, where a vector field was asked for. */
  readonly vectors?: BatchVectors;
  /** One entry a record where an order field was asked for: number, bigint, string, boolean, or null. */
  readonly order?: readonly unknown[];
  /** The batch's rejected records in order. */
  readonly rejects: readonly Reject[];
  /** Bytes of the file consumed so far, for progress (compressed bytes where it is compressed). */
  readonly bytesRead: number;
}

/** What the second pass is to read. */
export interface ReadOptions {
  /** A unified schema that covers the source's own. */
  readonly schema: Schema;
  /** Records to leave out, as the scan has found them; every record is read where it is absent. */
  readonly rejected?: RejectedRecords;
}

/** One batch of the second pass: the accepted records as Arrow columns. */
export interface ReadBatch {
  /** Source-local record index of each row of `columns`, ascending. */
  readonly records: Uint32Array;
  /** The accepted records under the schema that `read` was given. */
  readonly columns: RecordBatch;
  /** As in ScannedBatch. */
  readonly bytesRead: number;
}

/**
 * One input file, which is read twice: `scan` yields the texts, then `read` the columns. Both passes see the same
 * records in the same order; the scan judges them, and `read` leaves out the rejected ones. Memory: what `reserve` granted to the scan, and one batch (of
 * JSONL a record or about 1 MiB, of Parquet some pages, of Arrow 64 MiB or a whole compressed record batch).
 */
export interface Source {
  /** As shown to people and written to the manifest; "-" for standard input. */
  readonly name: string;
  /** Size in bytes of the file as stored. */
  readonly byteLength: number;
  /** SHA-256 of the file as stored, hexadecimal, where the scan has computed it. */
  readonly sha256?: string;
  /** Columns that do not lie in the file, see `withAddedColumns`. */
  readonly added?: readonly Field[];
  /** Of a file of records: the summary of the accepted records' fields, once `scan` has ended. */
  readonly inferred?: InferredFields;
  /** First pass. */
  scan(options: ScanOptions): AsyncGenerator<ScannedBatch>;
  /** The columns of the file in Arrow terms. For records inferred from every record, so only known once `scan` has ended. */
  schema(): Promise<Schema>;
  /**
   * Second pass: every accepted record, cast to the schema.
   * @throws Error where the file is seen to have changed since the scan
   */
  read(options: ReadOptions): AsyncGenerator<ReadBatch>;
  /**
   * Reads records once more that the scan accepted and that turned out to be unusable, for rejects.jsonl. Call it
   * between the passes: what a scan keeps in memory for the second pass is dropped, because it holds these records.
   * @param records source-local indices, ascending
   */
  reread(records: readonly number[]): AsyncGenerator<readonly RawRecord[]>;
}
