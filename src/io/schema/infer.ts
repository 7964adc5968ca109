import { RawNumber } from "../jsonl/numbers.js";
import { hasLoneSurrogate } from "./text-fields.js";

/**
 * Infers the type of a column from its JSON values. The summary of the values seen is an element of a lattice, with
 * nulls alone at the bottom and JSON text at the top: `observe` moves up, and `mergeInferred` takes the least upper
 * bound of two summaries. So any order and any split of the input give the same result, except that fields stand in the
 * order first seen.
 *
 *                     json
 *       /     /      |      \       \
 *     bool  string  number   list   struct      number: int, float, or both
 *       \     \      |      /       /
 *                  only nulls
 */

/**
 * One bit for each kind of value seen; no bit stands for nulls alone, and `json` for a mix that only JSON text can
 * hold.
 */
export const KIND = { bool: 1, int: 2, float: 4, string: 8, list: 16, struct: 32, json: 64 } as const;

/** Levels of nesting below a record; a deeper value becomes JSON text. */
export const MAX_DEPTH = 32;
/** Distinct fields of a nested object. With more, the object was used as a map, and becomes JSON text. */
export const MAX_STRUCT_FIELDS = 1000;

/** The summary of the values of one column. A new one stands for a column of nulls. */
export class Inferred {
  /** Set of `KIND` bits. The only set of two bits is int with float. */
  kinds = 0;
  /** Range of the integers within ±(2^53 - 1). */
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** Range of the larger integers; undefined where none was seen. */
  wideMin: bigint | undefined;
  wideMax: bigint | undefined;
  /** Summary of the members of all lists. */
  element: Inferred | undefined;
  /** Summaries of the fields of all objects. */
  fields: InferredFields | undefined;
}

/** The fields of objects in the order first seen, each with the summary of its values. */
export class InferredFields {
  readonly names: string[] = [];
  readonly columns: Inferred[] = [];
  readonly #positions = new Map<string, number>();

  /** Index of a field in `names` and `columns`; an unknown field is added at the end. */
  position(name: string): number {
    const known = this.#positions.get(name);
    if (known !== undefined) return known;
    const position = this.names.length;
    this.#positions.set(name, position);
    this.names.push(name);
    this.columns.push(new Inferred());
    return position;
  }
}

/**
 * Adds one record or nested object to the summaries of its fields.
 * @param unicode true where a string may hold a lone surrogate, because the line had a `\u` escape; only then is it
 * searched for
 * @param depth level of the object, 0 for a record
 */
export function observeFields(fields: InferredFields, object: object, unicode: boolean, depth = 0): void {
  const { names, columns } = fields;
  let expected = 0;
  for (const name in object) {
    // Records of one producer have their fields in the same order, so that most fields need no look-up.
    const position = names[expected] === name ? expected : fields.position(name);
    observe(columns[position], (object as Record<string, unknown>)[name], unicode, depth);
    expected = position + 1;
  }
}

/** Adds one value to the summary of its column; `depth` is the level of the object or list that holds the value. */
export function observe(column: Inferred, value: unknown, unicode: boolean, depth = 0): void {
  const { kinds } = column;
  if (kinds === KIND.json) return;
  switch (typeof value) {
    case "string":
      if (unicode && hasLoneSurrogate(value)) setJson(column);
      else if (kinds !== KIND.string) addKind(column, KIND.string);
      return;
    case "number":
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        if ((kinds & KIND.int) === 0 && !addKind(column, KIND.int)) return;
        if (value < column.min) column.min = value;
        if (value > column.max) column.max = value;
      } else if ((kinds & KIND.float) === 0) addKind(column, KIND.float);
      return;
    case "boolean":
      if (kinds !== KIND.bool) addKind(column, KIND.bool);
      return;
    case "bigint":
      if (!addKind(column, KIND.int)) return;
      if (column.wideMin === undefined || value < column.wideMin) column.wideMin = value;
      if (column.wideMax === undefined || value > column.wideMax) column.wideMax = value;
      return;
    case "object":
      if (value !== null) observeObject(column, value, unicode, depth);
  }
}

function observeObject(column: Inferred, value: object, unicode: boolean, depth: number): void {
  if (value instanceof RawNumber) {
    if (!value.fits) setJson(column);
    else if ((column.kinds & KIND.float) === 0) addKind(column, KIND.float);
    return;
  }
  if (depth >= MAX_DEPTH) {
    setJson(column);
    return;
  }
  if (Array.isArray(value)) {
    if (!addKind(column, KIND.list)) return;
    column.element ??= new Inferred();
    for (let i = 0; i < value.length; i++) observe(column.element, value[i], unicode, depth + 1);
    return;
  }
  if (!addKind(column, KIND.struct)) return;
  column.fields ??= new InferredFields();
  observeFields(column.fields, value, unicode, depth + 1);
  if (unfitFields(column.fields, unicode)) setJson(column);
}

/** True for more fields than a struct may have, or a name that Arrow's utf8 cannot hold. */
function unfitFields(fields: InferredFields, unicode: boolean): boolean {
  return fields.names.length > MAX_STRUCT_FIELDS || (unicode && fields.names.some(hasLoneSurrogate));
}

/** Adds a kind. Returns false where the column has become JSON text, so that its values need no further inspection. */
function addKind(column: Inferred, kind: number): boolean {
  column.kinds |= kind;
  const { kinds } = column;
  // A single bit, or integers with floats, has an Arrow type; every other mix has none.
  const single = (kinds & (kinds - 1)) === 0 && kinds !== KIND.json;
  if (single || kinds === (KIND.int | KIND.float)) return true;
  setJson(column);
  return false;
}

/** Moves to the top of the lattice, which has one representation, so that equal summaries have equal fields. */
function setJson(column: Inferred): void {
  column.kinds = KIND.json;
  column.min = Number.POSITIVE_INFINITY;
  column.max = Number.NEGATIVE_INFINITY;
  column.wideMin = undefined;
  column.wideMax = undefined;
  column.element = undefined;
  column.fields = undefined;
}

/** The least upper bound of two summaries: a new object that shares nothing with either. */
export function mergeInferred(a: Inferred, b: Inferred): Inferred {
  const merged = new Inferred();
  merged.kinds = a.kinds;
  if (!addKind(merged, b.kinds)) return merged;
  merged.min = Math.min(a.min, b.min);
  merged.max = Math.max(a.max, b.max);
  merged.wideMin = least(a.wideMin, b.wideMin);
  merged.wideMax = greatest(a.wideMax, b.wideMax);
  if (a.element ?? b.element) merged.element = mergeInferred(a.element ?? new Inferred(), b.element ?? new Inferred());
  if (a.fields ?? b.fields) {
    merged.fields = mergeInferredFields(a.fields ?? new InferredFields(), b.fields ?? new InferredFields());
    if (unfitFields(merged.fields, false)) setJson(merged);
  }
  return merged;
}

/** Merges the fields of two files: those of `a` first, then the new ones of `b`, in new objects. */
export function mergeInferredFields(a: InferredFields, b: InferredFields): InferredFields {
  const merged = new InferredFields();
  for (const fields of [a, b]) {
    for (let i = 0; i < fields.names.length; i++) {
      const position = merged.position(fields.names[i]);
      merged.columns[position] = mergeInferred(merged.columns[position], fields.columns[i]);
    }
  }
  return merged;
}

function least(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

function greatest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}
