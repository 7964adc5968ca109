import type { RecordBatch, Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { readSchema, readTableBatches } from "../../io/arrow/arrow.js";
import type { InputFormat } from "../../io/input-format.js";
import { openSources } from "../../io/open-sources.js";
import { sourcesSchema } from "../../io/schema/source-schema.js";
import type { DedupManifest } from "../work/dedup-folder.js";

/** A table of kept or removed rows, whatever its format. */
export interface TableBatches {
  readonly schema: Schema;
  batches(): AsyncGenerator<RecordBatch>;
}

/**
 * Opens a table that bge-dedup wrote as Arrow, Parquet or JSONL. The columns of JSONL are inferred, for which the file is
 * read once more.
 * @param options.options options of the run that wrote it, which say where its texts are
 * @throws InputError where the table is damaged
 */
export async function openTableBatches(options: {
  readonly path: string;
  readonly options: DedupManifest["options"];
  readonly memory: number;
}): Promise<TableBatches> {
  const { path, memory } = options;
  const extension = path.slice(path.lastIndexOf(".") + 1);
  if (extension === "arrow") return { schema: await readSchema(path), batches: () => readTableBatches(path) };
  const [{ source }] = await openSources([path], { memory, wishes: { format: extension as InputFormat } });
  if (extension === "jsonl") {
    // Every record passed this scan when it was an input, so that one which fails now is damaged.
    const { textFields, vectorField } = options.options;
    for await (const { rejects } of source.scan({ textFields, vectorField })) {
      if (rejects.length === 0) continue;
      const [{ line, error }] = rejects;
      throw new InputError(`line ${line} of ${path} is damaged: ${error}; run bge-dedup for that folder again`);
    }
  }
  const schema = await sourcesSchema([source]);
  return {
    schema,
    async *batches() {
      for await (const { columns } of source.read({ schema })) yield columns;
    },
  };
}
