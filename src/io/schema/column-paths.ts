import { DataType, type Field, type Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { isListType } from "../columns/lists.js";
import { isStringType, valueType } from "../columns/strings.js";
import { isJsonField } from "../jsonl/json-text.js";
import { fieldsFor, schemaLeaves } from "./field-list.js";
import { fieldPath, type Step } from "./path.js";

/**
 * One step through the types of a schema. `entry` finds a key of a map with string keys, `json` follows the remaining
 * steps in the parsed values of a column of JSON texts, and `none` stands for all steps below a column of nulls.
 */
export type ColumnStep =
  | { readonly kind: "child"; readonly index: number }
  | { readonly kind: "entry"; readonly key: string }
  | { readonly kind: "at"; readonly position: number }
  | { readonly kind: "all" }
  | { readonly kind: "json"; readonly steps: readonly Step[] }
  | { readonly kind: "none" };

/** A way to a column: a top-level column, and the steps into it. */
export interface ColumnWay {
  /** Index in the schema. */
  readonly top: number;
  readonly steps: readonly ColumnStep[];
  /** The field to which the steps lead; below JSON text or nulls, the field of these. */
  readonly field: Field;
}

/** What a path means in a schema. */
export interface ColumnPath {
  /** As the user gave it. */
  readonly name: string;
  /** At least one, in order of preference: a row takes its value from the first way where it is not null. */
  readonly ways: readonly ColumnWay[];
}

/**
 * Finds columns by their paths. `valueAt` follows the same rule for JSON records.
 * @throws InputError that names `source` and lists the fields there are, where one is missing.
 */
export function resolveColumns(schema: Schema, names: readonly string[], source: string): ColumnPath[] {
  return names.map((name) => {
    const path = findColumn(schema, name);
    if (path !== undefined) return path;
    throw new InputError(`${source}: no field ${JSON.stringify(name)}; ${fieldsFor(name, schemaLeaves(schema))}`);
  });
}

/** Finds a column by its path; undefined where the schema has none. */
export function findColumn({ fields }: Schema, name: string): ColumnPath | undefined {
  const ways = fieldPath(name).ways.flatMap((steps) => findWay(fields, steps) ?? []);
  return ways.length > 0 ? { name, ways } : undefined;
}

/** True where the schema has every field. */
export function hasColumns(schema: Schema, names: readonly string[]): boolean {
  return names.every((name) => findColumn(schema, name) !== undefined);
}

/** The indices of the top-level columns that the paths need, ascending. */
export function topColumns(paths: readonly ColumnPath[]): number[] {
  return [...new Set(paths.flatMap(({ ways }) => ways.map(({ top }) => top)))].sort((a, b) => a - b);
}

/** The way, extended by the elements of the lists at its end, of lists of lists too. */
export function intoLists(way: ColumnWay): ColumnWay {
  let { field } = way;
  const steps = [...way.steps];
  for (let type = valueType(field.type); isListType(type); type = valueType(field.type)) {
    steps.push({ kind: "all" });
    field = type.children[0];
  }
  return { ...way, steps, field };
}

function findWay(fields: readonly Field[], [first, ...rest]: readonly Step[]): ColumnWay | undefined {
  const top = first.kind === "key" ? fields.findIndex(({ name }) => name === first.key) : -1;
  if (top < 0) return undefined;
  const steps: ColumnStep[] = [];
  let field = fields[top];
  for (let i = 0; i < rest.length; i++) {
    const next = stepInto(field, rest, i);
    if (next === undefined) return undefined;
    steps.push(next.step);
    field = next.field;
    if (next.step.kind === "json" || next.step.kind === "none") break;
  }
  return { top, steps, field };
}

/** The step `steps[i]` from a field; undefined where the field's type has none. */
function stepInto(
  field: Field,
  steps: readonly Step[],
  i: number,
): { readonly step: ColumnStep; readonly field: Field } | undefined {
  const step = steps[i];
  const type = valueType(field.type);
  if (isJsonField(field)) return { step: { kind: "json", steps: steps.slice(i) }, field };
  if (DataType.isNull(type)) return { step: { kind: "none" }, field };
  if (isListType(type)) {
    const item = type.children[0] as Field;
    if (step.kind === "all") return { step, field: item };
    return step.position === undefined ? undefined : { step: { kind: "at", position: step.position }, field: item };
  }
  if (step.kind !== "key") return undefined;
  if (DataType.isStruct(type)) {
    const index = type.children.findIndex(({ name }) => name === step.key);
    return index < 0 ? undefined : { step: { kind: "child", index }, field: type.children[index] };
  }
  if (!DataType.isMap(type)) return undefined;
  const [key, value] = type.children[0].type.children as Field[];
  return isStringType(key.type) ? { step: { kind: "entry", key: step.key }, field: value } : undefined;
}
