import { join } from "node:path";
import { Schema as ArrowSchema, type RecordBatch, type Schema } from "apache-arrow";
import type { CacheCounts } from "../../cache/settings.js";
import { InputError } from "../../errors.js";
import { readSchema, readTableBatches } from "../../io/arrow/arrow.js";
import { batchOf } from "../../io/columns/take.js";
import { sourcesSchema } from "../../io/schema/source-schema.js";
import { batchTexts } from "../../io/schema/text-columns.js";
import type { ModelSpec } from "../../models/spec.js";
import { openVectorStore } from "../../vectors/store.js";
import { embedInputs } from "../embed/embed-inputs.js";
import type { ClusterOptions, RunContext } from "../options.js";
import { gatherNumbers } from "../read/gathered.js";
import { acceptedTextColumns } from "../read/missing-field.js";
import { readRows } from "../read/read-rows.js";
import { numbersOf, resultFile, textReader } from "../read/result-table.js";
import { readDedupManifest, requireUnchanged } from "../work/dedup-folder.js";
import { type FileRecord, modelRecord } from "../work/manifest.js";
import type { WorkArea } from "../work/work-area.js";
import type { WorkState } from "../work/work-state.js";
import { EMBEDDINGS } from "./output-names.js";

/** A batch of rows to be clustered. */
export interface ClusterBatch {
  /** Number of each row. */
  readonly rows: Float64Array;
  /** Vector of each row, -1 if the row's text has no direction. */
  readonly vectors: Float64Array;
  readonly texts: readonly (string | null)[];
  /** The input columns. */
  readonly columns: RecordBatch;
}

/** The rows to be clustered and the place of their vectors. */
export interface ClusterRows {
  readonly count: number;
  readonly rejected: number;
  /** True if the vectors belong to the rows of this run and to its result, not to a folder of bge-dedup. */
  readonly own: boolean;
  /** The state of the run's own vectors for the manifest, by which a later run recognises them. */
  readonly state?: WorkState;
  /** What the cache of vectors had; absent if the vectors are those of a folder. */
  readonly cache?: CacheCounts;
  /** Path of embeddings.arrow. */
  readonly storePath: string;
  /** Positions of the distinct vectors, ascending. */
  readonly positions: Uint32Array;
  /** Number of rows that have each of these vectors. */
  readonly weights: Uint32Array;
  /** First row that has each of these vectors. */
  readonly rowOfPosition: Float64Array;
  /** Schema of the input columns. */
  readonly schema: Schema;
  /** Reads the rows in order, with their texts and input columns. */
  batches(): AsyncGenerator<ClusterBatch>;
  /** What made the vectors, for the manifest. */
  readonly model: object;
  /** Files that the rows and vectors come from. */
  readonly inputs: readonly FileRecord[];
  /**
   * Makes sure that the input folder is still the one that was read.
   * @throws InputError if another run has replaced its files
   */
  requireUnchanged(): Promise<void>;
}

/**
 * Counts the rows of each vector and lists the vectors that occur.
 * @param storeCount number of vectors in the store
 * @param rowVectors rows with their vectors, -1 for none
 * @throws InputError if a row names a vector beyond the store
 */
function distinctVectors(storeCount: number, rowVectors: Iterable<readonly [row: number, vector: number]>) {
  const counts = new Uint32Array(storeCount);
  const first = new Float64Array(storeCount);
  for (const [row, vector] of rowVectors) {
    if (vector < 0) continue;
    if (vector >= storeCount)
      throw new InputError(`row ${row} has vector ${vector}, but the store holds ${storeCount}`);
    if (counts[vector]++ === 0) first[vector] = row;
  }
  const positions = Uint32Array.from(counts.keys()).filter((vector) => counts[vector] > 0);
  return {
    positions,
    weights: Uint32Array.from(positions, (vector) => counts[vector]),
    rowOfPosition: Float64Array.from(positions, (vector) => first[vector]),
  };
}

/** Columns of kept.arrow that bge-dedup added to the input. */
const ADDED = ["_row", "_vector", "_group_size"];

/**
 * The kept rows of a folder that bge-dedup wrote, with the vectors of that folder.
 * @throws InputError if the folder lacks kept.arrow or its manifest, or if they do not fit each other
 */
export async function dedupRows(folder: string): Promise<ClusterRows> {
  const manifest = await readDedupManifest(folder);
  const keptPath = resultFile({ folder, manifest, name: "kept.arrow", needs: "bge-cluster" });
  const full = await readSchema(keptPath);
  const input = full.fields.flatMap(({ name }, index) => (ADDED.includes(name) ? [] : [index]));
  const schema = new ArrowSchema(input.map((index) => full.fields[index]));
  const textsOf = await textReader(keptPath, manifest.options);
  const [rows, vectors] = [gatherNumbers(), gatherNumbers()];
  for await (const batch of readTableBatches(keptPath)) {
    for (const row of numbersOf(batch, "_row", keptPath)) rows.push(row);
    for (const vector of numbersOf(batch, "_vector", keptPath)) vectors.push(vector);
  }
  function* rowVectors(): Generator<readonly [number, number]> {
    const [rowOf, vectorOf] = [rows.values, vectors.values];
    for (let i = 0; i < rowOf.length; i++) yield [rowOf[i], vectorOf[i]];
  }
  const storePath = join(folder, EMBEDDINGS);
  const store = await openVectorStore(storePath);
  await store.close();
  return {
    count: rows.values.length,
    rejected: 0,
    own: false,
    storePath,
    ...distinctVectors(store.count, rowVectors()),
    schema,
    async *batches() {
      for await (const batch of readTableBatches(keptPath)) {
        const columns = input.map((index) => batch.data.children[index]);
        yield {
          rows: numbersOf(batch, "_row", keptPath),
          vectors: numbersOf(batch, "_vector", keptPath),
          texts: textsOf(batch),
          columns: batchOf(schema, columns, batch.numRows),
        };
      }
    },
    model: manifest.model,
    inputs: manifest.outputs
      .filter(({ name }) => name === "kept.arrow" || name === EMBEDDINGS)
      .map((record) => ({ ...record, name: join(folder, record.name) })),
    requireUnchanged: () => requireUnchanged(folder, manifest),
  };
}

/**
 * All accepted rows of raw inputs. This run embeds them first.
 * @param run.accepts throws for a model whose vectors are of no use, before anything is embedded
 * @throws as `embedInputs` and `accepts`
 */
export async function rawRows(run: {
  readonly options: ClusterOptions;
  readonly work: WorkArea;
  readonly context: RunContext;
  readonly accepts?: (model: ModelSpec) => void;
}): Promise<ClusterRows> {
  const { options, ...others } = run;
  const embedded = await embedInputs({ shared: options, keep: { kind: "first" }, ...others });
  const { sources, index, texts, model, provider, vectorOfGroup, rejected, inputs } = embedded;
  const { exact } = index;
  const vectorOf = (row: number) => vectorOfGroup[exact.groupOf(row)];
  function* rowVectors(): Generator<readonly [number, number]> {
    for (let row = 0; row < exact.counts.rows; row++) if (exact.rawOf(row) >= 0) yield [row, vectorOf(row)];
  }
  const schema = await sourcesSchema(sources, options);
  const textColumns = acceptedTextColumns(schema, options, "the inputs");
  return {
    count: exact.counts.rows - rejected,
    rejected,
    own: true,
    state: texts.state,
    cache: embedded.cache,
    storePath: texts.storePath,
    ...distinctVectors(texts.rowOfVector.length, rowVectors()),
    schema,
    async *batches() {
      for await (const { rows, columns } of readRows({ sources, index, schema })) {
        yield { rows, vectors: rows.map(vectorOf), texts: batchTexts(columns, textColumns).texts, columns };
      }
    },
    model: modelRecord(model, texts.dim, provider),
    inputs,
    // The second pass itself notices a changed input, as far as that is possible.
    requireUnchanged: async () => {},
  };
}
