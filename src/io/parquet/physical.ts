import { type DataType, DataType as Types } from "apache-arrow";
import type { DenseValues } from "./values.js";

const JULIAN_EPOCH = 2_440_588n;
const NANOSECONDS_A_DAY = 86_400_000_000_000n;

/** Values as Arrow stores them, from values of a physical type as Parquet does. @throws Error where one does not fit */
export function arrowValues(values: DenseValues, physical: string, type: DataType): DenseValues {
  if (Types.isDecimal(type)) return decimals(values, physical, type.bitWidth >> 3);
  if (physical === "INT96") return timestamps(values);
  if (physical === "INT32" && Types.isInt(type) && type.bitWidth < 32) return narrowed(values, type.bitWidth >> 3);
  return values;
}

// Small integers are sign- or zero-extended to 32 bits; little-endian, so the low bytes are the value.
function narrowed({ count, bytes }: DenseValues, width: number): DenseValues {
  const target = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) for (let k = 0; k < width; k++) target[i * width + k] = bytes[i * 4 + k];
  return { count, bytes: target };
}

// Nanoseconds of the day, then the Julian day number.
function timestamps({ count, bytes }: DenseValues): DenseValues {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const target = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    const days = BigInt(view.getInt32(i * 12 + 8, true)) - JULIAN_EPOCH;
    const value = days * NANOSECONDS_A_DAY + view.getBigInt64(i * 12, true);
    if (BigInt.asIntN(64, value) !== value)
      throw new Error(`a timestamp ${days} days from 1970, which nanoseconds cannot hold`);
    target[i] = value;
  }
  return { count, bytes: new Uint8Array(target.buffer) };
}

/** Two's complement, big-endian in byte arrays, to little-endian of `width` bytes. */
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

// True where the first `extra` bytes only repeat the sign.
function isSigned(bytes: Uint8Array, from: number, extra: number): boolean {
  const sign = bytes[from + extra] >= 128 ? 255 : 0;
  for (let i = 0; i < extra; i++) if (bytes[from + i] !== sign) return false;
  return true;
}
