import type { RecordBatch, Schema } from "apache-arrow";
import { createFile, type TableOptions, type TableWriter } from "../table-writer.js";
import { rowText } from "./json-text.js";

// UTF-16 units of a block, which is encoded and written at once.
const BLOCK = 1 << 20;

/**
 * Opens a JSONL file for writing: one object a row, in the form of `rowText`. Memory: a block of about 1 MiB and one
 * row.
 */
export async function openJsonlWriter({ path }: TableOptions<Schema>): Promise<TableWriter> {
  const file = await createFile(path);
  return {
    async write(batch: RecordBatch) {
      const text = rowText(batch);
      let block = "";
      for (let row = 0; row < batch.numRows; row++) {
        block += `${text(row)}\n`;
        if (block.length >= BLOCK) {
          await file.append([Buffer.from(block)]);
          block = "";
        }
      }
      if (block.length > 0) await file.append([Buffer.from(block)]);
    },
    finish: () => file.finish(),
    abort: () => file.abort(),
  };
}
