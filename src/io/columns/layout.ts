import { type Data, DataType } from "apache-arrow";
import { bitAt } from "./bits.js";

// Layouts: https://arrow.apache.org/docs/format/Columnar.html. In apache-arrow the value and offset buffers of a Data
// start at its first row. Only bitmaps, which cannot be cut within a byte, start earlier: row i is bit `offset + i` of
// the validity and of the values of a boolean column.

/**
 * Bytes of one view of a Utf8View or BinaryView column, little-endian:
 *
 *     up to 12 bytes   | int32 length | the value, padded with zeros to 12 bytes                |
 *     longer           | int32 length | its first 4 bytes | int32 buffer index | int32 offset   |
 */
export const VIEW_WIDTH = 16;
/** Bytes of the longest value that a view holds itself. */
export const VIEW_INLINE = 12;

/** Bytes of one value of a fixed-width type. @throws Error for any other type */
export function fixedWidth(type: DataType): number {
  if (DataType.isFixedSizeBinary(type)) return type.byteWidth;
  if (DataType.isDecimal(type)) return type.bitWidth >> 3;
  if (DataType.isInterval(type)) return [4, 8, 16][type.unit];
  const width = (type.ArrayType as { BYTES_PER_ELEMENT?: number } | undefined)?.BYTES_PER_ELEMENT;
  if (width === undefined) throw new Error(`unknown Arrow type ${type}`);
  return width;
}

/** The bytes of a typed array, without a copy. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** True for an array of 64-bit integers, whose elements are bigints. */
export function isWide(values: ArrayBufferView): values is BigInt64Array | BigUint64Array {
  return values instanceof BigInt64Array || values instanceof BigUint64Array;
}

/**
 * True where row `row` of `data` holds a value, by the bitmap of `data` alone: a null parent makes its rows null as
 * well.
 */
export function isValid(data: Data, row: number): boolean {
  if (DataType.isNull(data.type)) return false;
  const { nullBitmap } = data;
  return nullBitmap === undefined || nullBitmap.length === 0 || bitAt(nullBitmap, data.offset + row);
}

/**
 * The bytes of one value of a string, binary or fixed-width column, as a view into its buffers. The value must not be
 * null.
 * @throws Error for nested types and booleans, which have no bytes of their own.
 */
export function valueBytes(data: Data, row: number): Uint8Array {
  const { type, values, valueOffsets } = data;
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return viewBytes(data, row);
  if ((type.children ?? []).length > 0 || DataType.isDictionary(type) || DataType.isBool(type)) {
    throw new Error(`a value of ${type} is no run of bytes`);
  }
  if (valueOffsets !== undefined) {
    return (values as Uint8Array).subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1]));
  }
  const width = fixedWidth(type);
  return bytesOf(values).subarray(row * width, (row + 1) * width);
}

function viewBytes(data: Data, row: number): Uint8Array {
  const bytes = bytesOf(data.values);
  const view = new DataView(bytes.buffer, bytes.byteOffset + row * VIEW_WIDTH, VIEW_WIDTH);
  const length = view.getInt32(0, true);
  if (length <= VIEW_INLINE) return bytes.subarray(row * VIEW_WIDTH + 4, row * VIEW_WIDTH + 4 + length);
  const start = view.getInt32(12, true);
  return data.variadicBuffers[view.getInt32(8, true)].subarray(start, start + length);
}

/** Bytes of all values, of an array of views, that are longer than `VIEW_INLINE`. */
export function longViewBytes({ buffer, byteOffset, byteLength }: Uint8Array): number {
  const view = new DataView(buffer, byteOffset, byteLength);
  let bytes = 0;
  for (let at = 0; at < byteLength; at += VIEW_WIDTH) {
    const size = view.getInt32(at, true);
    if (size > VIEW_INLINE) bytes += size;
  }
  return bytes;
}

/**
 * True for the string and binary types whose values lie between offsets: views and fixed-size binaries are not among
 * them.
 */
export function isVariable(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isBinary(type) || DataType.isLargeUtf8(type) || DataType.isLargeBinary(type);
}

/** True where the offsets of a list or of variable-width values have 64 bits. */
export function hasWideOffsets(type: DataType): boolean {
  return DataType.isLargeUtf8(type) || DataType.isLargeBinary(type) || DataType.isLargeList(type);
}
