import { DataType, type RecordBatch, type Schema } from "apache-arrow";
import { InputError, UsageError } from "../../errors.js";
import { HashTable } from "../../exact/hash-table.js";
import { readSchema, readTableBatches } from "../../io/arrow/arrow.js";
import type { CellReader } from "../../io/schema/cells.js";
import { type ColumnPath, resolveColumns } from "../../io/schema/column-paths.js";
import { hash128 } from "../read/hash.js";
import { numbersOf } from "../read/result-table.js";
import { rowIds } from "../read/row-ids.js";
import { namesOfInput } from "../write/output-columns.js";

/** Name by which `--id-field` means the numbers of the rows. */
const ROW_NUMBERS = "_row";

/** By which ids rows are exported. */
export interface IdChoice {
  /** Field of the ids; ROW_NUMBERS for the numbers of the rows. */
  readonly field: string;
  /** Whether the ids mean the same in another run: not so for bare numbers of rows. */
  readonly lasting: boolean;
  /** Text before every id; undefined for none. */
  readonly prefix?: string;
}

/** The ids of a table, checked. */
export interface RowIds {
  /** Whether all are whole numbers of 64 bits with a sign. */
  readonly whole: boolean;
  /** Reads the ids of a batch. */
  of(batch: RecordBatch): (row: number) => string;
  /** Whether a row of the table has this id. */
  has(id: string): boolean;
}

/** Largest whole number of 64 bits with a sign, and its digits. */
const LARGEST = 2n ** 63n - 1n;
const DIGITS = String(LARGEST).length;

/**
 * Reads all ids of a table once and makes sure that each row has one, and that no two rows have the same, as the later
 * would replace the earlier one. Memory: 24 bytes a row.
 * @param options.longest bytes of an id; more are refused
 * @throws InputError where there is no such field, or a row without an id, or two rows with the same one
 */
export async function checkIds(options: {
  readonly path: string;
  readonly choice: IdChoice;
  readonly longest: number;
  readonly signal?: AbortSignal;
}): Promise<RowIds> {
  const { path, choice, longest, signal } = options;
  const ids = await openIds(path, choice);
  const seen = new HashTable();
  const words = new Uint32Array(4);
  for await (const batch of readTableBatches(path)) {
    signal?.throwIfAborted();
    const rows = numbersOf(batch, "_row", path);
    const read = ids.of(batch);
    for (let i = 0; i < batch.numRows; i++) {
      const id = read(i);
      const refuse = (why: string) =>
        new InputError(
          `row ${rows[i]} ${why}; name another --id-field, or --id-field ${ROW_NUMBERS} --id-prefix TEXT for ids that are made of row numbers`,
        );
      if (id === null || id === "") throw refuse(`has no id in ${choice.field}`);
      if (ids.whole && id.length >= DIGITS && BigInt(id) > LARGEST)
        throw refuse(`has the id ${id}, beyond 64 bits with a sign`);
      if (Buffer.byteLength(id) > longest) throw refuse(`has an id of more than ${longest} bytes`);
      hash128(id, words);
      const before = seen.count;
      if (seen.findOrAdd(words) < before) throw refuse(`has the id ${JSON.stringify(id)} of an earlier row`);
    }
  }
  return {
    whole: ids.whole,
    of: (batch) => ids.of(batch) as (row: number) => string,
    has(id) {
      hash128(id, words);
      return seen.find(words) >= 0;
    },
  };
}

/** Finds the ids of a table, unchecked. Both kept.arrow and removed.arrow have them under the same path. */
export async function openIds(path: string, { field, prefix }: IdChoice) {
  const before = (id: string | null) => (id === null || prefix === undefined ? id : prefix + id);
  if (field === ROW_NUMBERS) {
    const of = (batch: RecordBatch): CellReader<string> => {
      const rows = numbersOf(batch, ROW_NUMBERS, path);
      return (row) => before(String(rows[row]));
    };
    return { whole: prefix === undefined, of };
  }
  const found = idPath(await readSchema(path), field, path);
  const [way, ...others] = found.ways;
  const whole =
    others.length === 0 && way.steps.every(({ kind }) => kind === "child") && DataType.isInt(way.field.type);
  const of = (batch: RecordBatch): CellReader<string> => {
    const read = rowIds(batch, found);
    return (row) => before(read(row)?.toWellFormed() ?? null);
  };
  return { whole: whole && prefix === undefined, of };
}

function idPath(schema: Schema, field: string, path: string): ColumnPath {
  return resolveColumns(namesOfInput(schema), [field], path)[0];
}

/** The ids that a command asks for, or else those of the run, or else the numbers of the rows. */
export function chooseIds(flags: { idField?: string; idPrefix?: string }, run: { idField?: string }): IdChoice {
  if (flags.idPrefix === "") throw new UsageError("--id-prefix is empty; expected a text, as 2026-11-27:");
  const field = flags.idField ?? run.idField ?? ROW_NUMBERS;
  return { field, lasting: field !== ROW_NUMBERS || flags.idPrefix !== undefined, prefix: flags.idPrefix };
}
