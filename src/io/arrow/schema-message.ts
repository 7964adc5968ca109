import { RecordBatchReader, RecordBatchStreamWriter, Schema } from "apache-arrow";
import { checkMessage } from "./flatbuffer-check.js";
import { hideLayouts, withLayouts } from "./schema-layouts.js";
import { plainField } from "./stored-types.js";

/** The key under which Arrow's own Parquet writers store their schema in the metadata of a Parquet file. */
export const ARROW_SCHEMA = "ARROW:schema";

/** Encodes a schema as the value of `ARROW_SCHEMA`: an IPC schema message in base64. */
export function encodeSchema(schema: Schema): string {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.finish();
  return Buffer.from(writer.toUint8Array(true)).toString("base64");
}

/** Decodes a value of `ARROW_SCHEMA`; undefined where the text is no valid schema message. */
export function decodeSchema(base64: string): Schema | undefined {
  try {
    // A small Buffer is a part of Node's pool. apache-arrow views 64-bit numbers in place, which need an aligned start.
    const bytes = new Uint8Array(Buffer.from(base64, "base64"));
    const view = new DataView(bytes.buffer);
    const marked = view.getInt32(0, true) === -1;
    const start = marked ? 8 : 4;
    const metadata = bytes.subarray(start, start + view.getInt32(start - 4, true));
    checkMessage(metadata);
    const layouts = hideLayouts(metadata, "message");
    const { fields, metadata: pairs } = withLayouts(RecordBatchReader.from(bytes).open().schema, layouts);
    return new Schema(fields.map(plainField), pairs);
  } catch {
    return undefined;
  }
}
