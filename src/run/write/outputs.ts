import type { Data, RecordBatch, Schema } from "apache-arrow";
import { orderFieldOf } from "../../exact/priority.js";
import { openArrowWriter } from "../../io/arrow/write.js";
import { takeRows } from "../../io/columns/take.js";
import type { TableWriter } from "../../io/table-writer.js";
import type { Decisions, Reason } from "../../join/decisions.js";
import type { Stage } from "../../reporter.js";
import type { DedupOptions, Format } from "../options.js";
import type { FindMisfit } from "../read/check-inputs.js";
import { type ReadableInputs, readRows } from "../read/read-rows.js";
import {
  type CarriedColumn,
  carriedBatch,
  carriedColumns,
  DEDUP_COLUMNS,
  KEPT_IN,
  keptBatch,
  keptSchema,
  removedBatch,
  removedSchema,
} from "./output-columns.js";

/** Opens a table for writing. */
export type OpenTable = (options: { path: string; schema: Schema }) => Promise<TableWriter>;

/** Opens the writer of each format. Parquet and JSONL are loaded only when needed. */
export const WRITERS: Readonly<Record<Format, OpenTable>> = {
  arrow: openArrowWriter,
  parquet: async (options) => (await import("../../io/parquet/write.js")).openParquetWriter(options),
  jsonl: async (options) => (await import("../../io/jsonl/write.js")).openJsonlWriter(options),
};

/** Finds a value that the tables of some formats cannot hold; undefined where they hold all that Arrow does. */
export async function misfitOf(formats: readonly Format[]): Promise<FindMisfit | undefined> {
  return formats.includes("parquet") ? (await import("../../io/parquet/misfit.js")).parquetMisfit : undefined;
}

/** Number of rows that went to each table. */
export interface OutputCounts {
  readonly kept: number;
  readonly removed: Readonly<Record<Reason, number>>;
  /** Rows of these that go on account of a row of each folder that `keptIn` numbers. */
  readonly against: readonly number[];
  /** Those of all these whose texts are equal to that of the row of the references. */
  readonly known: { readonly exact: number; readonly normalized: number };
  /** Names of the files written. */
  readonly files: readonly string[];
}

/** The options of a run that say what its tables hold. */
export type OutputOptions = Pick<DedupOptions, "formats" | "textFields" | "vectorField" | "idField" | "keep">;

/** The columns that flags name. */
function namedColumns({ textFields, vectorField, idField, keep }: OutputOptions): string[] {
  const columns = [...textFields, vectorField, idField, orderFieldOf(keep)];
  return columns.filter((name) => name !== undefined);
}

/**
 * The second pass: reads the inputs again and writes every accepted row to kept or removed, in every format asked for.
 * If a write fails, all tables are given up.
 * @param options.folders paths of the folders that `keptIn` numbers, where the run has references
 * @param options.path returns the path under which a file of that name is built
 * @throws Error if an input has changed since the first pass
 */
export async function writeOutputs(options: {
  inputs: ReadableInputs;
  decisions: Decisions;
  folders?: readonly string[];
  options: OutputOptions;
  /** Writes kept.FORMAT and removed.FORMAT by the names of the formats; the writers of the formats asked for if absent. */
  writers?: readonly (readonly [format: string, open: OpenTable])[];
  path: (name: string) => string;
  stage: Stage;
  note: (message: string) => void;
  signal?: AbortSignal;
}): Promise<OutputCounts> {
  const { inputs, decisions, folders, path, stage, note, signal } = options;
  const { writers = options.options.formats.map((format) => [format, WRITERS[format]] as const) } = options;
  const named = namedColumns(options.options);
  const own = folders === undefined ? DEDUP_COLUMNS : [...DEDUP_COLUMNS, KEPT_IN];
  const carried = carriedColumns(inputs.schema, own, named);
  noteReplaced(inputs.schema, carried, note);
  const input = carried.map(({ field }) => field);
  const kept = new OutputTable(keptSchema(input), keptBatch);
  const removed = new OutputTable(removedSchema(input, folders !== undefined), (...batch) =>
    removedBatch(...batch, folders),
  );
  const files: string[] = [];
  const reasons = { exact: 0, normalized: 0, semantic: 0 };
  const against = (folders ?? []).map(() => 0);
  const known = { exact: 0, normalized: 0 };
  try {
    for (const [format, open] of writers) {
      files.push(`kept.${format}`, `removed.${format}`);
      await kept.open(open, path(`kept.${format}`));
      await removed.open(open, path(`removed.${format}`));
    }
    for await (const { rows, columns, bytesRead } of readRows(inputs)) {
      signal?.throwIfAborted();
      const stay: number[] = [];
      const go: number[] = [];
      for (let i = 0; i < rows.length; i++) {
        if (decisions.isKept(rows[i])) stay.push(i);
        else {
          go.push(i);
          const reason = decisions.reason(rows[i]);
          reasons[reason]++;
          const folder = decisions.keptIn(rows[i]);
          if (folder < 0) continue;
          against[folder]++;
          if (reason !== "semantic") known[reason]++;
        }
      }
      const carriedRows = carriedBatch(columns, carried);
      await kept.write(rows, carriedRows, stay, decisions);
      await removed.write(rows, carriedRows, go, decisions);
      stage.advance(bytesRead, (rows.at(-1) ?? -1) + 1);
    }
    const bytes = inputs.sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    stage.advance(bytes, inputs.index.firstRows.at(-1));
    await Promise.all([kept.finish(), removed.finish()]);
  } catch (error) {
    await kept.abort();
    await removed.abort();
    throw error;
  }
  return { kept: kept.rows, removed: reasons, against, known, files };
}

/** Says which columns of the inputs the outputs leave out, if any. */
function noteReplaced({ fields }: Schema, carried: readonly CarriedColumn[], note: (message: string) => void): void {
  const indices = new Set(carried.map(({ index }) => index));
  const names = fields.filter((_, index) => !indices.has(index)).map(({ name }) => name);
  if (names.length === 0) return;
  note(`the inputs hold results of bge-dedup: its columns there take the place of older ones (${names.join(", ")})`);
}

/** One table, written in every format asked for. */
class OutputTable {
  readonly #schema: Schema;
  readonly #toBatch: typeof keptBatch;
  readonly #writers: TableWriter[] = [];
  /** Number of rows written. */
  rows = 0;

  constructor(schema: Schema, toBatch: typeof keptBatch) {
    this.#schema = schema;
    this.#toBatch = toBatch;
  }

  async open(open: OpenTable, path: string): Promise<void> {
    this.#writers.push(await open({ path, schema: this.#schema }));
  }

  /** Writes the rows at the indices `at` of a batch. */
  async write(rows: Float64Array, columns: RecordBatch, at: readonly number[], decisions: Decisions): Promise<void> {
    if (at.length === 0) return;
    const taken: readonly Data[] = takeRows(columns, Uint32Array.from(at)).data.children;
    const numbers = at.map((i) => rows[i]);
    const batch = this.#toBatch(this.#schema, numbers, taken, decisions);
    for (const writer of this.#writers) await writer.write(batch);
    this.rows += at.length;
  }

  async finish(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.finish()));
  }

  async abort(): Promise<void> {
    for (const writer of this.#writers) await writer.abort().catch(() => {});
  }
}
