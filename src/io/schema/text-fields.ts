import { RawNumber } from "../jsonl/numbers.js";

/** A column name or dotted path, split once. */
export interface FieldPath {
  /** As the user gave it. */
  readonly name: string;
  /** The names from the record down; one where there is no dot. */
  readonly keys: readonly string[];
}

/** The reason why a record has no text. */
export interface TextFault {
  /** One sentence in lower case. */
  readonly error: string;
}

/** Field names listed in an error. */
const LISTED = 20;

/** Splits a column name at its dots. */
export function fieldPath(name: string): FieldPath {
  return { name, keys: name.split(".") };
}

/**
 * The value at a path; undefined where the record has none. A field of exactly that name comes first. Where that field
 * is missing or null, each dot steps into a nested object. `resolveColumns` follows the same rule for columns. Only own
 * properties count, so that `constructor` is a name like any other.
 */
export function valueAt(record: object, path: FieldPath): unknown {
  const own = Object.hasOwn(record, path.name) ? (record as Record<string, unknown>)[path.name] : undefined;
  if (path.keys.length === 1 || (own !== undefined && own !== null)) return own;
  let value: unknown = record;
  for (const key of path.keys) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) {
      return own;
    }
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/**
 * The text of a record: the strings of its text fields, without missing and null ones, joined by newlines. Returns a
 * fault where no string is left, where a value is not a string, or where a string has a lone surrogate, which Arrow's
 * utf8 cannot hold.
 * @param values the value of each path
 * @param fieldNames names of the record's fields; called only for the message of a fault
 */
export function joinText(
  values: readonly unknown[],
  paths: readonly FieldPath[],
  fieldNames: () => readonly string[],
): string | TextFault {
  let text: string | undefined;
  for (let i = 0; i < paths.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    if (typeof value !== "string") {
      return { error: `text field ${quote(paths[i].name)} holds ${kindOf(value)}, expected a string` };
    }
    if (hasLoneSurrogate(value)) {
      return { error: `text field ${quote(paths[i].name)} holds a lone surrogate, expected valid Unicode` };
    }
    text = text === undefined ? value : `${text}\n${value}`;
  }
  return text ?? { error: missing(values, paths, fieldNames()) };
}

/** True where a string holds half of a surrogate pair, which no UTF-8 can express. */
export function hasLoneSurrogate(text: string): boolean {
  return !text.isWellFormed();
}

function missing(values: readonly unknown[], paths: readonly FieldPath[], names: readonly string[]): string {
  const wanted = paths.map((path) => quote(path.name)).join(", ");
  const label = paths.length === 1 ? "text field" : "text fields";
  const state = values.some((value) => value === null) ? (paths.length === 1 ? "null" : "missing or null") : "missing";
  const verb = paths.length === 1 ? "is" : "are";
  if (names.length === 0) return `${label} ${wanted} ${verb} ${state}; the record has no fields`;
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : "";
  return `${label} ${wanted} ${verb} ${state}; the fields are ${names.slice(0, LISTED).map(quote).join(", ")}${more}`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof RawNumber) return `the number ${value.text}`;
  switch (typeof value) {
    case "boolean":
      return `the boolean ${value}`;
    case "number":
    case "bigint":
      return `the number ${value}`;
    default:
      return "an object";
  }
}

function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}
