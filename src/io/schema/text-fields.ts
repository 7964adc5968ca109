import { RawNumber } from "../jsonl/numbers.js";
import type { FieldPath, Step } from "./path.js";

/** The reason why a record has no text. */
export interface TextFault {
  /** One sentence in lower case. */
  readonly error: string;
}

/** Levels of lists inside lists that a text may have. */
const MAX_LISTS = 32;

/**
 * The value at a path of a record: that of the first way of the path that leads to one. Null where the ways lead to
 * nulls only, undefined where the record has none of them. Every element of a list gives a list of what the elements
 * have. `resolveColumns` follows the same rule for columns. Only own properties count, so that `constructor` is a name
 * like any other.
 */
export function valueAt(record: object, { name, ways }: FieldPath): unknown {
  let found = Object.hasOwn(record, name) ? (record as Record<string, unknown>)[name] : undefined;
  for (let way = 1; way < ways.length && (found === undefined || found === null); way++) {
    const value = valueAfter(record, ways[way]);
    if (value !== undefined) found = value;
  }
  return found;
}

/** The value to which steps lead from `value`; undefined where there is none. */
export function valueAfter(value: unknown, steps: readonly Step[], from = 0): unknown {
  let reached = value;
  for (let i = from; i < steps.length; i++) {
    const step = steps[i];
    if (Array.isArray(reached)) {
      if (step.kind === "all") return allAfter(reached, steps, i + 1);
      if (step.position === undefined) return undefined;
      reached = reached.at(step.position);
    } else if (step.kind === "key" && isObject(reached) && Object.hasOwn(reached, step.key)) {
      reached = reached[step.key];
    } else return undefined;
  }
  return reached;
}

/** What the elements of a list have; undefined where there are elements and none has anything. */
function allAfter(list: readonly unknown[], steps: readonly Step[], from: number): unknown[] | undefined {
  const values: unknown[] = [];
  for (let i = 0; i < list.length; i++) {
    const value = valueAfter(list[i], steps, from);
    if (value !== undefined) values.push(value);
  }
  return values.length === 0 && list.length > 0 ? undefined : values;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof RawNumber);
}

/**
 * The text of a record: the strings at its paths, joined by newlines. Of a list, also of a list of lists, every string
 * counts. What is missing or null is left out; null where no string is left. Returns a fault where something else than
 * a string is found, or a string has a lone surrogate, which Arrow's utf8 cannot hold.
 */
export function recordText(record: object, paths: readonly FieldPath[]): string | null | TextFault {
  let text: string | null = null;
  for (let i = 0; i < paths.length; i++) {
    const found = textOf(valueAt(record, paths[i]), paths[i].name);
    if (found === null) continue;
    if (typeof found !== "string") return found;
    text = text === null ? found : `${text}\n${found}`;
  }
  return text;
}

/** The text of the value at the path `name`, as `recordText` describes it. */
export function textOf(value: unknown, name: string, depth = 0): string | null | TextFault {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") {
    if (!hasLoneSurrogate(value)) return value;
    return { error: `text field ${quote(name)} holds a lone surrogate, expected valid Unicode` };
  }
  if (!Array.isArray(value) || depth > MAX_LISTS) {
    const found =
      depth === 0 ? `${kindOf(value)}, expected a string` : `a list with ${kindOf(value)}, expected strings`;
    return { error: `text field ${quote(name)} holds ${found}` };
  }
  let text: string | null = null;
  for (let i = 0; i < value.length; i++) {
    const found = textOf(value[i], name, depth + 1);
    if (found === null) continue;
    if (typeof found !== "string") return found;
    text = text === null ? found : `${text}\n${found}`;
  }
  return text;
}

/** Why a record without any text is rejected. */
export function missingText(record: object, paths: readonly FieldPath[]): string {
  const values = paths.map((path) => valueAt(record, path));
  const wanted = paths.map(({ name }) => quote(name)).join(", ");
  const one = paths.length === 1;
  const state = values.some(Array.isArray)
    ? "without a string"
    : values.includes(null)
      ? one
        ? "null"
        : "missing or null"
      : "missing";
  return `${one ? "text field" : "text fields"} ${wanted} ${one ? "is" : "are"} ${state}`;
}

/** True where a string holds half of a surrogate pair, which no UTF-8 can express. */
export function hasLoneSurrogate(text: string): boolean {
  return !text.isWellFormed();
}

/** A JSON value in words, for an error. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "a null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof RawNumber) return `the number ${value.text}`;
  switch (typeof value) {
    case "string":
      return `the string ${quote(value)}`;
    case "boolean":
      return `the boolean ${value}`;
    case "number":
    case "bigint":
      return `the number ${value}`;
    default:
      return "an object";
  }
}

/** A name or value in quotes, its beginning where it is long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}
