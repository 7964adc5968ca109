import type { Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { type ColumnPath, resolveTextColumns } from "../../io/schema/text-columns.js";
import { type FieldPath, fieldPath, valueAt } from "../../io/schema/text-fields.js";
import type { Reject } from "../../io/source.js";
import { DEDUP_COLUMNS, namesOfInput } from "../write/output-columns.js";

/**
 * Recognises inputs that lack the text field altogether, which is a mistake of the command line. Single bad records are
 * only counted while the run continues. Parquet and Arrow files lack the field visibly when they are opened; JSONL
 * shows it only in its records.
 */
export class MissingTextField {
  readonly #paths: readonly FieldPath[];
  #example: { readonly source: string; readonly reject: Reject } | undefined;
  #seen = false;

  constructor(textFields: readonly string[]) {
    this.#paths = textFields.map(fieldPath);
  }

  /**
   * Looks at the rejects of a batch.
   * @param accepted whether the batch also holds accepted records; after the first such batch the call costs nothing
   */
  add(source: string, rejects: readonly Reject[], accepted: boolean): void {
    this.#seen ||= accepted;
    for (let i = 0; i < rejects.length && !this.#seen; i++) {
      const record = parseObject(rejects[i].raw);
      if (record === undefined) continue;
      this.#seen = this.#paths.some((path) => valueAt(record, path) !== undefined);
      this.#example ??= { source, reject: rejects[i] };
    }
  }

  /**
   * Reports the missing field once all records are read.
   * @throws InputError that lists the fields of a record, if there are records and none has any of the text fields
   */
  check(): void {
    if (this.#seen || this.#example === undefined) return;
    const { source, reject } = this.#example;
    throw new InputError(`no record has the text: line ${reject.line} of ${source}: ${reject.error}; see --text-field`);
  }
}

/** The object that a raw record holds, or undefined for anything else. */
function parseObject(raw: string): object | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Checks that a field named by a flag is among the columns of the inputs. Of a dotted path the first name must be a
 * column.
 * @param flag for the message
 * @param name no check if undefined
 * @throws InputError that lists the columns
 */
export function requireColumn(schema: Schema, flag: string, name: string | undefined): void {
  // JSONL without an accepted record has no columns, so nothing can be missing.
  if (name === undefined || schema.fields.length === 0 || hasColumn(schema, name)) return;
  const names = schema.fields.map((field) => field.name).join(", ");
  throw new InputError(`the inputs have no column ${name} (${flag}); their columns are ${names}`);
}

/**
 * Finds the columns that hold the text of accepted rows. One of several text fields may occur in no JSONL record.
 * Without any record a table has only the columns that this program adds. With the input's own vectors there need be no
 * text.
 * @param name of the table, for the message
 * @returns the columns of the text; empty if there is no text to read
 * @throws InputError if the table has columns but lacks that of the text
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
