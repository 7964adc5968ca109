import type { Compression } from "../compress/decompress.js";
import { openRecordFile, type RecordFormat, type RecordSource } from "../record-file.js";
import type { TextEncoding } from "../text-encoding.js";
import { arrayElements } from "./array.js";
import { lineBlocks } from "./lines.js";
import { type JsonObject, parseJson, RawNumber } from "./numbers.js";
import type { BadRecord, RecordBlock } from "./record-block.js";

/** A JSON file and how it is stored. */
export interface JsonOptions extends TextEncoding {
  readonly path: string;
  /** Name in messages and in the manifest. */
  readonly name: string;
  readonly compression?: Compression;
  readonly stamp?: { readonly sha256?: string };
}

/** Opens a file of JSON lines. @throws InputError as `openRecordFile` does */
export function openJsonl(options: JsonOptions): Promise<RecordSource> {
  const format: RecordFormat = { split: (chunks) => lineBlocks(chunks), parse: parseRecords };
  return openRecordFile({ ...options, format: () => format });
}

/** Opens a file of one JSON array, or several, whose elements are the records. @throws InputError as `openRecordFile` does */
export function openJsonArray(options: JsonOptions): Promise<RecordSource> {
  const format: RecordFormat = { split: (chunks) => arrayElements(chunks, options), parse: parseRecords };
  return openRecordFile({ ...options, format: () => format });
}

const TRAILING_COMMA = /\}\s*,\s*$/;

function parseRecords(lines: RecordBlock["lines"]): (JsonObject | string)[] {
  return lines.map(parseRecord);
}

/** The object that a line holds, or why it holds none. */
function parseRecord(line: string | BadRecord): JsonObject | string {
  if (typeof line !== "string") return line.error;
  let value: unknown;
  try {
    // A comma at the end is what is left of an array without its brackets.
    value = parseJson(TRAILING_COMMA.test(line) ? line.replace(TRAILING_COMMA, "}") : line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `not valid JSON: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof RawNumber) {
    return `not a JSON object: ${line.slice(0, 80)}`;
  }
  return value as JsonObject;
}
