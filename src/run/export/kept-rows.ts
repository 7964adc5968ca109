import type { Field, RecordBatch, Schema } from "apache-arrow";
import { UsageError } from "../../errors.js";
import { readSchema } from "../../io/arrow/arrow.js";
import { isStringType } from "../../io/columns/strings.js";
import { cellText } from "../../io/jsonl/json-text.js";
import { openVectorStore } from "../../vectors/store.js";
import { clusterAt, readClusters } from "../page/clusters.js";
import { numbersOf, readResultTable } from "../read/result-table.js";
import type { DedupManifest } from "../work/dedup-folder.js";
import { DEDUP_COLUMNS, namesOfInput } from "../write/output-columns.js";
import type { IdChoice, RowIds } from "./ids.js";

/** Some kept rows that have a vector, read for a vector database. */
export interface KeptBatch {
  readonly ids: readonly string[];
  /** "" where a row has a vector and no text. */
  readonly texts: readonly string[];
  /** JSON text of a column in a row; "null" for a null. */
  cell(column: number, row: number): string;
  /** Reads the vectors of some rows, one after another. The caller owns the buffer. */
  vectors(rows: readonly number[]): Promise<Float32Array>;
  /** Rows of the table that were passed over, because their text has no direction and so no vector. */
  readonly unplaced: number;
}

/** The kept rows of a folder, for a vector database. */
export interface KeptRows {
  readonly dim: number;
  /** Kept rows, with and without a vector. */
  readonly count: number;
  /** Names of the columns beside id, text and vector: those of the export, then those of the input. */
  readonly columns: readonly string[];
  /** Columns of the input that go by another name, because the export has one of theirs. */
  readonly renamed: readonly (readonly [from: string, to: string])[];
  batches(): AsyncGenerator<KeptBatch>;
  close(): Promise<void>;
}

/** Columns that an export adds, each with the JSON text of a row. */
const ADDED = ["row", "group_size"] as const;
const CLUSTER = ["cluster", "cluster_terms"] as const;
/** Names that no column of the input may take. */
const RESERVED = ["id", "text", "vector", "run", ...ADDED, ...CLUSTER];

/**
 * Opens the kept rows of a folder. The columns of the input follow, but for those that the export has already: the
 * field of the vectors, the only text field, and an id field that is called `id`.
 * @param options.columns names of the columns of the input to take along; all where undefined
 * @throws InputError where a file of the folder is damaged; UsageError where the input has no such column
 */
export async function openKeptRows(options: {
  readonly folder: string;
  readonly manifest: DedupManifest;
  readonly keptPath: string;
  readonly storePath: string;
  readonly choice: IdChoice;
  readonly ids: RowIds;
  readonly columns?: readonly string[];
}): Promise<KeptRows> {
  const { folder, manifest, keptPath, storePath, ids } = options;
  const idIsKey = options.choice.field === "id" && options.choice.prefix === undefined;
  const carried = carriedColumns(await readSchema(keptPath), manifest, idIsKey, options.columns);
  const clusters = await readClusters(folder, manifest);
  const terms = new Map(clusters?.clusters.map(({ cluster, terms }) => [cluster, JSON.stringify(terms.join(", "))]));
  const own = [...ADDED, ...(clusters === undefined ? [] : CLUSTER)];
  const store = await openVectorStore(storePath);
  const { dim } = store;

  function cells(batch: RecordBatch, rows: Float64Array): ((row: number) => string)[] {
    const sizes = numbersOf(batch, "_group_size", keptPath);
    const cluster = (row: number) => clusterAt(clusters, rows[row]);
    const added = [(row: number) => String(rows[row]), (row: number) => String(sizes[row])];
    if (clusters !== undefined) {
      added.push((row) => String(cluster(row) ?? "null"));
      added.push((row) => terms.get(cluster(row) ?? -1) ?? "null");
    }
    return [...added, ...carried.map(({ field, index }) => cellText(batch.data.children[index], field))];
  }

  return {
    dim,
    count: manifest.counts.kept,
    columns: [...own, ...carried.map(({ name }) => name)],
    renamed: carried.flatMap(({ field, name }) => (field.name === name ? [] : [[field.name, name] as const])),
    async *batches() {
      for await (const { rows, vectors, texts, batch } of readResultTable(keptPath, manifest.options)) {
        const placed = Array.from(rows.keys()).filter((row) => vectors[row] >= 0);
        const readId = ids.of(batch);
        const columns = cells(batch, rows);
        yield {
          ids: placed.map(readId),
          texts: placed.map((row) => (texts[row] ?? "").toWellFormed()),
          cell: (column, i) => columns[column](placed[i]),
          unplaced: rows.length - placed.length,
          async vectors(wanted) {
            const into = new Float32Array(wanted.length * dim);
            const positions = wanted.map((i) => vectors[placed[i]]);
            await store.gather(positions, into);
            return into;
          },
        };
      }
    },
    close: () => store.close(),
  };
}

/** A column of the input, its place in kept.arrow and the name by which it goes. */
interface Carried {
  readonly field: Field;
  readonly index: number;
  readonly name: string;
}

function carriedColumns(
  kept: Schema,
  { options: run }: DedupManifest,
  idIsKey: boolean,
  wanted: readonly string[] | undefined,
): Carried[] {
  const known = namesOfInput(kept).fields;
  const names = known.map(({ name }) => name);
  const inputs = kept.fields.flatMap((field, index) => (DEDUP_COLUMNS.includes(field.name) ? [] : [{ field, index }]));
  for (const name of wanted ?? []) {
    if (inputs.some(({ index }) => names[index] === name)) continue;
    throw new UsageError(
      `--column ${name}: the input has no such column; expected one of ${inputs.map(({ index }) => names[index]).join(", ")}`,
    );
  }
  const [textField, ...otherTexts] = run.textFields;
  const held = ({ type }: Field, name: string) =>
    name === run.vectorField ||
    (name === textField && otherTexts.length === 0 && isStringType(type)) ||
    (name === "id" && idIsKey);
  const taken = new Set([...RESERVED, ...kept.fields.map(({ name }) => name)]);
  return inputs
    .filter(({ field, index }) => wanted?.includes(names[index]) ?? !held(field, names[index]))
    .map(({ field, index }) => {
      // Neither Milvus nor Pinecone takes a name with $ in front.
      let name = field.name.replace(/^\$/, "_$");
      if (RESERVED.includes(name)) while (taken.has(name)) name += "_in";
      taken.add(name);
      return { field, index, name };
    });
}
