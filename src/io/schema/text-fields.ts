import { RawNumber } from "../jsonl/numbers.js";

/** A column name or dotted path, split once. */
export interface FieldPath {
  /** As the user gave it. */
  readonly name: string;
  /** The names from the record down; one where there is no dot. */
  readonly keys: readonly string[];
}

/** Why a record has no text. */
export interface TextFault {
  /** What is wrong, lower case. */
  readonly error: string;
}

/** Field names listed in an error. */
const LISTED = 20;

/** Splits a column name at its dots. */
export function fieldPath(name: string): FieldPath {
  return { name, keys: name.split(".") };
}

/**
 * The value at a path: an own field of exactly that name comes first, then, where that is missing or null, one nested object
 * a dot; a column, where the two are the same, is read by the same rule. Undefined where there is none. Inherited properties are
 * never seen, so `constructor` is a name like any other.
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
 * The text of a record from the values of its text fields: the strings joined by a newline, those that are missing or
 * null left out. A fault where none is left, where one is no string, or where one is no valid Unicode (a lone
 * surrogate, which Arrow's utf8 cannot hold). `fieldNames` is only called for the message.
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
