import { DataType, type Field, Schema } from "apache-arrow";
import { decodeSchema, encodeSchema } from "../arrow/schema-message.js";
import { Inferred, InferredFields } from "./infer.js";
import type { ScannedColumns } from "./source-schema.js";
import { SurveyedTimestamp } from "./surveyed-timestamp.js";
import { withChildren } from "./unify.js";

/* The columns that a scan has found, as JSON, so that another process can unite them with those of other files. */

/** A summary of values as JSON, whose infinite ranges and absent parts are left out. */
interface StoredColumn {
  readonly kinds: number;
  /** Range of the integers. */
  readonly range?: readonly [number, number];
  /** Range of the larger integers, as decimals. */
  readonly wide?: readonly [string, string];
  readonly element?: StoredColumn;
  readonly fields?: StoredFields;
}

type StoredFields = readonly (readonly [name: string, column: StoredColumn])[];

/** A schema as JSON. */
export interface StoredSchema {
  /** The schema as an IPC message in base64. */
  readonly message: string;
  /** Surveyed timestamps by their places: Arrow has no word for what their values need. */
  readonly surveyed: readonly (readonly [path: string, wide: boolean, fine: boolean])[];
}

/** What `ScannedColumns` holds, without the columns that are added to the file. */
export type StoredColumns = { readonly inferred: StoredFields } | { readonly schema: StoredSchema };

/** Stores the columns of a source that has been scanned. */
export async function storeColumns(source: ScannedColumns): Promise<StoredColumns> {
  const { inferred } = source;
  return inferred === undefined ? { schema: storeSchema(await source.schema()) } : { inferred: storeFields(inferred) };
}

/** The columns that were stored; `added` are those that are added to the file. @throws Error where they are damaged */
export function restoreColumns(stored: StoredColumns, added: ScannedColumns["added"]): ScannedColumns {
  if ("schema" in stored) return { schema: async () => restoreSchema(stored.schema), added };
  return {
    inferred: restoreFields(stored.inferred),
    schema: () => Promise.reject(new Error("the columns of records are united by their summaries")),
    added,
  };
}

/** Stores a schema. Its dictionaries keep the ids that they have in this process. */
export function storeSchema(schema: Schema): StoredSchema {
  const surveyed: [string, boolean, boolean][] = [];
  const visit = ({ type }: Field, path: string): void => {
    if (type instanceof SurveyedTimestamp) surveyed.push([path, type.wide, type.fine]);
    for (const [i, child] of childrenOf(type).entries()) visit(child, `${path}.${i}`);
  };
  for (const [i, field] of schema.fields.entries()) visit(field, `${i}`);
  return { message: encodeSchema(schema), surveyed };
}

/** The schema that was stored. @throws Error where it is damaged */
export function restoreSchema({ message, surveyed }: StoredSchema): Schema {
  const plain = decodeSchema(message);
  if (plain === undefined) throw new Error("a stored schema is damaged; run the same command again with --fresh");
  const types = new Map(surveyed.map(([path, wide, fine]) => [path, new SurveyedTimestamp({ wide, fine })]));
  const restore = (field: Field, path: string): Field => {
    const timestamp = types.get(path);
    if (timestamp !== undefined) return field.clone({ type: timestamp });
    const children = childrenOf(field.type);
    const restored = children.map((child, i) => restore(child, `${path}.${i}`));
    return restored.every((child, i) => child === children[i])
      ? field
      : field.clone({ type: withChildren(field.type, restored) });
  };
  return new Schema(
    plain.fields.map((field, i) => restore(field, `${i}`)),
    plain.metadata,
  );
}

/** The fields inside of a type; none of a dictionary, whose values are never surveyed. */
function childrenOf(type: DataType): readonly Field[] {
  return DataType.isDictionary(type) ? [] : ((type.children ?? []) as Field[]);
}

function storeFields({ names, columns }: InferredFields): StoredFields {
  return names.map((name, i) => [name, storeColumn(columns[i])]);
}

function storeColumn({ kinds, min, max, wideMin, wideMax, element, fields }: Inferred): StoredColumn {
  return {
    kinds,
    ...(min <= max ? { range: [min, max] } : {}),
    ...(wideMin === undefined || wideMax === undefined ? {} : { wide: [`${wideMin}`, `${wideMax}`] }),
    ...(element === undefined ? {} : { element: storeColumn(element) }),
    ...(fields === undefined ? {} : { fields: storeFields(fields) }),
  };
}

function restoreFields(stored: StoredFields): InferredFields {
  const fields = new InferredFields();
  for (const [name, column] of stored) fields.columns[fields.position(name)] = restoreColumn(column);
  return fields;
}

function restoreColumn({ kinds, range, wide, element, fields }: StoredColumn): Inferred {
  const column = new Inferred();
  column.kinds = kinds;
  if (range !== undefined) [column.min, column.max] = range;
  if (wide !== undefined) [column.wideMin, column.wideMax] = [BigInt(wide[0]), BigInt(wide[1])];
  if (element !== undefined) column.element = restoreColumn(element);
  if (fields !== undefined) column.fields = restoreFields(fields);
  return column;
}
