import { rename, rm } from "node:fs/promises";
import type { Schema } from "apache-arrow";
import { openParquetWriter } from "../../io/parquet/write.js";
import type { TableWriter } from "../../io/table-writer.js";
import { partOf } from "./target.js";

/**
 * Writes a Parquet file beside its target and moves it there when it is whole. A failure leaves an older target as it
 * was, and nothing beside it.
 * @param options.write writes all rows
 * @param options.check called once the file is whole; throws where it must not take its place
 */
export async function writeParquetFile(options: {
  readonly to: string;
  readonly schema: Schema;
  readonly write: (writer: TableWriter) => Promise<void>;
  readonly check: () => Promise<void>;
}): Promise<void> {
  const { to, schema, write, check } = options;
  const part = partOf(to);
  const writer = await openParquetWriter({ path: part, schema });
  try {
    await write(writer);
    await writer.finish();
    await check();
    await rename(part, to);
  } catch (error) {
    await writer.abort().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}
