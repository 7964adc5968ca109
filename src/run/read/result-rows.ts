import type { RecordBatch, Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { type ArrowTable, openArrowTable } from "../../io/arrow/table.js";
import { type ColumnPath, resolveColumns } from "../../io/schema/column-paths.js";
import { batchTexts } from "../../io/schema/text-columns.js";
import type { Reason } from "../../join/decisions.js";
import { type DedupManifest, readDedupManifest, requireUnchanged } from "../work/dedup-folder.js";
import { KEPT_IN, namesOfInput } from "../write/output-columns.js";
import { acceptedTextColumns } from "./missing-field.js";
import { resultFile } from "./result-table.js";
import { columnNames, rowIds, rowsWithId } from "./row-ids.js";

/** A kept or removed row of a result, as its table has it. */
export type ResultRow = KeptRow | RemovedRow;

interface TableRow {
  readonly row: number;
  /** The id as a person writes it; absent where no id field is known, null where the row has none. */
  readonly id?: string | null;
  /** The text, several fields joined by newlines; null where the row has only a vector. */
  readonly text: string | null;
  /** Position in embeddings.arrow; -1 where the text has no direction. */
  readonly vector: number;
}

/** A row of kept.arrow. */
export interface KeptRow extends TableRow {
  readonly fate: "kept";
  /** Rows that it stands for, itself among them. */
  readonly groupSize: number;
}

/** A row of removed.arrow. */
export interface RemovedRow extends TableRow {
  readonly fate: "removed";
  /** The kept row on whose account it goes. */
  readonly keptRow: number;
  /** Folder of a reference that holds this kept row, as `_kept_in` names it; undefined for this folder. */
  readonly keptIn?: string;
  /** As stored, float32. */
  readonly similarity: number;
  readonly reason: Reason;
}

/** The rows of a folder that bge-dedup wrote, read at random. Each costs a few reads, however large the tables are. */
export interface ResultRows {
  readonly folder: string;
  readonly manifest: DedupManifest;
  readonly kept: ArrowTable;
  readonly removed: ArrowTable;
  /** Field of the ids: the one asked for, or the manifest's; undefined where there is none. */
  readonly idField: string | undefined;
  /** Reads the kept or removed row of this number; undefined where it is rejected or beyond the rows of the run. */
  find(row: number): Promise<ResultRow | undefined>;
  /** Reads the kept row of this number. @throws InputError where there is none, so that the folder is damaged */
  findKept(row: number): Promise<KeptRow>;
  /** Reads the removed row at this place of removed.arrow. */
  removedAt(at: number): Promise<RemovedRow>;
  /** Number of rejected rows before this one, kept and removed rows being found by bisection. */
  rejectedBefore(row: number): number;
  /** Numbers of all rows with this id, kept ones first; scans the column of the ids. @throws InputError without an id field */
  withId(id: string): Promise<number[]>;
  /** Makes sure that the folder is still the one that was opened. @throws FailedRunError where it was written anew */
  requireUnchanged(): Promise<void>;
  close(): Promise<void>;
}

const KEPT_COLUMNS = ["_row", "_vector", "_group_size"];
const REMOVED_COLUMNS = ["_row", "_vector", "_kept_row", "_similarity", "_reason"];

/**
 * Opens a folder that bge-dedup wrote with `--format arrow`, without a lock and without changing it.
 * @param options.idField field of the ids (that of the manifest)
 * @param options.needs what the tables are for, as in "explain", for messages
 * @throws InputError where the folder is none of bge-dedup's, its publication is under way, a table is missing or
 * damaged, or there is no such id field
 */
export async function openResultRows(options: {
  readonly folder: string;
  readonly idField?: string;
  readonly needs: string;
}): Promise<ResultRows> {
  const { folder, needs } = options;
  const manifest = await readDedupManifest(folder);
  const idField = options.idField ?? manifest.options.idField;
  const paths = ["kept.arrow", "removed.arrow"].map((name) => resultFile({ folder, manifest, name, needs }));
  const kept = await openArrowTable(paths[0]);
  const removed = await openArrowTable(paths[1]).catch(async (error: unknown) => {
    await kept.close();
    throw error;
  });
  try {
    const keptRows = rowReader(kept, KEPT_COLUMNS, manifest, idField);
    const removedColumns = manifest.references === undefined ? REMOVED_COLUMNS : [...REMOVED_COLUMNS, KEPT_IN];
    const removedRows = rowReader(removed, removedColumns, manifest, idField);
    return resultRows({ folder, manifest, idField, kept, removed, keptRows, removedRows });
  } catch (error) {
    await Promise.all([kept.close(), removed.close()]);
    throw error;
  }
}

/** Reads rows of one table. */
interface RowReader {
  /** Reads what both tables have, and the batch of the row's own columns. */
  read(at: number): Promise<{ readonly base: TableRow; readonly batch: RecordBatch }>;
  /** Yields the places of all rows with this id. */
  withId(id: string): AsyncGenerator<number>;
}

function rowReader(
  table: ArrowTable,
  own: readonly string[],
  { options }: DedupManifest,
  idField: string | undefined,
): RowReader {
  const { schema, path } = table;
  const missing = own.find((name) => !schema.fields.some((field) => field.name === name));
  if (missing !== undefined)
    throw new InputError(`${path} has no column ${missing}; name a folder that bge-dedup wrote`);
  const idOf = (part: Schema): ColumnPath | undefined =>
    // A table without rows may lack the columns of the input.
    idField === undefined || table.rows === 0 ? undefined : resolveColumns(namesOfInput(part), [idField], path)[0];
  const id = idOf(schema);
  const idColumns = id === undefined ? [] : columnNames(schema, [id]);
  const texts = columnNames(schema, acceptedTextColumns(schema, options, path));
  const columns = [...new Set([...own, ...idColumns, ...texts])];
  return {
    async read(at) {
      const batch = await table.row(columns, at);
      const ids = id === undefined ? undefined : rowIds(batch, idOf(batch.schema) as ColumnPath);
      const paths = acceptedTextColumns(batch.schema, options, path);
      const text = paths.length === 0 ? null : batchTexts(batch, paths, true).texts[0];
      const base = { row: numberOf(batch, "_row"), text, vector: numberOf(batch, "_vector") };
      return { batch, base: ids === undefined ? base : { ...base, id: ids(0) } };
    },
    async *withId(wanted) {
      for await (const { first, batch } of table.scan(idColumns)) {
        const column = idOf(batch.schema);
        if (column === undefined) continue;
        for (const row of rowsWithId(batch, column, wanted)) yield first + row;
      }
    },
  };
}

/** A number of the first row of a batch; -1 for a null. */
function numberOf(batch: RecordBatch, name: string): number {
  return Number((batch.getChild(name)?.get(0) as bigint | number | null | undefined) ?? -1);
}

function resultRows(parts: {
  readonly folder: string;
  readonly manifest: DedupManifest;
  readonly idField: string | undefined;
  readonly kept: ArrowTable;
  readonly removed: ArrowTable;
  readonly keptRows: RowReader;
  readonly removedRows: RowReader;
}): ResultRows {
  const { folder, manifest, idField, kept, removed, keptRows, removedRows } = parts;

  async function findKept(row: number): Promise<KeptRow | undefined> {
    const at = kept.countBelow("_row", row);
    if (at === kept.rows) return undefined;
    const { base, batch } = await keptRows.read(at);
    if (base.row !== row) return undefined;
    return { ...base, fate: "kept", groupSize: numberOf(batch, "_group_size") };
  }

  async function removedAt(at: number): Promise<RemovedRow> {
    const { base, batch } = await removedRows.read(at);
    const keptIn = manifest.references && (batch.getChild(KEPT_IN)?.get(0) as string | null);
    return {
      ...base,
      fate: "removed",
      keptRow: numberOf(batch, "_kept_row"),
      ...(keptIn === undefined || keptIn === null ? {} : { keptIn }),
      similarity: numberOf(batch, "_similarity"),
      reason: String(batch.getChild("_reason")?.get(0)) as Reason,
    };
  }

  return {
    folder,
    manifest,
    idField,
    kept,
    removed,
    removedAt,
    async find(row) {
      const found = await findKept(row);
      if (found !== undefined) return found;
      const at = removed.countBelow("_row", row);
      const gone = at === removed.rows ? undefined : await removedAt(at);
      return gone?.row === row ? gone : undefined;
    },
    async findKept(row) {
      const found = await findKept(row);
      if (found !== undefined) return found;
      throw new InputError(
        `${kept.path} has no row ${row}, which another table names; prove the folder: bge-dedup verify`,
      );
    },
    rejectedBefore: (row) => row - kept.countBelow("_row", row) - removed.countBelow("_row", row),
    async withId(id) {
      if (idField === undefined)
        throw new InputError(`the run had no --id-field; name the field of the ids by --id-field`);
      const rows: number[] = [];
      for (const [reader, table] of [[keptRows, kept] as const, [removedRows, removed] as const]) {
        for await (const at of reader.withId(id)) rows.push(numberOf(await table.row(["_row"], at), "_row"));
      }
      return rows;
    },
    requireUnchanged: () => requireUnchanged(folder, manifest),
    async close() {
      await Promise.all([kept.close(), removed.close()]);
    },
  };
}
