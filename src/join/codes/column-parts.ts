import { PairList, type Pairs } from "../pair-list.js";
import { ZERO_POINT } from "./code-book.js";
import { type ColumnCodes, GROUP } from "./column-codes.js";
import { type ColumnParts, type FoundStrips, PARTS } from "./device-product.js";
import type { RowCodes } from "./row-codes.js";
import { PANEL, STRIP } from "./tile-product.js";

/** Strips of a whole group. */
export const GROUP_STRIPS = GROUP / STRIP;
/** Columns of a strip in one part. */
const WIDTH = STRIP / PARTS;

/** Codes of a group as a device takes them, filled up to a whole group with columns of zeros. */
export function columnParts({ data, count }: ColumnCodes, depth: number): ColumnParts {
  const parts = Array.from({ length: PARTS }, () => new Uint8Array((GROUP / PARTS) * depth).fill(ZERO_POINT));
  for (let column = 0; column < count; column++) {
    const [strip, within] = [Math.floor(column / STRIP), column % STRIP];
    const part = parts[Math.floor(within / WIDTH)];
    let to = (strip * WIDTH + (within % WIDTH)) * depth;
    let from = Math.floor(column / PANEL) * depth * PANEL + (column % PANEL);
    for (let k = 0; k < depth; k++, from += PANEL) part[to++] = data[from] + ZERO_POINT;
  }
  return parts;
}

/** The parts of several groups as those of one slab, filled up with columns of zeros to `groups` of them. */
export function joinedParts(held: readonly ColumnParts[], groups: number): ColumnParts {
  const size = held[0][0].length;
  return Array.from({ length: PARTS }, (_, part) => {
    const joined = new Uint8Array(groups * size);
    for (const [i, parts] of held.entries()) joined.set(parts[part], i * size);
    return held.length === groups ? joined : joined.fill(ZERO_POINT, held.length * size);
  });
}

/**
 * Multiplies the rows of found strips with the strips' columns once more, in exact integers.
 * @param found strips of `columns`, numbered from `firstStrip` on; those from `begin` to before `end` are scanned
 * @param count columns that hold a vector
 * @param thresholds least product of each row
 * @returns the pairs (row, column) that reach it, those of a row in order of the columns
 */
export function scanStrips(options: {
  found: FoundStrips;
  begin: number;
  end: number;
  firstStrip: number;
  codes: RowCodes;
  parts: ColumnParts;
  count: number;
  thresholds: Int32Array;
}): Pairs {
  const { found, begin, end, firstStrip, codes, parts, count, thresholds } = options;
  const pairs = new PairList();
  const depth = codes.bytes.length / codes.count;
  const centred = new Int32Array(depth);
  for (let i = begin; i < end; i++) {
    const row = found.rows[i];
    const strip = found.strips[i] - firstStrip;
    const columns = Math.min(STRIP, count - strip * STRIP);
    for (let k = 0; k < depth; k++) centred[k] = codes.bytes[row * depth + k] - ZERO_POINT;
    for (let c = 0; c < columns; c++) {
      const part = parts[Math.floor(c / WIDTH)];
      const from = (strip * WIDTH + (c % WIDTH)) * depth;
      // Depths are multiples of 64. Four sums stay in registers.
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let k = 0; k < depth; k += 4) {
        s0 = (s0 + Math.imul(centred[k], part[from + k] - ZERO_POINT)) | 0;
        s1 = (s1 + Math.imul(centred[k + 1], part[from + k + 1] - ZERO_POINT)) | 0;
        s2 = (s2 + Math.imul(centred[k + 2], part[from + k + 2] - ZERO_POINT)) | 0;
        s3 = (s3 + Math.imul(centred[k + 3], part[from + k + 3] - ZERO_POINT)) | 0;
      }
      if (s0 + s1 + s2 + s3 >= thresholds[row]) pairs.push(row, strip * STRIP + c);
    }
  }
  return pairs;
}
