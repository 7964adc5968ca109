import type { Data, RecordBatch } from "apache-arrow";
import {
  DataType,
  Dictionary,
  Field,
  Float32,
  Int8,
  makeData,
  Schema,
  Uint32,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { stringColumn, uint64Column } from "../../io/columns/plain.js";
import { batchOf } from "../../io/columns/take.js";
import type { Decisions, Reason } from "../../join/decisions.js";

/** Columns that bge-dedup adds to those of the input. */
export const DEDUP_COLUMNS = ["_row", "_vector", "_group_size", "_kept_row", "_similarity", "_reason"];
/** Column of removed.arrow that names the folder of the kept row, where a run has references. */
export const KEPT_IN = "_kept_in";
/** Columns that bge-cluster adds to those of the input. */
export const CLUSTER_COLUMNS = ["_row", "cluster", "distance", "representative", "outlier"];

/** Key of the metadata that records the input name of a column that our tables rename. */
const NAME_KEY = "bge-dedup:name";

/** An input column that an output carries. */
export interface CarriedColumn {
  /** Its field in the output. */
  readonly field: Field;
  /** Its index among the input columns. */
  readonly index: number;
}

/**
 * The input columns of an output. A column named like one of ours is renamed: `_row` becomes `_row_in`, and so on. Every
 * column is carried, except those of `replacedColumns`.
 * @param named columns that flags name, which are carried in any case
 */
export function carriedColumns(
  schema: Schema,
  ours: readonly string[],
  named: readonly string[] = [],
): CarriedColumn[] {
  const replaced = replacedColumns(schema, ours, named);
  const taken = new Set(schema.fields.map(({ name }) => name).filter((name) => !replaced.includes(name)));
  return schema.fields.flatMap((field, index) => {
    if (replaced.includes(field.name)) return [];
    const { type, nullable } = field;
    // An input that is itself an output of ours may carry the metadata of its own renaming, which is stale here.
    const metadata = new Map(field.metadata);
    const stale = metadata.delete(NAME_KEY);
    if (!ours.includes(field.name)) {
      return [{ field: stale ? new Field(field.name, type, nullable, metadata) : field, index }];
    }
    let name = `${field.name}_in`;
    while (taken.has(name)) name += "_in";
    taken.add(name);
    return [{ field: new Field(name, type, nullable, metadata.set(NAME_KEY, field.name)), index }];
  });
}

/** What a column of ours can be where a table of ours comes back, in any format and after other tools. */
const isWhole = ({ type }: Field) => DataType.isInt(type) || DataType.isNull(type);
const isNumber = (field: Field) => isWhole(field) || DataType.isFloat(field.type);
const isBoolean = ({ type }: Field) => DataType.isBool(type);

/** Columns by which kept.arrow, removed.arrow and clusters.arrow are known. */
const OWN_TABLES: readonly (readonly (readonly [name: string, is: (field: Field) => boolean])[])[] = [
  ["_row", "_vector", "_group_size"].map((name) => [name, isWhole]),
  ["_row", "_vector", "_kept_row"].map((name) => [name, isWhole]),
  // Without _row, which a run of bge-dedup between two of bge-cluster renames.
  [
    ["cluster", isWhole],
    ["distance", isNumber],
    ["representative", isBoolean],
    ["outlier", isNumber],
  ],
];

/**
 * The input columns that an output leaves out, so that a result which is an input again and again keeps its columns. If
 * the input is a table of bge-dedup or bge-cluster, its own columns are renamed, `_row` to `_row_in`; if that table
 * already has such a `_row_in`, of the run before, the newer takes its place. A column of the user's that was once
 * renamed is never left out: of several names the longest is the latest, and all that identify a table must be there.
 * @param ours columns that the output adds to those of the input
 * @param named columns that flags name, which are carried in any case
 */
function replacedColumns({ fields }: Schema, ours: readonly string[], named: readonly string[] = []): string[] {
  /** The longest of `_row_in`, `_row_in_in` and so on. */
  const before = (own: string) =>
    fields
      .filter(({ name }) => name.startsWith(`${own}_in`) && /^(_in)+$/.test(name.slice(own.length)))
      .reduce<Field | undefined>((a, b) => (a === undefined || b.name.length > a.name.length ? b : a), undefined);
  const fedBack = OWN_TABLES.some((columns) =>
    columns.every(([own, is]) => {
      const earlier = before(own);
      return earlier !== undefined && is(earlier) && fields.some((field) => field.name === own && is(field));
    }),
  );
  if (!fedBack) return [];
  return ours.flatMap((own) => before(own)?.name ?? []).filter((name) => !named.includes(name));
}

/** The columns of a batch that an output carries, under the fields that it gives them. */
export function carriedBatch(batch: RecordBatch, carried: readonly CarriedColumn[]): RecordBatch {
  return batchOf(
    new Schema(carried.map(({ field }) => field)),
    carried.map(({ index }) => batch.data.children[index]),
    batch.numRows,
  );
}

/**
 * The schema of kept.arrow or removed.arrow under the column names of the input, so that the name in a flag is found.
 */
export function namesOfInput(schema: Schema): Schema {
  return new Schema(
    schema.fields.map((field, index) => {
      const { name, type, nullable, metadata } = field;
      const before = metadata.get(NAME_KEY);
      if (before !== undefined) return new Field(before, type, nullable, metadata);
      return isDedupColumn(schema, index) ? new Field(`${name} of bge-dedup`, type, nullable, metadata) : field;
    }),
  );
}

/**
 * Whether a column of a table is one that bge-dedup added. `_kept_in` is one of them behind `_kept_row` alone: elsewhere
 * it is a column of the input, which a run without references carries under its name.
 */
export function isDedupColumn({ fields }: Schema, index: number): boolean {
  const { name } = fields[index];
  return DEDUP_COLUMNS.includes(name) || (name === KEPT_IN && fields[index - 1]?.name === "_kept_row");
}

/** The column `_kept_in` of a batch of a removed table; undefined where the run had no references. */
export function keptInColumn(batch: RecordBatch): Vector | undefined {
  const { schema } = batch;
  const index = schema.fields.findIndex(({ name }, at) => name === KEPT_IN && isDedupColumn(schema, at));
  return index < 0 ? undefined : (batch.getChildAt(index) ?? undefined);
}

/** All reasons, in the order of the dictionary's indices. */
const REASONS: readonly Reason[] = ["exact", "normalized", "semantic"];
const reasonType = new Dictionary(new Utf8(), new Int8());
/** All batches share one dictionary, because the Arrow file format allows no later change of it. */
const reasonDictionary = vectorFromArray(REASONS, new Utf8());

/** Schema of kept.arrow over these input columns. */
export function keptSchema(input: readonly Field[]): Schema {
  return new Schema([
    new Field("_row", new Uint64(), false),
    ...input,
    new Field("_vector", new Uint64(), true),
    new Field("_group_size", new Uint32(), false),
  ]);
}

/** Schema of removed.arrow over these input columns; `_kept_in` is there where the run has references. */
export function removedSchema(input: readonly Field[], references = false): Schema {
  return new Schema([
    new Field("_row", new Uint64(), false),
    ...input,
    new Field("_vector", new Uint64(), true),
    new Field("_kept_row", new Uint64(), false),
    ...(references ? [new Field(KEPT_IN, new Utf8(), true)] : []),
    new Field("_similarity", new Float32(), false),
    new Field("_reason", reasonType, false),
  ]);
}

/**
 * Builds a batch of kept.arrow.
 * @param rows numbers of the kept rows
 * @param columns input columns of these rows
 */
export function keptBatch(
  schema: Schema,
  rows: readonly number[],
  columns: readonly Data[],
  to: Decisions,
): RecordBatch {
  const sizes = Uint32Array.from(rows, (row) => to.groupSize(row));
  return batchOf(
    schema,
    [
      uint64Column(rows),
      ...columns,
      uint64Column(rows.map((row) => to.vector(row))),
      makeData({ type: new Uint32(), length: rows.length, nullCount: 0, data: sizes }),
    ],
    rows.length,
  );
}

/**
 * Builds a batch of removed.arrow.
 * @param rows numbers of the removed rows
 * @param columns input columns of these rows
 * @param folders paths of the folders that `keptIn` numbers, where the run has references
 */
export function removedBatch(
  schema: Schema,
  rows: readonly number[],
  columns: readonly Data[],
  to: Decisions,
  folders?: readonly string[],
): RecordBatch {
  const length = rows.length;
  const similarity = Float32Array.from(rows, (row) => to.similarity(row));
  const reasons = Int8Array.from(rows, (row) => REASONS.indexOf(to.reason(row)));
  return batchOf(
    schema,
    [
      uint64Column(rows),
      ...columns,
      uint64Column(rows.map((row) => to.vector(row))),
      uint64Column(rows.map((row) => to.keptRow(row))),
      ...(folders === undefined ? [] : [stringColumn(rows.map((row) => folders[to.keptIn(row)] ?? null))]),
      makeData({ type: new Float32(), length, nullCount: 0, data: similarity }),
      makeData({ type: reasonType, length, nullCount: 0, data: reasons, dictionary: reasonDictionary }),
    ],
    length,
  );
}
