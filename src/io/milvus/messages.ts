import type { MilvusClient } from "@zilliz/milvus2-sdk-node";
import type { Collection, CollectionField } from "./collection.js";

/** Ids as literals of Milvus's expressions. */
export function listed({ type }: CollectionField, ids: readonly string[]): string {
  return (type === "Int64" ? ids : ids.map((id) => JSON.stringify(id))).join(",");
}

/** The request for a collection. */
export function creation({ fields, dynamic }: Collection) {
  return {
    enable_dynamic_field: dynamic,
    fields: fields.map(({ name, type, primary, maxLength, dim }) => ({
      name,
      data_type: type as "VarChar",
      is_primary_key: primary,
      autoID: false,
      ...(maxLength === undefined ? {} : { max_length: maxLength }),
      ...(dim === undefined ? {} : { dim }),
    })),
  };
}

/** The parts of the description of a collection that a writer needs. */
export function collectionOf({ schema }: Awaited<ReturnType<MilvusClient["describeCollection"]>>): Collection {
  return {
    dynamic: schema.enable_dynamic_field,
    fields: schema.fields
      .filter(({ is_dynamic }) => !is_dynamic)
      .map((field) => ({
        name: field.name,
        type: String(field.data_type),
        primary: field.is_primary_key,
        autoId: field.autoID,
        nullable: field.nullable === true,
        optional:
          field.nullable === true || field.is_function_output === true || (field.default_value ?? null) !== null,
        maxLength: numberOf(field.max_length),
        dim: numberOf(field.dim),
      })),
  };
}

function numberOf(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : Number(value);
}
