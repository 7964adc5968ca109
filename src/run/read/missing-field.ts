import type { Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { type ColumnPath, findColumn } from "../../io/schema/column-paths.js";
import { fieldsFor, meantPath, RecordLeaves, schemaLeaves, textFieldsFor } from "../../io/schema/field-list.js";
import { type FieldPath, fieldPath } from "../../io/schema/path.js";
import { resolveTextColumns } from "../../io/schema/text-columns.js";
import { missingText, recordText, valueAt } from "../../io/schema/text-fields.js";
import type { ToldReject } from "../../io/source.js";
import { isDedupColumn, namesOfInput } from "../write/output-columns.js";

/** Records whose fields are listed where the text is missing. */
const LISTED_RECORDS = 1000;
/** Columns listed where a flag names none of them. */
const LISTED_COLUMNS = 20;
/** Levels of lists in which a text is looked for. */
const MAX_LISTS = 32;

/**
 * Recognises inputs that lack the text field altogether, or have objects or numbers in its place, which is a mistake of
 * the command line. Single bad records are only counted while the run continues. Parquet and Arrow files lack the field
 * visibly when they are opened; JSONL shows it only in its records.
 */
export class MissingTextField {
  readonly #paths: readonly FieldPath[];
  readonly #vectors: boolean;
  readonly #fields = new RecordLeaves();
  #records = 0;
  /** The first fault of a record without the field, and of one with something else in its place. */
  readonly #faults: { missing?: string; other?: string } = {};
  /** Whether a record has the field with a null, which says nothing of the other records. */
  #null = false;
  #seen = false;

  /** @param vectorField with vectors of its own an input needs no text, and its vectors are looked for */
  constructor(textFields: readonly string[], vectorField?: string) {
    this.#paths = (vectorField === undefined ? textFields : [vectorField]).map(fieldPath);
    this.#vectors = vectorField !== undefined;
  }

  /**
   * Looks at the rejects of a batch.
   * @param accepted whether the batch also holds accepted records; after the first such batch the call costs nothing
   */
  add(source: string, rejects: readonly ToldReject[], accepted: boolean): void {
    this.#seen ||= accepted;
    for (let i = 0; i < rejects.length && !this.#seen; i++) {
      const { raw, line, error } = rejects[i];
      const record = parseObject(raw);
      if (record === undefined) continue;
      if (this.#records++ < LISTED_RECORDS) this.#fields.add(record);
      const contents = this.#paths.map((path) => contentOf(valueAt(record, path), this.#vectors ? "number" : "string"));
      this.#seen = contents.includes("fit");
      this.#null ||= contents.includes("null");
      const kind = contents.includes("other") ? "other" : "missing";
      const fault = this.#vectors ? error : missingOrFault(record, this.#paths);
      this.#faults[kind] ??= `line ${line} of ${source}: ${fault}`;
    }
  }

  /**
   * Reports the missing field once all records are read.
   * @throws InputError that lists the fields of the records, if there are records and none has any of the text fields
   */
  check(): void {
    const { missing, other } = this.#faults;
    const what = other ?? missing;
    if (this.#seen || what === undefined || (this.#null && other === undefined)) return;
    const [{ name }] = this.#paths;
    const { leaves } = this.#fields;
    if (this.#vectors)
      throw new InputError(`no record has a vector: ${what}; ${fieldsFor(name, leaves)}; see --vector-field`);
    const fields = textFieldsFor(name, leaves, other === undefined ? "did you mean" : "write");
    throw new InputError(`no record has the text: ${what}; ${fields}; see --text-field`);
  }
}

/** Why a record has no text. */
function missingOrFault(record: object, paths: readonly FieldPath[]): string {
  const text = recordText(record, paths);
  return typeof text === "object" && text !== null ? text.error : missingText(record, paths);
}

/** What is at the place of a field: values of the type, also in lists, something else, nulls only, or nothing. */
function contentOf(value: unknown, type: "string" | "number", depth = 0): "fit" | "other" | "null" | "missing" {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (!Array.isArray(value) || depth > MAX_LISTS) return typeof value === type ? "fit" : "other";
  const contents = value.map((item) => contentOf(item, type, depth + 1));
  return (["fit", "other", "null"] as const).find((content) => contents.includes(content)) ?? "missing";
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
 * Checks that a field named by a flag is among the columns of the inputs.
 * @param flag for the message
 * @param name no check if undefined
 * @throws InputError that lists the columns
 */
export function requireColumn(schema: Schema, flag: string, name: string | undefined): void {
  // JSONL without an accepted record has no columns, so nothing can be missing.
  if (name === undefined || schema.fields.length === 0 || findColumn(schema, name) !== undefined) return;
  const leaves = schemaLeaves(schema);
  const meant = meantPath(name, leaves);
  const names = leaves.slice(0, LISTED_COLUMNS).map(({ path }) => path);
  const more = leaves.length > LISTED_COLUMNS ? ` and ${leaves.length - LISTED_COLUMNS} more` : "";
  const cure = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new InputError(
    `the inputs have no column ${name} (${flag}); their columns are ${names.join(", ")}${more}${cure}`,
  );
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
  const present = textFields.filter((field) => findColumn(named, field) !== undefined);
  if (present.length > 0) return resolveTextColumns(named, present, name);
  return vectorField !== undefined || schema.fields.every((_, index) => isDedupColumn(schema, index))
    ? []
    : resolveTextColumns(named, textFields, name);
}
