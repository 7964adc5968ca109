import { RawNumber } from "../jsonl/numbers.js";
import { hasLoneSurrogate } from "./text-fields.js";

/**
 * What values of JSON a column has held, as an element of a lattice: `observe` goes up, `mergeInferred` joins, and the
 * result is the same for any order and any split of the input (but for the order of fields, which is first-seen).
 */

/** The kinds of value seen, one bit each. None: only nulls. `json`: the top, values that only JSON text can hold. */
export const KIND = { bool: 1, int: 2, float: 4, string: 8, list: 16, struct: 32, json: 64 } as const;

/** Nesting below a record beyond which a value is JSON text. */
export const MAX_DEPTH = 32;
/** Distinct fields beyond which a nested object is taken for a map and is JSON text. */
export const MAX_STRUCT_FIELDS = 1000;

/** What one column has held. Start with `new Inferred()`: only nulls. */
export class Inferred {
  /** Set of `KIND` bits; more than one only as int with float. */
  kinds = 0;
  /** Range of the integers within ±(2^53 - 1). */
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** Range of the integers beyond. */
  wideMin: bigint | undefined;
  wideMax: bigint | undefined;
  /** What the members of lists have held. */
  element: Inferred | undefined;
  /** What the fields of objects have held. */
  fields: InferredFields | undefined;
}

/** The fields of an object in the order first seen, with what each has held. */
export class InferredFields {
  readonly names: string[] = [];
  readonly columns: Inferred[] = [];
  readonly #positions = new Map<string, number>();

  /** Position of a field, new at the end where it was unknown. */
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
 * Takes in one record. `unicode` says that a string in it may hold a lone surrogate (its line had a `\u` escape), which
 * is then looked for. `depth` is that of the object, 0 for a record.
 */
export function observeFields(fields: InferredFields, object: object, unicode: boolean, depth = 0): void {
  const { names, columns } = fields;
  let expected = 0;
  for (const name in object) {
    // Records of one producer have their fields in one order: mostly no look-up.
    const position = names[expected] === name ? expected : fields.position(name);
    observe(columns[position], (object as Record<string, unknown>)[name], unicode, depth);
    expected = position + 1;
  }
}

/** Takes in one value of a column; `depth` is that of the object or list it stands in. */
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
      } else if ((kinds & KIND.float) === 0) addKind(column, Number.isFinite(value) ? KIND.float : KIND.json);
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

/** More fields than a struct should have, or a name that Arrow's utf8 cannot hold. */
function unfitFields(fields: InferredFields, unicode: boolean): boolean {
  return fields.names.length > MAX_STRUCT_FIELDS || (unicode && fields.names.some(hasLoneSurrogate));
}

/** False where the column is JSON text from now on, so that no more need be known of it. */
function addKind(column: Inferred, kind: number): boolean {
  column.kinds |= kind;
  const { kinds } = column;
  // One bit alone, or integers with floats; whatever else is mixed.
  const single = (kinds & (kinds - 1)) === 0 && kinds !== KIND.json;
  if (single || kinds === (KIND.int | KIND.float)) return true;
  setJson(column);
  return false;
}

/** To the top, in the one form it has. */
function setJson(column: Inferred): void {
  column.kinds = KIND.json;
  column.min = Number.POSITIVE_INFINITY;
  column.max = Number.NEGATIVE_INFINITY;
  column.wideMin = undefined;
  column.wideMax = undefined;
  column.element = undefined;
  column.fields = undefined;
}

/** The least upper bound of two columns, sharing nothing with either. */
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

/** The fields of both, those of `a` first, sharing nothing with either: unifies the records of two files. */
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
