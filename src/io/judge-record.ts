import type { JsonObject } from "./jsonl/numbers.js";
import type { BadRecord } from "./jsonl/record-block.js";
import type { RecordFields } from "./schema/record-fields.js";
import { hasLoneSurrogate } from "./schema/text-fields.js";
import type { RawRecord } from "./source.js";

/** A record with its text, or the fault for which the record is rejected. */
export type JudgedRecord =
  | {
      readonly fault: undefined;
      readonly value: JsonObject;
      /** Undefined where the record has a vector and no text. */
      readonly text: string | undefined;
      /** True where strings of the record may hold lone surrogates. */
      readonly unicode: boolean;
    }
  | { readonly fault: string };

/**
 * Judges a record. Only the scan does so; the second pass takes the records that the scan accepted.
 * @param line the record as the format has cut it out
 * @param value the object that it holds, or why it holds none
 * @param batch.row index of the record in the batch that `fields` has begun
 */
export function judgeRecord(
  line: string | BadRecord,
  value: JsonObject | string,
  { fields, row }: { readonly fields: RecordFields; readonly row: number },
): JudgedRecord {
  if (typeof value === "string") return { fault: value };
  const text = fields.text(value, row);
  if (typeof text === "object") return { fault: text.error };
  // Decoded UTF-8 holds no lone surrogate; only an escape can make one.
  const unicode = (line as string).includes("\\u");
  if (unicode && Object.keys(value).some(hasLoneSurrogate)) {
    return { fault: "a field name holds a lone surrogate, expected valid Unicode" };
  }
  return { fault: undefined, value, text, unicode };
}

/**
 * A record as rejects.jsonl shows it.
 * @param record index in the file
 * @param number of the line where the record begins
 */
export function rawRecord(line: string | BadRecord, record: number, number: number): RawRecord {
  if (typeof line === "string") return { record, line: number, raw: line };
  return { record, line: number, raw: line.raw, ...(line.rawBase64 ? { rawBase64: true } : {}) };
}
