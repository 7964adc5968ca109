import { type FseTable, fseTable, readFseTable, rleTable } from "./zstd-fse.js";

/** Codes of the numbers in sequences and their tables: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.3.2.1 */

const LITERALS = [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2].concat(
  [1, 1, 1, 1, 1],
  [-1, -1, -1, -1],
);
const OFFSETS = [1, 1, 1, 1, 1, 1, 2, 2, 2].concat(new Array<number>(15).fill(1), new Array<number>(5).fill(-1));
const MATCHES = [1, 4, 3, 2, 2, 2, 2, 2, 2].concat(new Array<number>(37).fill(1), new Array<number>(7).fill(-1));

/** The three kinds of codes: their predefined table, the largest table they may bring, and their last symbol. */
const KINDS = [
  { predefined: fseTable(LITERALS, 6), mostLog: 9, lastSymbol: 35 },
  { predefined: fseTable(OFFSETS, 5), mostLog: 8, lastSymbol: 31 },
  { predefined: fseTable(MATCHES, 6), mostLog: 9, lastSymbol: 52 },
] as const;

/** Extra bits of a literals length code. */
export const LITERALS_BITS = new Uint8Array(36);
/** The length that they are added to. */
export const LITERALS_BASE = new Uint32Array(36);
/** Extra bits of a match length code. */
export const MATCH_BITS = new Uint8Array(53);
/** The length that they are added to. */
export const MATCH_BASE = new Uint32Array(53);

function fillLengths(bits: Uint8Array, base: Uint32Array, plain: number, first: number, wide: readonly number[]): void {
  let length = first;
  for (let code = 0; code < bits.length; code++) {
    bits[code] = code < plain ? 0 : wide[code - plain];
    base[code] = length;
    length += 1 << bits[code];
  }
}
fillLengths(LITERALS_BITS, LITERALS_BASE, 16, 0, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
fillLengths(MATCH_BITS, MATCH_BASE, 32, 3, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

/** What a block leaves to the next one of its frame. */
export interface SequenceState {
  /** Tables of literals lengths, offsets and match lengths. */
  readonly tables: [FseTable | undefined, FseTable | undefined, FseTable | undefined];
  /** The last three offsets, the latest first. */
  readonly offsets: [number, number, number];
}

/** The state at the start of a frame. */
export function sequenceState(): SequenceState {
  return { tables: [undefined, undefined, undefined], offsets: [1, 4, 8] };
}

/**
 * Takes the table of a kind of codes (0 literals lengths, 1 offsets, 2 match lengths) into the state, as its mode says: predefined,
 * one symbol, stored, or that of the block before. Returns the byte behind what is stored.
 * @throws Error where that is corrupt or cut short
 */
export function readTable(
  bytes: Uint8Array,
  at: number,
  stop: number,
  mode: number,
  kind: number,
  { tables }: SequenceState,
): number {
  const { predefined, mostLog, lastSymbol } = KINDS[kind];
  if (mode === 0) tables[kind] = predefined;
  else if (mode === 1) {
    if (at >= stop) throw new Error("a sequences section is cut short");
    if (bytes[at] > lastSymbol) throw new Error(`a code ${bytes[at]}, expected at most ${lastSymbol}`);
    tables[kind] = rleTable(bytes[at]);
    return at + 1;
  } else if (mode === 2) {
    const { table, end } = readFseTable(bytes, at, stop, mostLog, lastSymbol);
    tables[kind] = table;
    return end;
  } else if (tables[kind] === undefined) throw new Error("a block repeats a table, and there was none before");
  return at;
}
