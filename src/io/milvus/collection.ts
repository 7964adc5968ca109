import { UsageError } from "../../errors.js";

/** Most bytes of a VarChar in Milvus. */
export const VARCHAR_BYTES = 65_535;
/** Most bytes of the JSON text of all dynamic columns of a row. */
export const DYNAMIC_BYTES = 65_536;

/** Types of primary keys. */
export type IdType = "Int64" | "VarChar";

/** A field of a collection, as far as a writer of rows needs it. */
export interface CollectionField {
  readonly name: string;
  /** Name of the type in Milvus, as `Int64`, `VarChar` or `FloatVector`. */
  readonly type: string;
  readonly primary: boolean;
  /** Whether the server makes the ids. */
  readonly autoId: boolean;
  /** Whether a row may lack the field: it is nullable, has a default, or the server computes it. */
  readonly optional: boolean;
  readonly nullable: boolean;
  /** Bytes of a VarChar. */
  readonly maxLength?: number;
  /** Components of a vector. */
  readonly dim?: number;
}

/** A collection as the server describes it. */
export interface Collection {
  readonly fields: readonly CollectionField[];
  /** Whether a row may have columns that are no fields. */
  readonly dynamic: boolean;
}

/** What the rows to send are made of. */
export interface RowShape {
  readonly idType: IdType;
  readonly dim: number;
  /** Names of the columns beside id, text and vector. */
  readonly columns: readonly string[];
}

/** Where each part of a row goes. */
export interface RowPlan {
  readonly id: CollectionField;
  readonly vector: CollectionField;
  /** Absent where the text goes among the dynamic columns. */
  readonly text?: CollectionField;
  /** Fields that are filled from a column, with the column's index. */
  readonly typed: readonly { readonly field: CollectionField; readonly column: number }[];
  /** Indices of the columns that go into the dynamic field. */
  readonly dynamic: readonly number[];
  /** Whether the collection has a dynamic field, which every row must then have. */
  readonly hasDynamic: boolean;
}

/** Types of fields that a column can fill. */
const FILLED = new Set(["Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double", "VarChar", "JSON"]);

/** The collection that an export makes: `id`, `text`, `vector`, and a dynamic field for every other column. */
export function newCollection({ idType, dim }: RowShape): Collection {
  const plain = { primary: false, autoId: false, optional: false, nullable: false };
  const idLength = idType === "VarChar" ? { maxLength: VARCHAR_BYTES } : {};
  return {
    dynamic: true,
    fields: [
      { ...plain, name: "id", type: idType, primary: true, ...idLength },
      { ...plain, name: "text", type: "VarChar", maxLength: VARCHAR_BYTES },
      { ...plain, name: "vector", type: "FloatVector", dim },
    ],
  };
}

/**
 * Fits rows to a collection. The primary key takes the id and the only float vector the vector, whatever their names;
 * `text` and the columns go to the fields of their names, or else into the dynamic field.
 * @param name of the collection, for messages
 * @throws UsageError that names everything that does not fit, with what was expected
 */
export function planRows(collection: Collection, shape: RowShape, name: string): RowPlan {
  const { fields, dynamic: hasDynamic } = collection;
  const faults: string[] = [];
  const id = fields.find(({ primary }) => primary);
  if (id?.autoId) faults.push(`its key ${id.name} is made by the server, but rows come with their ids`);
  else if (id?.type !== shape.idType) {
    faults.push(`its key ${id?.name} is ${id?.type}, but the ids are ${describe(shape.idType)}`);
  }
  const vectors = fields.filter(({ type }) => type === "FloatVector");
  const vector = vectors.length === 1 ? vectors[0] : vectors.find((field) => field.name === "vector");
  if (vector === undefined) faults.push(`it has no field vector of type FloatVector(${shape.dim})`);
  else if (vector.dim !== shape.dim) {
    faults.push(`its field ${vector.name} has ${vector.dim} dimensions, but the model's vectors have ${shape.dim}`);
  }
  const text = fields.find((field) => field.name === "text");
  if (text === undefined && !hasDynamic) faults.push("it has neither a field text (VarChar) nor a dynamic field");
  if (text !== undefined && text.type !== "VarChar") faults.push(`its field text is ${text.type}, expected VarChar`);
  const taken = new Set([id, vector, text]);
  const typed: { field: CollectionField; column: number }[] = [];
  for (const field of fields) {
    if (taken.has(field)) continue;
    const column = shape.columns.indexOf(field.name);
    if (column >= 0 && FILLED.has(field.type)) typed.push({ field, column });
    else if (column >= 0) faults.push(`its field ${field.name} is ${field.type}, which an export cannot fill`);
    else if (!field.optional)
      faults.push(`its field ${field.name} (${field.type}) must have a value, but no column has that name`);
  }
  const filled = new Set(typed.map(({ column }) => column));
  const dynamic = [...shape.columns.keys()].filter((column) => !filled.has(column));
  // Bookkeeping of the export may be left out; columns of the user's may not.
  const lost = hasDynamic ? [] : dynamic.filter((column) => !OWN_COLUMNS.has(shape.columns[column]));
  if (lost.length > 0) {
    const names = lost.map((column) => shape.columns[column]).join(", ");
    faults.push(`it has no dynamic field and no fields for the columns ${names} (--column chooses the columns)`);
  }
  if (faults.length > 0) {
    throw new UsageError(
      `collection ${name} does not take these rows: ${faults.join("; ")}; name another collection, which is then made`,
    );
  }
  return {
    id: id as CollectionField,
    vector: vector as CollectionField,
    text,
    typed,
    dynamic: hasDynamic ? dynamic : [],
    hasDynamic,
  };
}

/** Columns that the export adds to those of the input. */
const OWN_COLUMNS: ReadonlySet<string> = new Set(["row", "group_size", "run", "cluster", "cluster_terms"]);

function describe(type: IdType): string {
  return type === "Int64" ? "whole numbers (Int64)" : "strings (VarChar)";
}
