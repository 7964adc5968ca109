import { type DataType, DataType as Types } from "apache-arrow";
import { type ColumnChunk, type Page, pages } from "./parquet-file.js";
import { levelWidth, readHybrid } from "./parquet-levels.js";
import type { LeafNode } from "./parquet-types.js";
import { type DenseValues, ValueReader } from "./parquet-values.js";

/** A decoded column chunk: its level pairs and its values that are not null, already in Arrow's representation. */
export interface LeafColumn {
  /** Level pairs. */
  readonly count: number;
  /** Undefined where the highest level is 0. */
  readonly definitionLevels: Uint8Array | undefined;
  /** Undefined where the highest level is 0. */
  readonly repetitionLevels: Uint8Array | undefined;
  readonly values: DenseValues;
}

/** Decodes the chunk of a leaf. @throws Error where it is corrupt or in an encoding that is unknown. */
export function readLeaf(bytes: Uint8Array, chunk: ColumnChunk, node: LeafNode): LeafColumn {
  const { element, def, rep } = node;
  const reader = new ValueReader(element.type as string, element.type_length);
  const definitions: Uint8Array[] = [];
  const repetitions: Uint8Array[] = [];
  for (const page of pages(bytes, chunk)) {
    if (page.kind === "dictionary") {
      reader.setDictionary(page);
      continue;
    }
    const cursor = { bytes: page.bytes, at: 0 };
    const repetition = pageLevels(page, cursor, rep, 0);
    const definition = pageLevels(page, cursor, def, 1);
    let count = page.count;
    if (definition !== undefined) {
      count = 0;
      for (let i = 0; i < definition.length; i++) {
        if (definition[i] === def) count++;
        else if (definition[i] > def)
          throw new Error(`a definition level of ${definition[i]}, expected at most ${def}`);
      }
      definitions.push(definition);
    }
    if (repetition !== undefined) repetitions.push(repetition);
    reader.append(page.bytes, cursor.at, count, page.encoding);
  }
  return {
    count: chunk.count,
    definitionLevels: def === 0 ? undefined : joined(definitions),
    repetitionLevels: rep === 0 ? undefined : joined(repetitions),
    values: converted(reader.take(), element.type as string, node.field.type),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

/** Levels of a page; moves the cursor behind them where they lie before the values. `which`: 0 repetition, 1 definition. */
function pageLevels(
  page: Page,
  cursor: { bytes: Uint8Array; at: number },
  max: number,
  which: 0 | 1,
): Uint8Array | undefined {
  if (max === 0) return undefined;
  const levels = new Uint8Array(page.count);
  if (page.kind === "data2") {
    const bytes = (which === 0 ? page.repetitionLevels : page.definitionLevels) as Uint8Array;
    readHybrid({ bytes, at: 0 }, bytes.length, levelWidth(max), levels);
    return levels;
  }
  const encoding = page.levelEncodings?.[which];
  if (encoding !== "RLE") throw new Error(`levels in the encoding ${encoding}, expected RLE`);
  const { bytes, at } = cursor;
  if (at + 4 > bytes.length) throw new Error("levels are cut short");
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  readHybrid({ bytes, at: at + 4 }, at + 4 + length, levelWidth(max), levels);
  cursor.at = at + 4 + length;
  return levels;
}

const JULIAN_EPOCH = 2_440_588n;
const NANOSECONDS_A_DAY = 86_400_000_000_000n;

/** Values as Arrow stores them, from values as Parquet does. */
function converted(values: DenseValues, physical: string, type: DataType): DenseValues {
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
