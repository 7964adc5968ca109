import { InputError } from "../../errors.js";
import { type CollectionField, DYNAMIC_BYTES, type RowPlan, VARCHAR_BYTES } from "./collection.js";

/** Rows as they are sent. */
export interface OutgoingRows {
  /** Whole numbers in decimal digits, or strings. */
  readonly ids: readonly string[];
  readonly texts: readonly string[];
  /** One after another; read before `fieldData` returns. */
  readonly vectors: Float32Array;
  /** The other columns by their names. */
  readonly columns: readonly string[];
  /** JSON text of a column in a row; "null" for a null. */
  cell(column: number, row: number): string;
}

/** A column of an upsert, as `FieldData` of Milvus's protocol. */
export interface FieldData {
  readonly type: string;
  readonly field_name: string;
  readonly is_dynamic?: boolean;
  readonly valid_data?: readonly boolean[];
  readonly scalars?: object;
  readonly vectors?: object;
}

/** Range of the integer types, as bits. */
const BITS: Readonly<Record<string, bigint>> = { Int8: 8n, Int16: 16n, Int32: 32n, Int64: 64n };
/** Under which name the protocol keeps the values of a type. */
const KEYS: Readonly<Record<string, string>> = {
  Bool: "bool_data",
  Int8: "int_data",
  Int16: "int_data",
  Int32: "int_data",
  Int64: "long_data",
  Float: "float_data",
  Double: "double_data",
  VarChar: "string_data",
  JSON: "json_data",
};

/**
 * Puts rows into the columns that a collection takes. Whole numbers keep all their digits, in fields as in the JSON of
 * the dynamic field.
 * @throws InputError that names the row's id where a value does not fit its field
 */
export function fieldData(rows: OutgoingRows, plan: RowPlan): FieldData[] {
  const { ids, texts, vectors } = rows;
  const scalars = (field: CollectionField, data: readonly unknown[]): FieldData => ({
    type: field.type,
    field_name: field.name,
    scalars: { [KEYS[field.type]]: { data } },
  });
  const made = [
    scalars(plan.id, ids),
    {
      type: "FloatVector",
      field_name: plan.vector.name,
      vectors: { dim: plan.vector.dim, float_vector: { data: Array.from(vectors) } },
    },
  ];
  if (plan.text !== undefined) made.push(scalars(plan.text, texts));
  for (const { field, column } of plan.typed) made.push(typedColumn(rows, field, column));
  if (plan.hasDynamic) made.push(dynamicColumn(rows, plan));
  return made;
}

/** A column whose field has a type of its own. */
function typedColumn(rows: OutgoingRows, field: CollectionField, column: number): FieldData {
  const refuse = (row: number, text: string, expected: string) =>
    new InputError(
      `the row with the id ${JSON.stringify(rows.ids[row])} has ${text.slice(0, 60)} in the column ${field.name}, but the collection's field is ${expected}`,
    );
  const data: unknown[] = [];
  const valid = rows.ids.map((_, row) => {
    const text = rows.cell(column, row);
    if (text !== "null") data.push(typedValue(text, field, (expected) => refuse(row, text, expected)));
    else if (!field.optional) throw refuse(row, "nothing", `${field.type} and takes no null`);
    return text !== "null";
  });
  return {
    type: field.type,
    field_name: field.name,
    scalars: { [KEYS[field.type]]: { data } },
    // The protocol wants the marks only of fields that may be null or have a default.
    ...(field.optional ? { valid_data: valid } : {}),
  };
}

function typedValue(text: string, field: CollectionField, refuse: (expected: string) => Error): unknown {
  const { type, maxLength = VARCHAR_BYTES } = field;
  if (type === "JSON") return Buffer.from(text);
  if (type === "VarChar") {
    const value = text.startsWith('"') ? (JSON.parse(text) as string).toWellFormed() : text;
    if (Buffer.byteLength(value) > maxLength) throw refuse(`VarChar(${maxLength} bytes)`);
    return value;
  }
  if (type === "Bool") {
    if (text !== "true" && text !== "false") throw refuse("Bool");
    return text === "true";
  }
  if (type in BITS) {
    if (!/^-?\d+$/.test(text) || BigInt.asIntN(Number(BITS[type]), BigInt(text)) !== BigInt(text)) throw refuse(type);
    return text;
  }
  const value = Number(text);
  if (text.startsWith('"') || !Number.isFinite(value)) throw refuse(type);
  return value;
}

/** The JSON of all columns that are no fields, in one field. */
function dynamicColumn(rows: OutgoingRows, plan: RowPlan): FieldData {
  const keys = plan.dynamic.map((column) => `${JSON.stringify(rows.columns[column])}:`);
  const data = rows.ids.map((id, row) => {
    const cells = plan.dynamic.map((column, i) => keys[i] + rows.cell(column, row));
    if (plan.text === undefined) cells.unshift(`"text":${JSON.stringify(rows.texts[row])}`);
    const json = Buffer.from(`{${cells.join(",")}}`);
    if (json.length <= DYNAMIC_BYTES) return json;
    const largest = cells.reduce((a, b) => (b.length > a.length ? b : a), "");
    throw new InputError(
      `the columns of the row with the id ${JSON.stringify(id)} take ${json.length} bytes as JSON, but Milvus takes ${DYNAMIC_BYTES} for a row, most of them for ${largest.slice(0, largest.indexOf(":"))}; choose columns with --column`,
    );
  });
  return { type: "JSON", field_name: "$meta", is_dynamic: true, scalars: { json_data: { data } } };
}
