import type { ReverseBits } from "./zstd-bits.js";
import { readFseTable } from "./zstd-fse.js";

/** Huffman codes of a block's literals: https://www.rfc-editor.org/rfc/rfc8878#section-4.2 */

const MOST_BITS = 11;
const MOST_WEIGHTS = 255;
const MOST_WEIGHT_LOG = 6;

/** For every value of the next `bits` bits of a stream the symbol (low byte) and the length of its code (above). */
export interface HuffmanTable {
  readonly bits: number;
  readonly entries: Uint16Array;
}

/** Reads the table between bytes `start` and `stop`. @throws Error where it is corrupt or cut short */
export function readHuffmanTable(
  bytes: Uint8Array,
  start: number,
  stop: number,
  scratch: ReverseBits,
): { readonly table: HuffmanTable; readonly end: number } {
  if (start >= stop) throw new Error("a Huffman table is cut short");
  const header = bytes[start];
  const weights = new Uint8Array(MOST_WEIGHTS + 1);
  const direct = header >= 128;
  const end = start + 1 + (direct ? (header - 126) >> 1 : header);
  if (end > stop) throw new Error("a Huffman table is cut short");
  let count = header - 127;
  if (direct) for (let i = 0; i < count; i++) weights[i] = (bytes[start + 1 + (i >> 1)] >> (i & 1 ? 0 : 4)) & 15;
  else count = readWeights(bytes, start + 1, end, scratch, weights);
  return { table: huffmanTable(weights, count), end };
}

/** Weights by two states of one entropy table that take turns; the stream's end is the end of the weights. */
function readWeights(
  bytes: Uint8Array,
  start: number,
  stop: number,
  scratch: ReverseBits,
  weights: Uint8Array,
): number {
  const { table, end } = readFseTable(bytes, start, stop, MOST_WEIGHT_LOG, MOST_WEIGHTS);
  const { log, entries } = table;
  const { view, floor } = scratch;
  let at = scratch.load(bytes, end, stop);
  const read = (bits: number): number => {
    at -= bits;
    return (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << bits) - 1);
  };
  const states = [read(log), read(log)];
  if (at < floor) throw new Error("the weights of a Huffman table are cut short");
  let count = 0;
  for (let turn = 0; ; turn ^= 1) {
    const entry = entries[states[turn]];
    if (count >= MOST_WEIGHTS) throw new Error("a Huffman table of too many symbols");
    weights[count++] = entry & 255;
    states[turn] = (entry >> 12) + read((entry >> 8) & 15);
    if (at >= floor) continue;
    if (count >= MOST_WEIGHTS) throw new Error("a Huffman table of too many symbols");
    weights[count++] = entries[states[turn ^ 1]] & 255;
    return count;
  }
}

/** The weight of the last symbol is what is missing to a power of two. */
function huffmanTable(weights: Uint8Array, count: number): HuffmanTable {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    if (weights[i] > MOST_BITS) throw new Error(`a Huffman code of ${weights[i]} bits, expected at most ${MOST_BITS}`);
    if (weights[i] > 0) sum += 1 << (weights[i] - 1);
  }
  const bits = 32 - Math.clz32(sum);
  const left = (1 << bits) - sum;
  if (sum === 0 || bits > MOST_BITS || (left & (left - 1)) !== 0) throw new Error("a Huffman table is corrupt");
  weights[count] = 32 - Math.clz32(left);
  const entries = new Uint16Array(1 << bits);
  let at = 0;
  for (let weight = 1; weight <= bits; weight++) {
    const entry = (bits + 1 - weight) << 8;
    for (let symbol = 0; symbol <= count; symbol++) {
      if (weights[symbol] !== weight) continue;
      entries.fill(entry | symbol, at, at + (1 << (weight - 1)));
      at += 1 << (weight - 1);
    }
  }
  return { bits, entries };
}

/**
 * Decodes the stream between bytes `start` and `stop` to exactly the bytes `from` to `to` of `target`.
 * @throws Error where it holds more or fewer
 */
export function decodeHuffman(
  bytes: Uint8Array,
  start: number,
  stop: number,
  { bits, entries }: HuffmanTable,
  scratch: ReverseBits,
  target: Uint8Array,
  from: number,
  to: number,
): void {
  const { view, floor } = scratch;
  const mask = (1 << bits) - 1;
  let at = scratch.load(bytes, start, stop);
  let i = from;
  // Two codes have at most 22 bits; a load holds 25. Above `safe` no load can begin before the room.
  const safe = floor + 32;
  for (const pairs = to - 1; i < pairs && at >= safe; i += 2) {
    const low = at - 2 * bits;
    const word = view.getUint32(low >> 3, true) >>> (low & 7);
    const first = entries[(word >>> bits) & mask];
    const used = first >> 8;
    const second = entries[(word >>> (bits - used)) & mask];
    target[i] = first;
    target[i + 1] = second;
    at -= used + (second >> 8);
  }
  for (; i < to; i++) {
    const low = at - bits;
    const entry = entries[(view.getUint32(low >> 3, true) >>> (low & 7)) & mask];
    target[i] = entry;
    at -= entry >> 8;
    if (at < floor) break;
  }
  if (i < to || at !== floor) throw new Error("the literals of a block do not end where their stream does");
}
