import {
  Binary,
  DataType,
  Decimal,
  type Dictionary,
  Field,
  List,
  Struct,
  TimeMillisecond,
  Timestamp,
  TimestampMillisecond,
  Utf8,
} from "apache-arrow";
import type { SchemaElement } from "hyparquet-writer";
import { isStringType } from "../columns/strings.js";
import { isJsonField, JSON_KEY } from "../jsonl/json-text.js";
import { isUuidField } from "../schema/extension.js";
import { mapOf, withChildren } from "../schema/unify.js";

/**
 * The field that a Parquet file holds in place of `field`:
 *
 * | Arrow | Parquet |
 * |---|---|
 * | dictionary-encoded values | the values |
 * | views, large lists | strings or bytes, lists |
 * | timestamps and times in seconds | in milliseconds |
 * | dates in milliseconds | timestamps |
 * | fixed-width bytes of width 0 | bytes |
 * | decimals of a negative scale | of scale 0; JSON text beyond 76 digits |
 * | unions, intervals, structs without fields | JSON text, since Parquet has no such types |
 */
export function storedField(field: Field): Field {
  const { type } = field;
  if (DataType.isDictionary(type)) return storedField(field.clone({ type: (type as Dictionary).dictionary }));
  if (isStringType(type) && !DataType.isLargeUtf8(type)) return field.clone({ type: new Utf8() });
  if (DataType.isBinaryView(type)) return field.clone({ type: new Binary() });
  if (DataType.isTimestamp(type) && type.unit === 0) return field.clone({ type: new Timestamp(1, type.timezone) });
  if (DataType.isTime(type) && type.unit === 0) return field.clone({ type: new TimeMillisecond() });
  if (DataType.isDate(type) && type.unit === 1) return field.clone({ type: new TimestampMillisecond() });
  if (DataType.isFixedSizeBinary(type) && type.byteWidth === 0) return field.clone({ type: new Binary() });
  const decimal = DataType.isDecimal(type) ? storedDecimal(type) : undefined;
  if (decimal !== undefined && decimal.precision <= MAX_DIGITS) return field.clone({ type: decimal });
  const children = (type.children ?? []) as Field[];
  const foreign =
    decimal !== undefined ||
    DataType.isUnion(type) ||
    DataType.isInterval(type) ||
    (DataType.isStruct(type) && children.length === 0);
  if (foreign) {
    return new Field(field.name, new Utf8(), true, new Map([[JSON_KEY, "true"]]));
  }
  if (children.length === 0) return field;
  const stored = children.map(storedField);
  if (DataType.isMap(type)) {
    const [key, value] = stored[0].type.children as Field[];
    const entries = new Struct([key.clone({ name: "key", nullable: false }), value.clone({ name: "value" })]);
    return field.clone({ type: mapOf(new Field("entries", entries, false), type.keysSorted) });
  }
  return field.clone({ type: DataType.isLargeList(type) ? new List(stored[0]) : withChildren(type, stored) });
}

/** Most digits of a decimal in Arrow. */
const MAX_DIGITS = 76;

// Parquet asks for a scale between 0 and the precision: 12e2 becomes 1200, and 0.0012 of two digits has four.
function storedDecimal({ scale, precision, bitWidth }: Decimal): Decimal {
  if (scale >= 0 && scale <= precision) return new Decimal(scale, precision, bitWidth);
  const digits = scale < 0 ? precision - scale : scale;
  return new Decimal(Math.max(scale, 0), digits, digits <= 38 ? 128 : 256);
}

/** Whether `storedField` turns a type that is not JSON text into JSON text. */
export function becomesJson(original: Field, stored: Field): boolean {
  return isJsonField(stored) && !isJsonField(original);
}

/**
 * The schema elements of a field from `storedField`: its own element, then the elements of its children, depth first.
 */
export function elementsOf(field: Field): SchemaElement[] {
  const { name, type, nullable } = field;
  const repetition_type = nullable ? "OPTIONAL" : "REQUIRED";
  if (DataType.isStruct(type)) {
    return [{ name, repetition_type, num_children: type.children.length }, ...type.children.flatMap(elementsOf)];
  }
  if (DataType.isMap(type)) {
    const [key, value] = type.children[0].type.children as Field[];
    return [
      { name, repetition_type, num_children: 1, converted_type: "MAP", logical_type: { type: "MAP" } },
      { name: "key_value", repetition_type: "REPEATED", num_children: 2 },
      ...elementsOf(key),
      ...elementsOf(value),
    ];
  }
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    return [
      { name, repetition_type, num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      ...elementsOf(type.children[0].clone({ name: "element" })),
    ];
  }
  const logical = isUuidField(field) ? ({ logical_type: { type: "UUID" } } as const) : {};
  return [{ name, repetition_type, ...leafElement(type), ...logical }];
}

type Leaf = Omit<SchemaElement, "name" | "repetition_type">;

function leafElement(type: DataType): Leaf {
  if (DataType.isNull(type)) return { type: "INT32", logical_type: { type: "NULL" } };
  if (DataType.isBool(type)) return { type: "BOOLEAN" };
  if (isStringType(type)) return { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
  if (DataType.isFixedSizeBinary(type)) return { type: "FIXED_LEN_BYTE_ARRAY", type_length: type.byteWidth };
  if (DataType.isInt(type)) {
    const physical = type.bitWidth === 64 ? "INT64" : "INT32";
    if (type.isSigned && type.bitWidth >= 32) return { type: physical };
    return { type: physical, converted_type: `${type.isSigned ? "INT" : "UINT"}_${type.bitWidth as 8}` };
  }
  if (DataType.isFloat(type)) {
    if (type.precision === 0)
      return { type: "FIXED_LEN_BYTE_ARRAY", type_length: 2, logical_type: { type: "FLOAT16" } };
    return { type: type.precision === 1 ? "FLOAT" : "DOUBLE" };
  }
  if (DataType.isDecimal(type)) return decimalElement(type.precision, type.scale);
  if (DataType.isDate(type)) return { type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } };
  if (DataType.isTime(type)) {
    const unit = UNITS[type.unit];
    return { type: type.unit === 1 ? "INT32" : "INT64", logical_type: { type: "TIME", isAdjustedToUTC: false, unit } };
  }
  if (DataType.isTimestamp(type)) {
    const isAdjustedToUTC = Boolean(type.timezone);
    return { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC, unit: UNITS[type.unit] } };
  }
  if (DataType.isDuration(type)) return { type: "INT64" };
  return { type: "BYTE_ARRAY" };
}

// By Arrow's units. Seconds, unit 0, do not occur in a stored field.
const UNITS = ["MILLIS", "MILLIS", "MICROS", "NANOS"] as const;

function decimalElement(precision: number, scale: number): Leaf {
  const shared = {
    converted_type: "DECIMAL",
    precision,
    scale,
    logical_type: { type: "DECIMAL", precision, scale },
  } as const;
  if (precision <= 9) return { type: "INT32", ...shared };
  if (precision <= 18) return { type: "INT64", ...shared };
  // Bytes of 10^precision in two's complement: 38 digits take 127 bits and a sign, which is 16 bytes.
  const type_length = Math.ceil((precision * Math.log2(10) + 1) / 8);
  return { type: "FIXED_LEN_BYTE_ARRAY", type_length, ...shared };
}
