import { Bool, type DataType, Field, Float64, Int64, List, Null, Schema, Struct, Uint64, Utf8 } from "apache-arrow";
import { JSON_KEY } from "../jsonl/json-text.js";
import { type Inferred, type InferredFields, KIND } from "./infer.js";

/** A column of JSON texts, which holds any mix of values exactly. */
export function jsonTextField(name: string): Field<Utf8> {
  return new Field(name, new Utf8(), true, new Map([[JSON_KEY, "true"]]));
}

// Bounds of the integer types; float64 holds every integer up to 2^53 in size.
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const FLOAT64_EXACT = 2n ** 53n;

/** The Arrow schema of records, every field nullable. */
export function inferredSchema(fields: InferredFields): Schema {
  return new Schema(arrowFields(fields));
}

/**
 * The narrowest Arrow field that holds every value seen without loss: null, bool, int64, uint64, float64 (for integers
 * too, where each is exact in float64), utf8, list or struct, and otherwise JSON text. An object without fields becomes
 * JSON text, because Parquet has no empty struct.
 */
export function inferredField(name: string, column: Inferred): Field {
  const type = arrowType(column);
  return type === undefined ? jsonTextField(name) : new Field(name, type, true);
}

function arrowType(column: Inferred): DataType | undefined {
  switch (column.kinds) {
    case 0:
      return new Null();
    case KIND.bool:
      return new Bool();
    case KIND.string:
      return new Utf8();
    case KIND.float:
      return new Float64();
    case KIND.int:
      return integerType(column);
    case KIND.int | KIND.float: {
      const { min, max } = integerRange(column);
      return min >= -FLOAT64_EXACT && max <= FLOAT64_EXACT ? new Float64() : undefined;
    }
    case KIND.list:
      return column.element && new List(inferredField("item", column.element));
    case KIND.struct:
      return column.fields?.names.length ? new Struct(arrowFields(column.fields)) : undefined;
    default:
      return undefined;
  }
}

function arrowFields(fields: InferredFields): Field[] {
  return fields.names.map((name, i) => inferredField(name, fields.columns[i]));
}

function integerType(column: Inferred): DataType | undefined {
  const { min, max } = integerRange(column);
  if (min >= INT64_MIN && max <= INT64_MAX) return new Int64();
  return min >= 0n && max <= UINT64_MAX ? new Uint64() : undefined;
}

function integerRange({ min, max, wideMin, wideMax }: Inferred): { min: bigint; max: bigint } {
  if (wideMin === undefined || wideMax === undefined) return { min: BigInt(min), max: BigInt(max) };
  // Where every integer was wide, min and max are still infinite, which BigInt refuses.
  const low = min <= max ? BigInt(min) : wideMin;
  const high = min <= max ? BigInt(max) : wideMax;
  return { min: wideMin < low ? wideMin : low, max: wideMax > high ? wideMax : high };
}
