import { readFile } from "node:fs/promises";
import { addFields } from "../../io/added-columns.js";
import { writeDurably } from "../../io/durable.js";
import { restoreSchema, type StoredSchema, storeSchema } from "../../io/schema/stored-schema.js";
import type { Source } from "../../io/source.js";
import type { SharedOptions } from "../../run/options.js";
import type { ReadableInputs } from "../../run/read/read-rows.js";
import type { FinishedTask } from "../stage.js";
import { FILES } from "../task-files.js";

/** Schema of the columns of rows. */
type Schema = ReadableInputs["schema"];

/** Saves the schema that covers the columns of all files themselves, without those that are added. */
export async function writeUnitedSchema(path: (name: string) => string, schema: Schema): Promise<void> {
  await writeDurably(path(FILES.number.schema), JSON.stringify(storeSchema(schema)));
}

/**
 * The schema of the run: that of all files, and behind it the columns that are added to them. It is the same in every
 * task, whatever files the task has opened.
 * @param sources any opened sources of the run: their added columns are known by being the same objects
 */
export async function readUnitedSchema(
  number: FinishedTask<"number">,
  sources: readonly Source[],
  { sourceField }: Pick<SharedOptions, "sourceField">,
): Promise<Schema> {
  const stored = JSON.parse(await readFile(number.path(FILES.number.schema), "utf8")) as StoredSchema;
  return addFields(restoreSchema(stored), sources[0]?.added ?? [], sourceField);
}
