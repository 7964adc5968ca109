import { kernelInstance } from "./instance.js";

/** Columns of a strip. */
const STRIP = 64;
/** The vectors of the kernel hold 8 codes of a row. */
const STEP = 8;
/** Listed rows are copied one by one where they are fewer than this share of the rows among which they lie. */
const FEW_ROWS = 1 / 16;

/** Codes and the strips of them that are to be multiplied. The arrays stay the caller's. */
export interface StripScan {
  /** Components of a code, a multiple of 8. */
  readonly depth: number;
  /** Rows of depth uint8, q + zeroPoint, with q in [-128, 127]. */
  readonly codes: Uint8Array;
  readonly zeroPoint: number;
  /** Least product of each row, int32. */
  readonly thresholds: Int32Array;
  /** Panels of depth × panelColumns int8, each row-major. */
  readonly panels: Int8Array;
  /** Columns of a panel, a multiple of 64. */
  readonly panelColumns: number;
  /** Columns that count; columns behind them are never found. */
  readonly columns: number;
  /** Row and strip of each listed strip. Strip s has the columns 64·s to 64·s + 63. */
  readonly rows: Int32Array;
  readonly strips: Int32Array;
  /** Listed strips. */
  readonly listed: number;
}

/**
 * Multiplies the listed rows and strips, and passes the pairs (row, column) whose product reaches the row's threshold
 * to `found.push`, in the order of the list, columns ascending. Products are exact in int32. Copies the panels and rows
 * that are listed: as much memory as they take, and twice that of the rows and of one strip.
 */
export function scanStrips(scan: StripScan, found: { push(row: number, column: number): void }): void {
  const { depth, codes, zeroPoint, thresholds, panels, panelColumns, columns, rows, strips, listed } = scan;
  if (listed === 0) return;
  if (depth % STEP !== 0) throw new Error(`codes have ${depth} components; expected a multiple of ${STEP}`);
  const panelBytes = depth * panelColumns;
  const stripsOfPanel = panelColumns / STRIP;
  // The list in the order of strips, so that rows of the same strip share its columns: a counting sort.
  const starts = new Int32Array(Math.ceil(columns / STRIP) + 1);
  let firstRow = rows[0];
  let lastRow = rows[0];
  for (let i = 0; i < listed; i++) {
    starts[strips[i] + 1]++;
    if (rows[i] < firstRow) firstRow = rows[i];
    else if (rows[i] > lastRow) lastRow = rows[i];
  }
  let usedPanels = 0;
  const slotOfPanel = new Int32Array(Math.ceil((starts.length - 1) / stripsOfPanel)).fill(-1);
  for (let strip = 0; strip + 1 < starts.length; strip++) {
    const panel = Math.floor(strip / stripsOfPanel);
    if (starts[strip + 1] > 0 && slotOfPanel[panel] < 0) slotOfPanel[panel] = usedPanels++;
    starts[strip + 1] += starts[strip];
  }
  const span = lastRow - firstRow + 1;
  const few = listed < FEW_ROWS * span;
  const copied = few ? listed : span;

  const kernels = kernelInstance();
  const [panelsAt, bytesAt, wideAt, spreadAt, rowsAt, leastAt, masksAt] = kernels.layOut(
    usedPanels * panelBytes,
    copied * depth,
    copied * depth * 2,
    depth * STRIP * 2,
    listed * 4,
    listed * 4,
    listed * 8,
  );
  const { bytes, run } = kernels;
  for (let panel = 0; panel < slotOfPanel.length; panel++) {
    const slot = slotOfPanel[panel];
    if (slot < 0) continue;
    const from = panels.subarray(panel * panelBytes, (panel + 1) * panelBytes);
    bytes.set(asUnsigned(from), panelsAt + slot * panelBytes);
  }
  if (!few) bytes.set(codes.subarray(firstRow * depth, (lastRow + 1) * depth), bytesAt);

  const rowAddresses = kernels.int32(rowsAt, listed);
  const least = kernels.int32(leastAt, listed);
  const masks = kernels.int32(masksAt, 2 * listed);
  const next = starts.slice();
  const place = new Int32Array(listed);
  let slot = -1;
  for (let i = 0; i < listed; i++) {
    const row = rows[i];
    if (!few) slot = row - firstRow;
    else if (i === 0 || row !== rows[i - 1]) {
      slot++;
      bytes.set(codes.subarray(row * depth, (row + 1) * depth), bytesAt + slot * depth);
    }
    const at = next[strips[i]]++;
    place[i] = at;
    rowAddresses[at] = wideAt + slot * depth * 2;
    least[at] = thresholds[row];
  }
  run.widenRows(bytesAt, wideAt, (few ? slot + 1 : span) * depth, zeroPoint);

  for (let strip = 0; strip + 1 < starts.length; strip++) {
    const start = starts[strip];
    const count = starts[strip + 1] - start;
    if (count === 0) continue;
    const panel = Math.floor(strip / stripsOfPanel);
    const from = panelsAt + slotOfPanel[panel] * panelBytes + (strip % stripsOfPanel) * STRIP;
    run.spreadStrip(from, panelColumns, depth, spreadAt);
    run.scanRows(spreadAt, depth, rowsAt + 4 * start, leastAt + 4 * start, count, masksAt + 8 * start);
  }

  for (let i = 0; i < listed; i++) {
    const first = strips[i] * STRIP;
    for (let half = 0; half < 2; half++) {
      let mask = masks[2 * place[i] + half];
      while (mask !== 0) {
        const bit = 31 - Math.clz32(mask & -mask);
        mask &= mask - 1;
        const column = first + 32 * half + bit;
        if (column < columns) found.push(rows[i], column);
      }
    }
  }
}

/** The same bytes as numbers without sign, so that they can be copied into the memory of the kernels as they are. */
function asUnsigned({ buffer, byteOffset, byteLength }: Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
