import type { RecordBatch } from "apache-arrow";
import { InputError } from "../../errors.js";
import { likelyCause } from "../../io/likely-cause.js";
import type { InputFile } from "../../io/open-sources.js";
import type { Misfit } from "../../io/parquet/misfit.js";
import { RejectedRecords } from "../../io/rejected-records.js";
import { sourcesSchema } from "../../io/schema/source-schema.js";
import type { ReadOptions, Reject, Source } from "../../io/source.js";
import type { Reporter } from "../../reporter.js";
import { shellWord } from "../../shell-word.js";
import { RejectsBrake } from "../check/rejects-brake.js";
import { type SharedOptions, TEXT_FIELD } from "../options.js";
import { MissingTextField, requireColumn } from "./missing-field.js";

/** Options of `checkInputs`. */
export interface CheckInputsOptions {
  readonly files: readonly InputFile[];
  readonly shared: SharedOptions;
  /** Field that orders the rows, if one does. */
  readonly orderField?: string;
  /** Finds a value that the outputs cannot hold. */
  readonly misfit?: (columns: RecordBatch) => Misfit | undefined;
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
  const { files, shared, orderField, misfit, reporter, signal } = options;
  const sources = files.map(({ source }) => source);
  const stage = reporter.stage(
    "check",
    sources.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  const scanned = new ScannedInputs(options);
  let bytesBefore = 0;
  for (const file of files) {
    for await (const bytesRead of scanned.scan(file, orderField)) {
      signal?.throwIfAborted();
      stage.advance(bytesBefore + bytesRead, scanned.records);
    }
    bytesBefore += file.source.byteLength;
  }
  await scanned.requireUseful();
  const schema = await sourcesSchema(sources, shared);
  const dropped = sources[0].added?.filter((field) => !schema.fields.includes(field)) ?? [];
  for (const { name } of dropped) {
    reporter.note(`the inputs have a column ${name} of their own, so the folders ${name}=... are not added as one`);
  }
  requireColumn(schema, "--id-field", shared.idField);
  // Vectors need no text, so the default field may be absent; a field that somebody names is meant.
  if (shared.vectorField !== undefined) {
    for (const field of shared.textFields) if (field !== TEXT_FIELD) requireColumn(schema, "--text-field", field);
  }
  requireColumn(schema, "--keep", orderField);
  for (const [s, source] of sources.entries()) {
    await readColumns(source, { schema, rejected: scanned.rejected[s] }, misfit, signal);
  }
  stage.end();
}

/**
 * Reads the columns of a columnar file, which its scan has not decoded. Of records the scan has parsed everything.
 * @throws InputError where they cannot be read, cast or written
 */
async function readColumns(
  source: Source,
  options: ReadOptions,
  misfit: CheckInputsOptions["misfit"],
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

/** What the scans of the inputs have found so far. */
class ScannedInputs {
  readonly rejected: RejectedRecords[] = [];
  records = 0;
  readonly #shared: SharedOptions;
  readonly #missing: MissingTextField;
  readonly #brake: RejectsBrake;
  #rejects = 0;
  #first: { readonly file: InputFile; readonly reject: Reject } | undefined;
  #vectorDim = 0;

  constructor({ shared }: CheckInputsOptions) {
    this.#shared = shared;
    this.#missing = new MissingTextField(shared.textFields, shared.vectorField);
    this.#brake = new RejectsBrake(shared.maxRejects);
  }

  /** Scans a file and yields the bytes read after each batch. */
  async *scan(file: InputFile, orderField: string | undefined): AsyncGenerator<number> {
    const { source } = file;
    const { textFields, vectorField } = this.#shared;
    const rejected = new RejectedRecords(source.name);
    this.rejected.push(rejected);
    for await (const batch of source.scan({ textFields, orderField, vectorField, vectorDim: this.#vectorDim })) {
      const { texts, rejects, vectors, bytesRead } = batch;
      rejected.add(texts.length, rejects);
      this.records += texts.length;
      this.#rejects += rejects.length;
      if (rejects.length > 0) this.#first ??= { file, reject: rejects[0] };
      this.#missing.add(source.name, rejects, rejects.length < texts.length);
      this.#brake.add(source.name, rejects);
      this.#vectorDim = vectors?.dim ?? 0;
      yield bytesRead;
    }
  }

  /** @throws InputError where no record has the text; of CSV its first line may be no header */
  #requireText(): void {
    try {
      this.#missing.check();
    } catch (error) {
      const { format, source } = this.#first?.file ?? {};
      if (format !== "csv" && format !== "tsv") throw error;
      const line = format === "tsv" ? "printf 'text\\tlabel\\n'" : "echo 'text,label'";
      const header = `{ ${line}; cat ${shellWord(source?.name ?? "")}; } | bge-dedup -`;
      throw new InputError(`${(error as Error).message}. If the first line is no header, put one before it: ${header}`);
    }
  }

  /**
   * Requires a record that can be used, and not too many that cannot.
   * @throws InputError or BrakeError
   */
  async requireUseful(): Promise<void> {
    this.#requireText();
    this.#brake.end(this.records);
    if (this.records === 0) {
      const names = this.rejected.map(({ source }) => source).slice(0, 3);
      const more = this.rejected.length > names.length ? ", ..." : "";
      throw new InputError(
        `the inputs (${names.join(", ")}${more}) hold no records; nothing was published, and earlier outputs stay as they are`,
      );
    }
    if (this.#rejects < this.records || this.#first === undefined) return;
    const { file, reject } = this.#first;
    const { name } = file.source;
    const isText = file.format !== "parquet" && file.format !== "arrow";
    const alone = this.records === 1;
    const cause = isText ? await likelyCause({ path: file.path, name, reject, alone }) : undefined;
    const count = this.records === 1 ? "the only record was" : `all ${this.records} records were`;
    throw new InputError(
      `${count} rejected, so nothing was published and earlier outputs stay as they are. ` +
        `Line ${reject.line} of ${name}: ${reject.error}${cause === undefined ? "; see --text-field" : `. Likely cause: ${cause}`}`,
    );
  }
}
