import type { FileHandle } from "node:fs/promises";
import { bitAt } from "../columns/bits.js";
import { VIEW_INLINE, VIEW_WIDTH } from "../columns/layout.js";
import { readBuffer } from "./buffers.js";
import type { StoredBuffer } from "./layout.js";

/**
 * Two values with at most this many bytes between them are read together, because a second read costs more than the
 * gap.
 */
const GAP_BYTES = 4 << 10;
/** Largest read of several values, in bytes. A single value may be longer. */
const SPAN_BYTES = 1 << 20;

/**
 * Reads the values that views point to into one buffer, which the caller owns, and rewrites the views to point into it.
 * A value that two views share is copied twice. The views of nulls become empty, because they may point anywhere.
 * @param variadic the buffers of the file that the views point into
 * @param views 16 bytes a row, rewritten in place
 * @param valid validity bits of the views; absent where there is no null
 * @throws Error where a view points outside of its buffer
 */
export async function readViews(
  file: FileHandle,
  variadic: readonly StoredBuffer[],
  views: Uint8Array<ArrayBuffer>,
  valid: Uint8Array | undefined,
): Promise<Uint8Array> {
  const view = new DataView(views.buffer);
  const size = (row: number) => view.getInt32(row * VIEW_WIDTH, true);
  const buffer = (row: number) => view.getInt32(row * VIEW_WIDTH + 8, true);
  const start = (row: number) => view.getInt32(row * VIEW_WIDTH + 12, true);
  const long: number[] = [];
  let total = 0;
  for (let row = 0; row < views.length / VIEW_WIDTH; row++) {
    if (valid !== undefined && !bitAt(valid, row)) views.fill(0, row * VIEW_WIDTH, (row + 1) * VIEW_WIDTH);
    if (size(row) >= 0 && size(row) <= VIEW_INLINE) continue;
    const length = variadic[buffer(row)]?.length;
    if (length === undefined || size(row) < 0 || start(row) < 0 || start(row) + size(row) > length) {
      throw new Error(`view out of range in row ${row}`);
    }
    long.push(row);
    total += size(row);
  }
  // Sorted by their place in the file, so that neighbouring values are read together.
  long.sort((a, b) => buffer(a) - buffer(b) || start(a) - start(b));
  const values = new Uint8Array(total);
  let filled = 0;
  for (let i = 0; i < long.length; ) {
    const first = start(long[i]);
    let end = first + size(long[i]);
    let next = i + 1;
    for (; next < long.length && buffer(long[next]) === buffer(long[i]); next++) {
      const upTo = start(long[next]) + size(long[next]);
      if (start(long[next]) > end + GAP_BYTES || upTo > first + SPAN_BYTES) break;
      end = Math.max(end, upTo);
    }
    const span = await readBuffer(file, variadic[buffer(long[i])], first, end - first);
    for (; i < next; i++) {
      const row = long[i];
      values.set(span.subarray(start(row) - first, start(row) - first + size(row)), filled);
      view.setInt32(row * VIEW_WIDTH + 8, 0, true);
      view.setInt32(row * VIEW_WIDTH + 12, filled, true);
      filled += size(row);
    }
  }
  return values;
}
