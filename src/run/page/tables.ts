import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RecordBatch } from "apache-arrow";
import { InputError } from "../../errors.js";
import { readSchema, readTableBatches } from "../../io/arrow/arrow.js";
import { batchTexts } from "../../io/schema/text-columns.js";
import { REASONS } from "../../report/page/data.js";
import { acceptedTextColumns } from "../read/missing-field.js";
import type { DedupManifest } from "../work/dedup-folder.js";

/** Some rows of a table with their texts. */
export interface TableRows {
  /** Row numbers, -1 where the table has none. */
  readonly rows: Float64Array;
  /** Positions of the vectors, -1 for none. */
  readonly vectors: Float64Array;
  /** Null only where the input has vectors instead of texts. */
  readonly texts: readonly (string | null)[];
  readonly batch: RecordBatch;
}

/** Numbers of unknown count in one array, which doubles when it is full. */
export class Column<T extends Float64Array | Float32Array | Uint32Array | Uint8Array> {
  #values: T;
  #length = 0;

  /** @param empty an array of the wanted type, whose values are not used */
  constructor(empty: T) {
    this.#values = empty;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new (this.#values.constructor as new (length: number) => T)(Math.max(1024, 2 * this.#length));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  /** The numbers so far, in an array that the column goes on to fill. */
  get values(): T {
    return this.#values.subarray(0, this.#length) as T;
  }
}

/**
 * Path of a table of the run.
 * @throws InputError where the run wrote none in Arrow format
 */
export function tablePath(folder: string, name: string, command: string): string {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  throw new InputError(`${path} is missing; ${command} needs the Arrow files of a bge-dedup run (--format arrow)`);
}

/**
 * Reads a table of the run, a batch at a time.
 * @throws InputError where the file is damaged or lacks a column that bge-dedup writes
 */
export async function* readTable(path: string, options: DedupManifest["options"]): AsyncGenerator<TableRows> {
  const paths = acceptedTextColumns(await readSchema(path), options, path);
  for await (const batch of readTableBatches(path)) {
    yield {
      rows: numbersOf(batch, "_row", path),
      vectors: numbersOf(batch, "_vector", path),
      texts: batchTexts(batch, paths, true).texts,
      batch,
    };
  }
}

/**
 * A column of numbers; a null becomes -1.
 * @throws InputError if the table lacks the column
 */
export function numbersOf(batch: RecordBatch, name: string, path: string): Float64Array {
  const column = batch.getChild(name);
  if (column === null) throw new InputError(`${path} has no column ${name}; name a folder that bge-dedup wrote`);
  const values = new Float64Array(batch.numRows);
  for (let i = 0; i < values.length; i++) values[i] = Number(column.get(i) ?? -1);
  return values;
}

/** Numbers of the reasons of removed rows, as in `REASONS`. @throws InputError for a reason of another version */
export function reasonsOf(batch: RecordBatch, path: string): Uint8Array {
  const column = batch.getChild("_reason");
  return Uint8Array.from({ length: batch.numRows }, (_, i) => {
    const reason = REASONS.indexOf(column?.get(i));
    if (reason >= 0) return reason;
    throw new InputError(
      `${path} has the reason ${column?.get(i)}; expected one of ${REASONS.join(", ")}: run bge-dedup again`,
    );
  });
}
