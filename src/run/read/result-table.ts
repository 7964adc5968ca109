import { existsSync } from "node:fs";
import { join } from "node:path";
import { DataType, type RecordBatch } from "apache-arrow";
import { InputError } from "../../errors.js";
import { readSchema, readTableBatches } from "../../io/arrow/arrow.js";
import { batchTexts } from "../../io/schema/text-columns.js";
import type { DedupManifest } from "../work/dedup-folder.js";
import { acceptedTextColumns } from "./missing-field.js";

/** The options of a run that say where the texts of its tables are. */
type TextOptions = Pick<DedupManifest["options"], "textFields" | "vectorField">;

/** Some rows of a table that bge-dedup wrote. */
export interface ResultBatch {
  /** Numbers of the rows. */
  readonly rows: Float64Array;
  /** Positions of their vectors, -1 for none. */
  readonly vectors: Float64Array;
  /** Their texts; null only where the input has vectors instead of texts. */
  readonly texts: readonly (string | null)[];
  readonly batch: RecordBatch;
}

/** The path of a file of a result. @throws InputError that says how to get the file where it is missing */
export function resultFile(options: {
  readonly folder: string;
  readonly manifest: Pick<DedupManifest, "outputs">;
  readonly name: string;
  /** What the file is for, as in "explain". */
  readonly needs: string;
}): string {
  const { folder, manifest, name, needs } = options;
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const written = manifest.outputs.some((output) => output.name === name);
  throw new InputError(
    written
      ? `${path} is missing, though the run wrote it; run bge-dedup again`
      : `${path} is missing; ${needs} needs the Arrow files of a run (bge-dedup --format arrow)`,
  );
}

/**
 * Reads kept.arrow or removed.arrow, a batch at a time.
 * @throws InputError where the file is damaged or lacks a column that bge-dedup writes
 */
export async function* readResultTable(path: string, options: TextOptions): AsyncGenerator<ResultBatch> {
  const textsOf = await textReader(path, options);
  for await (const batch of readTableBatches(path)) {
    const [rows, vectors] = [numbersOf(batch, "_row", path), numbersOf(batch, "_vector", path)];
    yield { rows, vectors, texts: textsOf(batch), batch };
  }
}

/**
 * Finds the text columns of a table that bge-dedup or bge-cluster wrote.
 * @returns reads the texts of a batch of the table; null for a row without one
 * @throws InputError where the table lacks a text column
 */
export async function textReader(
  path: string,
  options: TextOptions,
): Promise<(batch: RecordBatch) => readonly (string | null)[]> {
  const columns = acceptedTextColumns(await readSchema(path), options, path);
  return (batch) => batchTexts(batch, columns, true).texts;
}

/**
 * A column of numbers; a null becomes -1.
 * @param path of the table, for messages
 * @throws InputError where the table lacks the column, or has something else than numbers in it
 */
export function numbersOf(batch: RecordBatch, name: string, path: string): Float64Array {
  const column = batch.getChild(name);
  if (column === null) throw new InputError(`${path} has no column ${name}; name a folder that bge-dedup wrote`);
  if (!DataType.isInt(column.type) && !DataType.isFloat(column.type))
    throw new InputError(`column ${name} of ${path} is ${column.type}, expected numbers; run bge-dedup again`);
  const numbers = new Float64Array(batch.numRows);
  const values: unknown = column.data[0]?.values;
  if (!(values instanceof BigUint64Array)) {
    for (let i = 0; i < numbers.length; i++) numbers[i] = Number(column.get(i) ?? -1);
    return numbers;
  }
  // Two 32-bit words, the lower one first, are read ten times as fast as a bigint.
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * numbers.length);
  const [data] = column.data;
  for (let i = 0; i < numbers.length; i++) numbers[i] = words[2 * i] + words[2 * i + 1] * 2 ** 32;
  for (let i = 0; data.nullCount > 0 && i < numbers.length; i++) if (!data.getValid(i)) numbers[i] = -1;
  return numbers;
}
