import {
  Binary,
  Bool,
  DataType,
  DateDay,
  Decimal,
  FixedSizeBinary,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  Null,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  Timestamp,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from "apache-arrow";
import { NANOSECOND } from "../schema/surveyed-timestamp.js";
import type { SchemaElement } from "./file.js";
import type { DenseValues } from "./values.js";

const TIME_UNITS = ["", "MILLIS", "MICROS", "NANOS"];

/**
 * The Arrow type that holds every value of a leaf exactly. The logical type decides where there is one, then the older
 * converted type, then the physical type. https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 * @throws Error for an unknown physical type and for decimals of more than 76 digits
 */
export function leafType(element: SchemaElement): DataType {
  const { type, type_length: width, converted_type: converted, logical_type: logical } = element;
  if (type === "FIXED_LEN_BYTE_ARRAY" && !(typeof width === "number" && width > 0)) {
    throw new Error(`column ${JSON.stringify(element.name)} of fixed width has no width of at least 1`);
  }
  if (logical?.type === "NULL") return new Null();
  if (logical?.type === "DECIMAL" || converted === "DECIMAL") return decimalType(element);
  switch (type) {
    case "BOOLEAN":
      return new Bool();
    case "INT32":
      return int32Type(element);
    case "INT64":
      return int64Type(element);
    case "INT96":
      // An old timestamp without a time zone; `surveyInt96` finds its unit.
      return element.int96 ?? new Timestamp(3);
    case "FLOAT":
      return new Float32();
    case "DOUBLE":
      return new Float64();
    case "BYTE_ARRAY": {
      const text =
        ["STRING", "ENUM", "JSON"].includes(logical?.type ?? "") || ["UTF8", "ENUM", "JSON"].includes(converted ?? "");
      return text ? new Utf8() : new Binary();
    }
    case "FIXED_LEN_BYTE_ARRAY":
      return logical?.type === "FLOAT16" && width === 2 ? new Float16() : new FixedSizeBinary(width as number);
    default:
      throw new Error(`column ${JSON.stringify(element.name)} has the unknown type ${type}`);
  }
}

function int32Type({ converted_type: converted, logical_type: logical }: SchemaElement): DataType {
  if (logical?.type === "DATE" || converted === "DATE") return new DateDay();
  if (logical?.type === "TIME" || converted === "TIME_MILLIS") return new TimeMillisecond();
  const bits = logical?.type === "INTEGER" ? logical.bitWidth : Number(converted?.match(/^U?INT_(\d+)$/)?.[1] ?? 32);
  const signed = logical?.type === "INTEGER" ? logical.isSigned : !converted?.startsWith("UINT_");
  if (bits === 8) return signed ? new Int8() : new Uint8();
  if (bits === 16) return signed ? new Int16() : new Uint16();
  return signed ? new Int32() : new Uint32();
}

function int64Type({ converted_type: converted, logical_type: logical }: SchemaElement): DataType {
  if (logical?.type === "TIMESTAMP") {
    return new Timestamp(TIME_UNITS.indexOf(logical.unit), logical.isAdjustedToUTC ? "UTC" : null);
  }
  // The older converted types always mean UTC.
  if (converted === "TIMESTAMP_MILLIS") return new Timestamp(1, "UTC");
  if (converted === "TIMESTAMP_MICROS") return new Timestamp(2, "UTC");
  if (logical?.type === "TIME") return logical.unit === "NANOS" ? new TimeNanosecond() : new TimeMicrosecond();
  if (converted === "TIME_MICROS") return new TimeMicrosecond();
  const signed = logical?.type === "INTEGER" ? logical.isSigned : converted !== "UINT_64";
  return signed ? new Int64() : new Uint64();
}

function decimalType({ name, logical_type: logical, precision, scale }: SchemaElement): DataType {
  const digits = logical?.type === "DECIMAL" ? logical.precision : precision;
  const fraction = (logical?.type === "DECIMAL" ? logical.scale : scale) ?? 0;
  if (!(typeof digits === "number" && digits > 0 && digits <= 76)) {
    const found = typeof digits === "number" ? `of ${digits} digits` : "without a number of digits";
    throw new Error(`column ${JSON.stringify(name)} is a decimal ${found}, expected 1 to 76`);
  }
  if (!(fraction >= 0 && fraction <= digits)) {
    throw new Error(`column ${JSON.stringify(name)} is a decimal of ${digits} digits, ${fraction} of them a fraction`);
  }
  return new Decimal(fraction, digits, digits <= 38 ? 128 : 256);
}

/**
 * Converts values from Parquet's representation of a physical type to Arrow's representation of `type`. Returns
 * `values` itself where the two are the same.
 * @throws Error where a value does not fit the type
 */
export function arrowValues(values: DenseValues, physical: string, type: DataType): DenseValues {
  if (DataType.isDecimal(type)) return decimals(values, physical, type.bitWidth >> 3);
  if (physical === "INT96" && DataType.isTimestamp(type)) return timestamps(values, type.unit);
  if (physical === "INT32" && DataType.isInt(type) && type.bitWidth < 32) return narrowed(values, type.bitWidth >> 3);
  return values;
}

// Parquet stores integers of 8 and 16 bits in 32 bits, little-endian, so the first bytes are the value.
function narrowed({ count, bytes }: DenseValues, width: number): DenseValues {
  const target = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) for (let k = 0; k < width; k++) target[i * width + k] = bytes[i * 4 + k];
  return { count, bytes: target };
}

/** Bytes of an INT96. */
export const INT96_WIDTH = 12;
/** The Julian day number of 1970-01-01. */
export const JULIAN_EPOCH = 2_440_588;

/**
 * Nanoseconds from 1970 of the INT96 at byte `at`: the nanoseconds of the day in 8 bytes, then the Julian day number
 * in 4.
 */
export function int96Nanoseconds(view: DataView, at: number): bigint {
  const days = BigInt(view.getInt32(at + 8, true) - JULIAN_EPOCH);
  return days * 86_400_000_000_000n + view.getBigInt64(at, true);
}

function timestamps({ count, bytes }: DenseValues, unit: number): DenseValues {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const target = new BigInt64Array(count);
  const divisor = unit === NANOSECOND ? 1n : 1000n;
  for (let i = 0; i < count; i++) {
    const nanoseconds = int96Nanoseconds(view, i * INT96_WIDTH);
    const value = nanoseconds / divisor;
    if (value * divisor !== nanoseconds || BigInt.asIntN(64, value) !== value)
      throw new Error(`a timestamp ${nanoseconds} ns from 1970, which does not fit its unit`);
    target[i] = value;
  }
  return { count, bytes: new Uint8Array(target.buffer) };
}

/**
 * Converts decimals to two's complement of `width` bytes, little-endian. Parquet stores them as little-endian INT32 or
 * INT64, or as big-endian byte arrays of any length; a longer array fits where its extra bytes only repeat the sign.
 */
function decimals({ count, bytes, ends }: DenseValues, physical: string, width: number): DenseValues {
  const target = new Uint8Array(count * width);
  const little = physical === "INT32" || physical === "INT64";
  const stored = count === 0 ? 0 : Math.floor(bytes.length / count);
  let from = 0;
  for (let i = 0; i < count; i++) {
    const end = ends === undefined ? from + stored : ends[i];
    const size = end - from;
    if (size > width && !isSigned(bytes, from, size - width))
      throw new Error(`a decimal of ${size} bytes, expected at most ${width}`);
    const sign = size > 0 && bytes[little ? end - 1 : from] >= 128 ? 255 : 0;
    for (let k = 0; k < width; k++) target[i * width + k] = k >= size ? sign : bytes[little ? from + k : end - 1 - k];
    from = end;
  }
  return { count, bytes: target };
}

// Whether the first `extra` bytes only repeat the sign of the bytes after them.
function isSigned(bytes: Uint8Array, from: number, extra: number): boolean {
  const sign = bytes[from + extra] >= 128 ? 255 : 0;
  for (let i = 0; i < extra; i++) if (bytes[from + i] !== sign) return false;
  return true;
}
