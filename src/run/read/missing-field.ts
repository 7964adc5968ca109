import type { Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { type ColumnPath, resolveTextColumns } from "../../io/schema/text-columns.js";
import { type FieldPath, fieldPath, valueAt } from "../../io/schema/text-fields.js";
import type { Reject } from "../../io/source.js";
import { DEDUP_COLUMNS, namesOfInput } from "../write/output-columns.js";

/**
 * Tells an input that has no such text field, which is a mistake of the command line, from one of bad records, which are
 * counted while the run goes on. Parquet and Arrow files say so when they are opened; of JSONL only the records do.
 */
export class MissingTextField {
  readonly #paths: readonly FieldPath[];
  #example: { readonly source: string; readonly reject: Reject } | undefined;
  #seen = false;

  constructor(textFields: readonly string[]) {
    this.#paths = textFields.map(fieldPath);
  }

  /** Takes the rejects of a batch, and whether it holds accepted records as well. After the first of those it costs nothing. */
  add(source: string, rejects: readonly Reject[], accepted: boolean): void {
    this.#seen ||= accepted;
    for (let i = 0; i < rejects.length && !this.#seen; i++) {
      const record = parseObject(rejects[i].raw);
      if (record === undefined) continue;
      this.#seen = this.#paths.some((path) => valueAt(record, path) !== undefined);
      this.#example ??= { source, reject: rejects[i] };
    }
  }

  /** @throws InputError listing the fields of a record, where there are records but none has any of the text fields */
  check(): void {
    if (this.#seen || this.#example === undefined) return;
    const { source, reject } = this.#example;
    throw new InputError(`no record has the text: line ${reject.line} of ${source}: ${reject.error}; see --text-field`);
  }
}

function parseObject(raw: string): object | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Checks that a field which a flag names is among the columns of the inputs; of a dotted path, that its first name is.
 * @throws InputError listing the columns
 */
export function requireColumn(schema: Schema, flag: string, name: string | undefined): void {
  // Without an accepted record JSONL has no columns, and nothing to be missed.
  if (name === undefined || schema.fields.length === 0 || hasColumn(schema, name)) return;
  const names = schema.fields.map((field) => field.name).join(", ");
  throw new InputError(`the inputs have no column ${name} (${flag}); their columns are ${names}`);
}

/**
 * Finds the text again in accepted rows. Of several text fields one may be in no JSONL record at all, and without any
 * record there are no columns but those that this program adds; with vectors of the input's own there need be no text.
 * @throws InputError where a table has columns but not that of the text
 */
export function acceptedTextColumns(
  schema: Schema,
  { textFields, vectorField }: { readonly textFields: readonly string[]; readonly vectorField?: string },
  name: string,
): ColumnPath[] {
  const named = namesOfInput(schema);
  const present = textFields.filter((field) => hasColumn(named, field));
  if (present.length > 0) return resolveTextColumns(named, present, name);
  return vectorField !== undefined || schema.fields.every((field) => DEDUP_COLUMNS.includes(field.name))
    ? []
    : resolveTextColumns(named, textFields, name);
}

function hasColumn({ fields }: Schema, name: string): boolean {
  const [top] = name.split(".");
  return fields.some((field) => field.name === name || field.name === top);
}
