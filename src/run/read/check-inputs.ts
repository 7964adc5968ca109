import type { RecordBatch, Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import type { InputFile } from "../../io/open-sources.js";
import type { Misfit } from "../../io/parquet/misfit.js";
import { RejectedRecords } from "../../io/rejected-records.js";
import { type ScannedColumns, sourcesSchema } from "../../io/schema/source-schema.js";
import type { ReadOptions, Source } from "../../io/source.js";
import type { Reporter } from "../../reporter.js";
import { type SharedOptions, TEXT_FIELD } from "../options.js";
import { requireColumn } from "./missing-field.js";
import type { RememberedScans } from "./remembered-scans.js";
import { type ScannedFile, ScannedInputs } from "./scanned-inputs.js";

/** Finds a value that the outputs cannot hold. */
export type FindMisfit = (columns: RecordBatch) => Misfit | undefined;

/** Options of `checkInputs`. */
export interface CheckInputsOptions {
  readonly files: readonly InputFile[];
  readonly shared: SharedOptions;
  /** Field that orders the rows, if one does. */
  readonly orderField?: string;
  readonly misfit?: FindMisfit;
  /** Remembers the scans for the first pass. */
  readonly remembered?: RememberedScans;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Reads every input to its end before a model is loaded, so that whatever can end the run because of the inputs ends it
 * now: damaged files, fields that are missing, columns that collide or cannot be written, too many rejects, and inputs
 * of which nothing could be used. Reading twice takes a small part of the time of embedding.
 * @throws InputError, UsageError or BrakeError
 */
export async function checkInputs(options: CheckInputsOptions): Promise<void> {
  const { files, shared, orderField, misfit, remembered, reporter, signal } = options;
  const sources = files.map(({ source }) => source);
  const stage = reporter.stage(
    "check",
    sources.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  const scanned = new ScannedInputs(shared);
  const rejected: RejectedRecords[] = [];
  let vectorDim = 0;
  let bytesBefore = 0;
  for (const { source, format, path } of files) {
    const { textFields, vectorField } = shared;
    const file: ScannedFile = { name: source.name, format, path };
    const ofFile = new RejectedRecords(source.name);
    rejected.push(ofFile);
    scanned.begin(file);
    const fields = { textFields, orderField, vectorField, vectorDim };
    for await (const batch of remembered?.scan(source, fields) ?? source.scan(fields)) {
      const { texts, rejects, vectors, bytesRead } = batch;
      ofFile.add(texts.length, rejects);
      scanned.add(file, texts.length, rejects);
      vectorDim = vectors?.dim ?? 0;
      signal?.throwIfAborted();
      stage.advance(bytesBefore + bytesRead, scanned.records);
    }
    bytesBefore += source.byteLength;
  }
  await scanned.requireUseful();
  const schema = await checkSchema(sources, { shared, orderField, note: reporter.note });
  for (const [s, source] of sources.entries()) {
    await checkColumns(source, { schema, rejected: rejected[s] }, misfit, signal);
  }
  stage.end();
}

/**
 * Unites the schemas of all sources and checks that they have the columns that flags name.
 * @param options.note told of folders whose names are columns of the inputs
 * @returns the schema of the run
 * @throws InputError where a column is missing or two have one name; UsageError where the column of `--source-field` is
 * there already
 */
export async function checkSchema(
  sources: readonly ScannedColumns[],
  options: { readonly shared: SharedOptions; readonly orderField?: string; readonly note: Reporter["note"] },
): Promise<Schema> {
  const { shared, orderField, note } = options;
  const schema = await sourcesSchema(sources, shared);
  const dropped = sources[0].added?.filter((field) => !schema.fields.includes(field)) ?? [];
  for (const { name } of dropped) {
    note(`the inputs have a column ${name} of their own, so the folders ${name}=... are not added as one`);
  }
  requireColumn(schema, "--id-field", shared.idField);
  // Vectors need no text, so the default field may be absent; a field that somebody names is meant.
  if (shared.vectorField !== undefined) {
    for (const field of shared.textFields) if (field !== TEXT_FIELD) requireColumn(schema, "--text-field", field);
  }
  requireColumn(schema, "--keep", orderField);
  return schema;
}

/**
 * Reads the columns of a columnar file, which its scan has not decoded. Of records the scan has parsed everything.
 * @throws InputError where they cannot be read, cast or written
 */
export async function checkColumns(
  source: Source,
  options: ReadOptions,
  misfit: FindMisfit | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (source.inferred !== undefined) return;
  for await (const { columns, records } of source.read(options)) {
    signal?.throwIfAborted();
    const found = misfit?.(columns);
    if (found === undefined) continue;
    const { column, row, reason } = found;
    throw new InputError(`${source.name}: row ${records[row] + 1}: column ${JSON.stringify(column)}: ${reason}`);
  }
}
