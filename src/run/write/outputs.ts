import type { Schema } from "apache-arrow";
import { openArrowWriter } from "../../io/arrow/write.js";
import { takeRows } from "../../io/columns/take.js";
import type { Source } from "../../io/source.js";
import type { TableWriter } from "../../io/table-writer.js";
import type { Decisions, Reason } from "../../join/decisions.js";
import type { Stage } from "../../reporter.js";
import type { Format } from "../options.js";
import { DEDUP_COLUMNS, inputFields, keptBatch, keptSchema, removedBatch, removedSchema } from "./output-columns.js";

const WRITERS: Readonly<Record<Format, (options: { path: string; schema: Schema }) => Promise<TableWriter>>> = {
  arrow: openArrowWriter,
  parquet: async (options) => (await import("../../io/parquet/write.js")).openParquetWriter(options),
  jsonl: async (options) => (await import("../../io/jsonl/write.js")).openJsonlWriter(options),
};

/** Rows that went to each output. */
export interface OutputCounts {
  readonly kept: number;
  readonly removed: Readonly<Record<Reason, number>>;
  /** Names of the files written to `folder`. */
  readonly files: readonly string[];
}

/**
 * The second pass: reads the inputs again and writes every accepted row to kept or removed, in every format asked for.
 * @param schema unified schema of the sources
 * @param path where a file of that name is built
 */
export async function writeOutputs(options: {
  sources: readonly Source[];
  firstRows: readonly number[];
  textFields: readonly string[];
  vectorField?: string;
  vectorDim?: number;
  schema: Schema;
  decisions: Decisions;
  formats: readonly Format[];
  path: (name: string) => string;
  stage: Stage;
  signal?: AbortSignal;
}): Promise<OutputCounts> {
  const { sources, firstRows, textFields, vectorField, vectorDim, schema, decisions, formats, path, stage, signal } =
    options;
  const input = inputFields(schema, DEDUP_COLUMNS);
  const tables = { kept: keptSchema(input), removed: removedSchema(input) };
  const files: string[] = [];
  const writers: { kept: TableWriter[]; removed: TableWriter[] } = { kept: [], removed: [] };
  const counts = { kept: 0, removed: { exact: 0, normalized: 0, semantic: 0 } };
  try {
    for (const format of formats) {
      for (const table of ["kept", "removed"] as const) {
        files.push(`${table}.${format}`);
        writers[table].push(await WRITERS[format]({ path: path(`${table}.${format}`), schema: tables[table] }));
      }
    }
    let bytesBefore = 0;
    for (const [s, source] of sources.entries()) {
      for await (const { records, columns, bytesRead } of source.read({ textFields, vectorField, vectorDim, schema })) {
        signal?.throwIfAborted();
        const kept: number[] = [];
        const removed: number[] = [];
        const keptAt: number[] = [];
        const removedAt: number[] = [];
        for (let i = 0; i < records.length; i++) {
          const row = firstRows[s] + records[i];
          const keptRow = decisions.keptRow(row);
          if (keptRow < 0)
            throw new Error(`row ${row} of ${source.name} was rejected before: the input changed during the run`);
          if (keptRow === row) {
            kept.push(row);
            keptAt.push(i);
          } else {
            removed.push(row);
            removedAt.push(i);
            counts.removed[decisions.reason(row)]++;
          }
        }
        counts.kept += kept.length;
        if (kept.length > 0) {
          const data = takeRows(columns, Uint32Array.from(keptAt)).data.children;
          const batch = keptBatch(tables.kept, kept, data, decisions);
          for (const writer of writers.kept) await writer.write(batch);
        }
        if (removed.length > 0) {
          const data = takeRows(columns, Uint32Array.from(removedAt)).data.children;
          const batch = removedBatch(tables.removed, removed, data, decisions);
          for (const writer of writers.removed) await writer.write(batch);
        }
        stage.advance(bytesBefore + bytesRead, firstRows[s] + (records.at(-1) ?? 0) + 1);
      }
      bytesBefore += source.byteLength;
      stage.advance(bytesBefore, firstRows[s + 1]);
    }
    await Promise.all([...writers.kept, ...writers.removed].map((writer) => writer.finish()));
  } catch (error) {
    for (const writer of [...writers.kept, ...writers.removed]) await writer.abort().catch(() => {});
    throw error;
  }
  return { ...counts, files };
}
