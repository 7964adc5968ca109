import { isAscii, isUtf8 } from "node:buffer";
import { type Data, DataType, type Dictionary, type Field, type Vector } from "apache-arrow";
import { isValid, valueBytes } from "./layout.js";

/** True for Utf8, LargeUtf8 and Utf8View, and for dictionaries of them. */
export function isStringType(type: DataType): boolean {
  if (DataType.isDictionary(type)) return isStringType((type as Dictionary).dictionary);
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type);
}

/** True for strings and for binary types, whose bytes are text where they are UTF-8; and for dictionaries of them. */
export function isTextType(type: DataType): boolean {
  const values = valueType(type);
  return isStringType(values) || isBinaryType(values);
}

/** True for Binary, LargeBinary, BinaryView and FixedSizeBinary. */
function isBinaryType(type: DataType): boolean {
  const variable = DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type);
  return variable || DataType.isFixedSizeBinary(type);
}

/** The type of a column's values, behind any dictionary. */
export function valueType(type: DataType): DataType {
  return DataType.isDictionary(type) ? valueType((type as Dictionary).dictionary) : type;
}

/**
 * A reader of the strings of a column by row, for a string or binary type without a dictionary. Bytes that are not UTF-8 come as
 * U+FFFD. The row must not be null: its string would be arbitrary. An ASCII column is decoded as Latin-1, which is
 * faster.
 */
export function stringReader(data: Data): (row: number) => string {
  const { valueOffsets, length } = data;
  if (valueOffsets === undefined) {
    return (row) => {
      const bytes = valueBytes(data, row);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    };
  }
  const first = Number(valueOffsets[0]);
  const used = data.values.subarray(first, Number(valueOffsets[length])) as Uint8Array;
  const buffer = Buffer.from(used.buffer, used.byteOffset, used.byteLength);
  const encoding = isAscii(used) ? "latin1" : "utf8";
  if (valueOffsets instanceof Int32Array) {
    return (row) => buffer.toString(encoding, valueOffsets[row] - first, valueOffsets[row + 1] - first);
  }
  return (row) => buffer.toString(encoding, Number(valueOffsets[row]) - first, Number(valueOffsets[row + 1]) - first);
}

/**
 * True where every value of a string or binary column without a dictionary is UTF-8. The check is one pass over the whole buffer
 * at memory speed, so it may also return false because of bytes that belong to a null.
 */
export function isUtf8Column(data: Data): boolean {
  const { valueOffsets, length } = data;
  if (valueOffsets === undefined) {
    for (let row = 0; row < length; row++) if (isValid(data, row) && !isUtf8Value(data, row)) return false;
    return true;
  }
  const values = data.values as Uint8Array;
  if (!isUtf8(values.subarray(Number(valueOffsets[0]), Number(valueOffsets[length])))) return false;
  // A character split between two values is valid in the whole buffer, and invalid in each value: no value may start
  // with a continuation byte (10xxxxxx).
  const end = Number(valueOffsets[length]);
  for (let row = 1; row < length; row++) {
    const start = Number(valueOffsets[row]);
    if (start < end && (values[start] & 0xc0) === 0x80) return false;
  }
  return true;
}

/** True where the bytes of one value are UTF-8. */
export function isUtf8Value(data: Data, row: number): boolean {
  return isUtf8(valueBytes(data, row));
}

/**
 * The path of the first column that has a value, not null, whose bytes are not UTF-8; undefined where every string is
 * UTF-8. Each dictionary is checked once in the process.
 */
export function invalidUtf8(data: Data, field: Field, path = field.name): string | undefined {
  const { type } = data;
  if (DataType.isDictionary(type)) {
    const { dictionary } = data;
    if (dictionary === undefined || checked.has(dictionary)) return undefined;
    const value = field.clone({ type: (type as Dictionary).dictionary });
    if (dictionary.data.some((chunk) => invalidUtf8(chunk, value, path) !== undefined)) return path;
    checked.add(dictionary);
    return undefined;
  }
  if (isStringType(type)) return isUtf8Column(data) || allValidAreUtf8(data) ? undefined : path;
  const children = (type.children ?? []) as Field[];
  for (let i = 0; i < children.length; i++) {
    const found = invalidUtf8(data.children[i], children[i], `${path}.${children[i].name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const checked = new WeakSet<Vector>();

function allValidAreUtf8(data: Data): boolean {
  for (let row = 0; row < data.length; row++) if (isValid(data, row) && !isUtf8Value(data, row)) return false;
  return true;
}
