import { RecordBatchReader, RecordBatchStreamWriter, type Schema } from "apache-arrow";
import { checkMessage } from "./flatbuffer-check.js";

/** Key of a Parquet file's metadata under which writers that know Arrow keep their schema. */
export const ARROW_SCHEMA = "ARROW:schema";

/** The schema as the value of `ARROW_SCHEMA`: an IPC schema message in base64. */
export function encodeSchema(schema: Schema): string {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.finish();
  return Buffer.from(writer.toUint8Array(true)).toString("base64");
}

/** The schema back from its text; undefined where there is none in it. */
export function decodeSchema(base64: string): Schema | undefined {
  try {
    // A copy of its own, because 64-bit numbers in it are read in place.
    const bytes = new Uint8Array(Buffer.from(base64, "base64"));
    const view = new DataView(bytes.buffer);
    const marked = view.getInt32(0, true) === -1;
    const start = marked ? 8 : 4;
    checkMessage(bytes.subarray(start, start + view.getInt32(start - 4, true)));
    return RecordBatchReader.from(bytes).open().schema;
  } catch {
    return undefined;
  }
}
