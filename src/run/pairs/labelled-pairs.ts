import type { Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { findColumn } from "../../io/schema/column-paths.js";
import { fieldsFor, type LeafField, RecordLeaves, schemaLeaves } from "../../io/schema/field-list.js";
import { kindOf } from "../../io/schema/text-fields.js";
import type { Reject, ScannedBatch, Source } from "../../io/source.js";

/** The fields of a pair, by which pair files are read and answers are written. */
export const PAIR_FIELDS = { first: "text_a", second: "text_b", label: "label", cosine: "cosine" } as const;

/** A pair as a file has it. */
export interface PairRecord {
  readonly first: string;
  readonly second: string;
  /** Whether a person calls the texts the same; undefined where nobody has judged them. */
  readonly same: boolean | undefined;
  /** The cosine that the file has for the pair; undefined where it has none. */
  readonly cosine: number | undefined;
}

/** What is wrong with the records that hold no pair. */
export interface PairFaults {
  rejected: number;
  /** The first of them, with its line. */
  example?: string;
}

/** Records whose fields are listed where a field is missing. */
const LISTED_RECORDS = 1000;

/**
 * Reads the pairs of a file in their order: two texts, and a label that says whether they are the same. A record
 * without two texts is counted in `faults` and passed over. The two fields are scanned side by side, so that one batch
 * of each is held.
 * @throws InputError where no record has one of the fields, where a label is neither 0 nor 1, and where the file cannot
 * be read
 */
export async function* readPairs(source: Source, faults: PairFaults): AsyncGenerator<PairRecord> {
  const { first, second, label, cosine } = PAIR_FIELDS;
  // The columns of Parquet and Arrow are known before the scan, those of records after it.
  const columns = await source.schema().catch(() => undefined);
  requireFields(source, columns, [first, second, label]);
  const measured = columns === undefined || findColumn(columns, cosine) !== undefined ? cosine : undefined;
  const seen = { [first]: false, [second]: false };
  const fields = new RecordLeaves();
  const left = records(source.scan({ textFields: [first], orderField: label }), fields);
  const right = records(source.scan({ textFields: [second], orderField: measured }), fields);
  let whole = 0;
  try {
    for (;;) {
      const [a, b] = await Promise.all([left.next(), right.next()]);
      if (a.done === true || b.done === true) break;
      seen[first] ||= a.value.text !== undefined;
      seen[second] ||= b.value.text !== undefined;
      const fault = a.value.fault ?? b.value.fault;
      if (fault !== undefined) {
        faults.rejected++;
        faults.example ??= `line ${fault.line} of ${source.name}: ${fault.error}`;
        continue;
      }
      whole++;
      const same = labelOf(a.value.order);
      if (same === "wrong") throw await wrongLabel(source, a.value);
      const number = b.value.order;
      yield {
        first: a.value.text as string,
        second: b.value.text as string,
        same,
        cosine: typeof number === "number" && Math.abs(number) <= 1 ? number : undefined,
      };
    }
  } finally {
    await Promise.all([left.return(undefined), right.return(undefined)]);
  }
  const missing = [first, second].find((field) => !seen[field]);
  if (missing !== undefined && faults.example !== undefined) {
    throw missingField(
      `no record of ${source.name} has the text ${missing} (${faults.example})`,
      missing,
      fields.leaves,
    );
  }
  if (whole > 0) requireFields(source, await source.schema(), [label]);
}

/** @throws InputError where a field is not among the columns, as far as they are known */
function requireFields(source: Source, columns: Schema | undefined, names: readonly string[]): void {
  const missing = columns && names.find((name) => findColumn(columns, name) === undefined);
  if (missing === undefined) return;
  throw missingField(`${source.name} has no field ${missing}`, missing, schemaLeaves(columns as Schema));
}

function missingField(what: string, name: string, leaves: readonly LeafField[]): InputError {
  return new InputError(
    `${what}; ${fieldsFor(name, leaves)}. Pairs have text_a, text_b and label (1: the same, 0: different); rename ` +
      "other fields, as by jq -c '{text_a: .question1, text_b: .question2, label: .is_duplicate}' FILE",
  );
}

/** Whether the value of a label calls a pair the same; undefined for no label. */
function labelOf(value: unknown): boolean | undefined | "wrong" {
  const plain = typeof value === "string" ? value.trim().toLowerCase() : value;
  // pandas writes a missing label as NaN, and then the others as 1.0.
  if (plain === null || plain === undefined || plain === "" || Number.isNaN(plain) || plain === "nan") return undefined;
  if (plain === true || plain === "true" || Number(plain) === 1) return true;
  if (plain === false || plain === "false" || Number(plain) === 0) return false;
  return "wrong";
}

/** The error for a label that is neither 0 nor 1. */
async function wrongLabel(source: Source, { record, order }: ScannedRecord): Promise<InputError> {
  const where = await source.reread([record]).next();
  const line = where.done === true ? record + 1 : where.value[0].line;
  const graded = !Number.isNaN(Number(order));
  const cure = graded
    ? "choose from which grade on two texts are the same, as by jq -c '.label = (if .label >= 4 then 1 else 0 end)' FILE"
    : "write 1 for the same and 0 for different, and leave the label out where nobody knows";
  return new InputError(
    `line ${line} of ${source.name}: label is ${kindOf(order)}, expected 1 or 0, true or false; ${cure}`,
  );
}

/** A record of one scan. */
interface ScannedRecord {
  /** Index in the file. */
  readonly record: number;
  readonly text: string | undefined;
  readonly order: unknown;
  readonly fault: Reject | undefined;
}

/** The records of a scan one by one; the fields of rejected ones are collected for an error. */
async function* records(batches: AsyncGenerator<ScannedBatch>, fields: RecordLeaves): AsyncGenerator<ScannedRecord> {
  let listed = 0;
  for await (const { firstRecord, texts, order, rejects } of batches) {
    const faults = new Map(rejects.map((reject) => [reject.record, reject]));
    for (const { raw } of rejects) if (listed++ < LISTED_RECORDS) addFields(fields, raw);
    for (const [i, text] of texts.entries()) {
      const record = firstRecord + i;
      yield { record, text: text ?? undefined, order: order?.[i], fault: faults.get(record) };
    }
  }
}

function addFields(fields: RecordLeaves, raw: string): void {
  try {
    const value: unknown = JSON.parse(raw);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) fields.add(value);
  } catch {}
}
