import type { FileHandle } from "node:fs/promises";
import { hasWideOffsets } from "../columns/layout.js";
import { readRange, readRangeNow } from "../read-exact.js";
import type { StoredBuffer, StoredColumn } from "./layout.js";

/** Reads of up to this many bytes are synchronous, because awaiting a read takes longer than a read of this size. */
const SMALL = 64 << 10;

/** The values that some rows use: `length` values of a buffer or child from value `start` on. */
export interface Stretch {
  readonly start: number;
  readonly length: number;
}

/**
 * Reads `length` bytes of a buffer from byte `start` on. The caller owns the array, which starts at the start of its
 * memory.
 * @throws Error where the buffer is shorter
 */
export async function readBuffer(
  file: FileHandle,
  buffer: StoredBuffer | undefined,
  start: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const found = buffer?.length ?? 0;
  if (start + length > found) throw new Error(`a buffer of ${found} bytes, expected ${start + length}`);
  const at = (buffer as StoredBuffer).at + start;
  return length <= SMALL ? readRangeNow(file, at, length) : readRange(file, at, length);
}

/** @throws Error where a column has fewer than `start + length` rows */
export function requireRows({ length: rows }: StoredColumn, start: number, length: number): void {
  if (!(start >= 0 && start + length <= rows)) throw new Error(`${rows} rows, expected ${start + length}`);
}

/**
 * Reads the offsets of `length` rows from row `start` on and the end of the last row: `length + 1` numbers, as int32 or
 * int64 by the type. The caller owns the array.
 */
export async function readOffsets(
  file: FileHandle,
  { type, offsets }: StoredColumn,
  start: number,
  length: number,
): Promise<Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>> {
  const wide = hasWideOffsets(type);
  // A writer may leave out even the first offset of a column without rows.
  if (length === 0) return wide ? new BigInt64Array(1) : new Int32Array(1);
  const width = wide ? 8 : 4;
  const { buffer } = await readBuffer(file, offsets, start * width, (length + 1) * width);
  return wide ? new BigInt64Array(buffer) : new Int32Array(buffer);
}

/** The values between the first offset and the last. @throws Error where the offsets do not ascend */
export function stretchOf(first: number | bigint, last: number | bigint): Stretch {
  const start = Number(first);
  const length = Number(last) - start;
  if (!(start >= 0 && length >= 0)) throw new Error(`offsets from ${first} to ${last} do not ascend`);
  return { start, length };
}

/** The values that `length` rows from row `start` on use. Reads only the first offset and the last. */
export async function readStretch(
  file: FileHandle,
  column: StoredColumn,
  start: number,
  length: number,
): Promise<Stretch> {
  if (length === 0) return { start: 0, length: 0 };
  const [first] = await readOffsets(file, column, start, 1);
  const last = (await readOffsets(file, column, start + length - 1, 1))[1];
  return stretchOf(first, last);
}

/**
 * Rows of a dense union: the type id of each row, its position within its member, and the values used of each member.
 */
export interface DenseRows {
  readonly typeIds: Int8Array<ArrayBuffer>;
  readonly positions: Int32Array<ArrayBuffer>;
  readonly stretches: readonly Stretch[];
}

/**
 * Reads type ids and positions of `length` rows of a dense union from row `start` on.
 * @throws Error for an unknown type id
 */
export async function readDense(
  file: FileHandle,
  column: StoredColumn,
  start: number,
  length: number,
): Promise<DenseRows> {
  const { children } = column;
  const { typeIdToChildIndex } = column.type as { typeIdToChildIndex?: Record<number, number | undefined> };
  const typeIds = new Int8Array((await readBuffer(file, column.values, start, length)).buffer);
  const positions = new Int32Array((await readBuffer(file, column.offsets, start * 4, length * 4)).buffer);
  const first = new Float64Array(children.length).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(children.length).fill(-1);
  for (let i = 0; i < length; i++) {
    const child = typeIdToChildIndex?.[typeIds[i]];
    if (child === undefined) throw new Error(`type id ${typeIds[i]} in row ${start + i}`);
    if (positions[i] < first[child]) first[child] = positions[i];
    if (positions[i] > last[child]) last[child] = positions[i];
  }
  const stretches = children.map((_, c) =>
    last[c] < 0 ? { start: 0, length: 0 } : { start: first[c], length: last[c] - first[c] + 1 },
  );
  return { typeIds, positions, stretches };
}
