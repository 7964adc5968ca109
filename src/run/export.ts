import {
  type Data,
  Field,
  Float32,
  Int32,
  type RecordBatch,
  Schema,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { readSchema } from "../io/arrow/arrow.js";
import { float32Column, stringColumn, uint64Column } from "../io/columns/plain.js";
import { batchOf } from "../io/columns/take.js";
import type { TableWriter } from "../io/table-writer.js";
import { REASONS } from "../report/page/data.js";
import type { Reporter } from "../reporter.js";
import { openLayout } from "./export-layouts.js";
import type { TableLayout } from "./flags/export.js";
import { clusterAt, readClusters } from "./page/clusters.js";
import { reasonsOf } from "./page/reasons.js";
import { numbersOf, type ResultBatch, readResultTable, resultFile } from "./read/result-table.js";
import { readDedupManifest, requireUnchanged } from "./work/dedup-folder.js";
import { CLUSTER_COLUMNS, DEDUP_COLUMNS, keptInColumn } from "./write/output-columns.js";
import { EMBEDDINGS } from "./write/output-names.js";
import { writeParquetFile } from "./write/parquet-file.js";
import { requireNoInput, requireWritable } from "./write/target.js";

/** What `export` says of the file it wrote. */
export interface ExportSummary {
  readonly command: "export";
  readonly layout: TableLayout;
  readonly file: string;
  readonly rows: number;
  /** Rows without a vector and so without a place on the map, because their text has no direction. */
  readonly unplaced: number;
}

/** The columns of an exported row before those of the layout, and between these and those of the input. */
const FIRST = [new Field("row", new Uint64(), false), new Field("text", new Utf8(), true)];
const LAST = (references: boolean) => [
  new Field("cluster", new Int32(), true),
  new Field("cluster_terms", new Utf8(), true),
  new Field("fate", new Utf8(), false),
  new Field("kept_row", new Uint64(), true),
  ...(references ? [new Field("kept_in", new Utf8(), true)] : []),
  new Field("similarity", new Float32(), true),
];

/**
 * Writes all rows of a folder, kept and removed, with their texts and fates to a Parquet file. The layout `plain` adds the
 * vectors, `embedding-atlas` places on a map, for
 *
 *     embedding-atlas FILE.parquet --text text --x x --y y
 *
 * `kept_in` follows `kept_row` where the run has references, and names the one whose row that is; a row that goes on
 * account of a reference has no cluster here. Input columns follow under their own names; one that is named like a
 * column of the export is left out.
 * @param options.to as `checkExport` checked it
 * @throws InputError if the folder is not one that bge-dedup wrote in Arrow format; UsageError if `to` cannot be written
 * or is an input of that run; FailedRunError if another run writes to the folder meanwhile
 */
export async function exportFolder(options: {
  readonly folder: string;
  readonly to: string;
  readonly layout: TableLayout;
  readonly threads: number;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}): Promise<ExportSummary> {
  const { folder, to, layout, reporter, signal } = options;
  const manifest = await readDedupManifest(folder);
  requireNoInput(to, "to", manifest.inputs);
  await requireWritable(to, "to");
  const [keptPath, removedPath, storePath] = ["kept.arrow", "removed.arrow", EMBEDDINGS].map((name) =>
    resultFile({ folder, manifest, name, needs: "export" }),
  );
  const references = manifest.references !== undefined;
  const clusters = await readClusters(folder, manifest);
  const terms = new Map(clusters?.clusters.map(({ cluster, terms }) => [cluster, terms.join(", ")]));
  const { fields } = await readSchema(keptPath);
  const own = await openLayout(layout, { ...options, storePath });
  const added = [...FIRST, ...own.fields, ...LAST(references)];
  const taken = new Set([...added.map(({ name }) => name), ...DEDUP_COLUMNS, ...CLUSTER_COLUMNS]);
  const carried = fields.flatMap((field, index) => (taken.has(field.name) ? [] : [{ field, index }]));
  const schema = new Schema([...added, ...carried.map(({ field }) => field)]);
  const writing = reporter.stage("write", manifest.counts.kept + manifest.counts.removed);
  let [rows, unplaced] = [0, 0];
  const write = async (writer: TableWriter) => {
    for (const path of [keptPath, removedPath]) {
      for await (const table of readResultTable(path, manifest.options)) {
        signal?.throwIfAborted();
        const fates = fatesOf(table, path, path === removedPath);
        const cluster = Array.from(table.rows, (row, i) =>
          fates.keptIn[i] === null ? clusterAt(clusters, fates.kept[i] < 0 ? row : fates.kept[i]) : undefined,
        );
        await writeBatch(writer, schema, carriedColumns(table.batch, carried), {
          table,
          own: await own.columns(table.vectors),
          fates,
          references,
          cluster,
          terms,
        });
        rows += table.rows.length;
        unplaced += table.vectors.filter((vector) => vector < 0).length;
        writing.advance(rows);
      }
    }
  };
  try {
    await writeParquetFile({ to, schema, write, check: () => requireUnchanged(folder, manifest) });
  } finally {
    await own.close();
  }
  writing.end();
  return { command: "export", layout, file: to, rows, unplaced };
}

/** What became of the rows of a batch. */
interface Fates {
  readonly names: readonly string[];
  /** Kept row on whose account each goes; -1 for a kept one. */
  readonly kept: Float64Array;
  /** Folder of the reference that holds that row; null where it is this folder. */
  readonly keptIn: readonly (string | null)[];
  /** NaN for a kept one. */
  readonly similarities: Float64Array;
}

function fatesOf({ rows, batch }: ResultBatch, path: string, removed: boolean): Fates {
  if (!removed) {
    const none = (value: number) => new Float64Array(rows.length).fill(value);
    const keptIn = Array.from(rows, () => null);
    return { names: Array.from(rows, () => "kept"), kept: none(-1), keptIn, similarities: none(Number.NaN) };
  }
  const folders = keptInColumn(batch);
  return {
    names: Array.from(reasonsOf(batch, path), (reason) => `removed: ${REASONS[reason]}`),
    kept: numbersOf(batch, "_kept_row", path),
    keptIn: Array.from(rows, (_, i) => folders?.get(i) ?? null),
    similarities: numbersOf(batch, "_similarity", path),
  };
}

/** The input columns of a batch, in the order of `carried`. Both tables have them under the same names. */
function carriedColumns(batch: RecordBatch, carried: readonly { readonly field: Field }[]) {
  return carried.map(({ field }) => {
    const index = batch.schema.fields.findIndex(({ name }) => name === field.name);
    return batch.data.children[index];
  });
}

async function writeBatch(
  writer: TableWriter,
  schema: Schema,
  columns: RecordBatch["data"]["children"],
  from: {
    readonly table: ResultBatch;
    readonly own: readonly Data[];
    readonly fates: Fates;
    readonly references: boolean;
    readonly cluster: readonly (number | undefined)[];
    readonly terms: ReadonlyMap<number, string>;
  },
): Promise<void> {
  const { table, own, fates, references, cluster, terms } = from;
  const { rows, texts } = table;
  const added = [
    uint64Column(rows),
    stringColumn(texts),
    ...own,
    vectorFromArray(
      cluster.map((number) => number ?? null),
      new Int32(),
    ).data[0],
    stringColumn(cluster.map((number) => (number === undefined ? null : (terms.get(number) ?? null)))),
    stringColumn(fates.names),
    uint64Column(fates.kept),
    ...(references ? [stringColumn(fates.keptIn)] : []),
    float32Column(Array.from(fates.similarities, (value) => (Number.isNaN(value) ? null : value))),
  ];
  await writer.write(batchOf(schema, [...added, ...columns], rows.length));
}
