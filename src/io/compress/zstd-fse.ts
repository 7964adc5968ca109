/** Finite state entropy as Zstandard uses it: https://www.rfc-editor.org/rfc/rfc8878#section-4.1 */

/**
 * A decoding table of 2^log states. An entry holds the symbol in its low byte, then (4 bits) how many bits lead to the next
 * state, then (from bit 12) the number that those bits are added to.
 */
export interface FseTable {
  readonly log: number;
  readonly entries: Uint32Array;
}

/** A table read from a block and where it ended. */
export interface StoredTable {
  readonly table: FseTable;
  /** Byte behind it. */
  readonly end: number;
}

/** A table with one symbol, which takes no bits. */
export function rleTable(symbol: number): FseTable {
  return { log: 0, entries: Uint32Array.of(symbol) };
}

/**
 * The table of frequencies that sum up to 2^log; -1 stands for a probability below one.
 * @throws Error where they cannot be laid out
 */
export function fseTable(frequencies: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log;
  const mask = size - 1;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(frequencies.length);
  let high = size;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    next[symbol] = Math.abs(frequencies[symbol]);
    if (frequencies[symbol] < 0) symbols[--high] = symbol;
  }
  // The step visits every state once, because it is odd.
  const step = (size >> 1) + (size >> 3) + 3;
  let state = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    for (let i = 0; i < frequencies[symbol]; i++) {
      symbols[state] = symbol;
      do state = (state + step) & mask;
      while (state >= high);
    }
  }
  if (state !== 0) throw new Error("an entropy table whose frequencies do not fill it");
  const entries = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    const symbol = symbols[i];
    const visit = next[symbol]++;
    const bits = log - (31 - Math.clz32(visit));
    entries[i] = symbol | (bits << 8) | (((visit << bits) - size) << 12);
  }
  return { log, entries };
}

/**
 * Reads a table between bytes `start` and `stop`, of at most 2^mostLog states and of the symbols up to `lastSymbol`.
 * @throws Error where it is corrupt or cut short
 */
export function readFseTable(
  bytes: Uint8Array,
  start: number,
  stop: number,
  mostLog: number,
  lastSymbol: number,
): StoredTable {
  let at = start * 8;
  const peek = (bits: number): number => {
    let value = 0;
    for (let i = 0; i < 3; i++) {
      const byte = (at >> 3) + i;
      if (byte < stop) value |= bytes[byte] << (8 * i);
    }
    return (value >> (at & 7)) & ((1 << bits) - 1);
  };
  const log = peek(4) + 5;
  at += 4;
  if (log > mostLog) throw new Error(`an entropy table of 2^${log} states, expected at most 2^${mostLog}`);
  const frequencies: number[] = [];
  let left = 1 << log;
  while (left > 0) {
    if (frequencies.length > lastSymbol) throw new Error(`an entropy table of more than ${lastSymbol + 1} symbols`);
    // A number up to left + 1; the smallest ones are a bit shorter.
    const bits = 32 - Math.clz32(left + 1);
    const short = (1 << bits) - 2 - left;
    const low = peek(bits - 1);
    let value = peek(bits);
    if (low < short) {
      value = low;
      at += bits - 1;
    } else {
      if (value >= 1 << (bits - 1)) value -= short;
      at += bits;
    }
    const frequency = value - 1;
    frequencies.push(frequency);
    left -= Math.abs(frequency);
    for (let more = frequency === 0; more; ) {
      const zeros = peek(2);
      at += 2;
      for (let i = 0; i < zeros; i++) frequencies.push(0);
      more = zeros === 3 && at >> 3 < stop;
    }
  }
  const end = (at + 7) >> 3;
  if (end > stop) throw new Error("an entropy table is cut short");
  if (left < 0 || frequencies.length > lastSymbol + 1) throw new Error("an entropy table is corrupt");
  return { table: fseTable(frequencies, log), end };
}
