import { type Data, Field, Float32, List, makeData, Schema, Utf8 } from "apache-arrow";
import { InputError } from "../../errors.js";
import { stringColumn } from "../../io/columns/plain.js";
import { batchOf } from "../../io/columns/take.js";
import type { TableWriter } from "../../io/table-writer.js";
import type { Reporter } from "../../reporter.js";
import { cutToBytes } from "../../text/cut.js";
import { resultFile } from "../read/result-table.js";
import { readDedupManifest, requireUnchanged } from "../work/dedup-folder.js";
import { EMBEDDINGS } from "../write/output-names.js";
import { writeParquetFile } from "../write/parquet-file.js";
import { requireNoInput, requireWritable } from "../write/target.js";
import { checkIds, chooseIds } from "./ids.js";
import { type KeptBatch, openKeptRows } from "./kept-rows.js";

/** What `export` says of a file for Pinecone. */
export interface PineconeSummary {
  readonly command: "export";
  readonly layout: "pinecone";
  readonly file: string;
  /** Kept rows in the file. */
  readonly rows: number;
  /** Kept rows that were left out, because their text has no direction and so no vector. */
  readonly unplaced: number;
  /** Texts that were cut so that a row's metadata fits. */
  readonly cut: number;
}

/** Limits of Pinecone: bytes of a record's metadata, and of its id. */
const [METADATA_BYTES, ID_BYTES] = [40 * 1024, 512];
/** Rows that are written at once. */
const BATCH = 2048;

const VALUES = new List(new Field("item", new Float32(), true));
const SCHEMA = new Schema([
  new Field("id", new Utf8(), false),
  new Field("values", VALUES, false),
  new Field("metadata", new Utf8(), true),
]);

/**
 * Writes the kept rows of a folder to a Parquet file for Pinecone's import: `id`, `values` and `metadata`, the JSON text
 * of a flat object with the text and the columns of the input. Pinecone takes strings, numbers, booleans and lists of
 * strings there. So a null is left out, a whole number that float64 would round becomes a string, and a nested value
 * its JSON text. https://docs.pinecone.io/guides/index-data/import-data
 * @throws InputError for a folder or rows that cannot be exported; UsageError if `to` cannot be written or is an input
 * of that run; FailedRunError if another run writes to the folder meanwhile
 */
export async function exportForPinecone(options: {
  readonly folder: string;
  readonly to: string;
  readonly idField?: string;
  readonly idPrefix?: string;
  readonly columns?: readonly string[];
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}): Promise<PineconeSummary> {
  const { folder, to, reporter, signal } = options;
  const manifest = await readDedupManifest(folder);
  requireNoInput(to, "to", manifest.inputs);
  await requireWritable(to, "to");
  const [keptPath, storePath] = ["kept.arrow", EMBEDDINGS].map((name) =>
    resultFile({ folder, manifest, name, needs: "export" }),
  );
  const choice = chooseIds(options, manifest.options);
  const ids = await checkIds({ path: keptPath, choice, longest: ID_BYTES, signal });
  const kept = await openKeptRows({ ...options, manifest, keptPath, storePath, choice, ids });
  let [rows, unplaced, cut] = [0, 0, 0];
  const write = async (writer: TableWriter) => {
    const writing = reporter.stage("write", kept.count);
    for await (const batch of kept.batches()) {
      for (let start = 0; start < batch.ids.length; start += BATCH) {
        signal?.throwIfAborted();
        const some = [...batch.ids.keys()].slice(start, start + BATCH);
        const metadata = some.map((row) => metadataOf(batch, row, kept.columns));
        cut += metadata.filter((row) => row.cut).length;
        const columns = [
          stringColumn(some.map((row) => batch.ids[row])),
          lists(await batch.vectors(some), kept.dim),
          stringColumn(metadata.map(({ json }) => json)),
        ];
        await writer.write(batchOf(SCHEMA, columns, some.length));
        rows += some.length;
        writing.advance(rows + unplaced);
      }
      unplaced += batch.unplaced;
    }
    writing.end();
  };
  try {
    for (const [from, name] of kept.renamed) reporter.note(`column ${from} goes as ${name}`);
    await writeParquetFile({ to, schema: SCHEMA, write, check: () => requireUnchanged(folder, manifest) });
  } finally {
    await kept.close();
  }
  return { command: "export", layout: "pinecone", file: to, rows, unplaced, cut };
}

/** The metadata of a row within Pinecone's limit; the text gives way. */
function metadataOf(batch: KeptBatch, row: number, columns: readonly string[]) {
  const cells = columns.flatMap((name, column) => {
    const value = flatValue(batch.cell(column, row));
    return value === undefined ? [] : [`${JSON.stringify(name)}:${value}`];
  });
  const text = batch.texts[row];
  const write = (some: string) => `{${[`"text":${JSON.stringify(some)}`, ...cells].join(",")}}`;
  const json = write(text);
  if (Buffer.byteLength(json) <= METADATA_BYTES) return { json, cut: false };
  if (Buffer.byteLength(write("")) > METADATA_BYTES) {
    throw new InputError(
      `the columns of the row with the id ${JSON.stringify(batch.ids[row])} take more than the ${METADATA_BYTES} bytes of metadata that Pinecone takes; choose columns with --column`,
    );
  }
  // JSON escapes make a text longer by different amounts, so the longest part that fits is found by bisection.
  let [fits, over] = [0, Buffer.byteLength(text)];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (Buffer.byteLength(write(cutToBytes(text, middle))) <= METADATA_BYTES) fits = middle;
    else over = middle;
  }
  return { json: write(cutToBytes(text, fits)), cut: true };
}

/** A JSON value as Pinecone takes it; undefined for a null. */
function flatValue(json: string): string | undefined {
  if (json === "null") return undefined;
  if (json.startsWith("{")) return JSON.stringify(json);
  if (json.startsWith("[")) {
    const list = JSON.parse(json) as unknown[];
    return list.every((item) => typeof item === "string") ? json : JSON.stringify(json);
  }
  const rounded = /^-?\d+$/.test(json) && !Number.isSafeInteger(Number(json));
  return rounded ? `"${json}"` : json;
}

/** A column of lists of `dim` numbers each. */
function lists(values: Float32Array, dim: number): Data {
  const length = values.length / dim;
  const child = makeData({ type: new Float32(), length: values.length, nullCount: 0, data: values });
  const valueOffsets = Int32Array.from({ length: length + 1 }, (_, i) => i * dim);
  return makeData({ type: VALUES, length, nullCount: 0, valueOffsets, child });
}
