import type { ReverseBits } from "./zstd-bits.js";
import { LITERALS_BASE, LITERALS_BITS, MATCH_BASE, MATCH_BITS, readTable, type SequenceState } from "./zstd-codes.js";
import type { FseTable } from "./zstd-fse.js";

/** Sequences of a block: copies of literals, each with a match behind: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.3.2 */

/** Literals of a block, at the start of a buffer with room for eight more bytes, which may be read. */
export interface Literals {
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** Where a block's bytes go and what matches may reach. */
export interface BlockTarget {
  readonly bytes: Uint8Array;
  /** Where the block begins. */
  readonly start: number;
  /** Byte that it may not reach beyond. */
  readonly limit: number;
  /** First byte of the frame that is still held. */
  readonly history: number;
  /** Largest offset of a match. */
  readonly window: number;
}

/**
 * Decodes the sequences section between bytes `at` and `stop` and carries it out; `literals` are the block's. Returns where the
 * decoded block ends. The work is bounded by the section and the target: no byte is copied beyond its limit.
 * @throws Error where it is corrupt
 */
export function decodeSequences(
  bytes: Uint8Array,
  at: number,
  stop: number,
  literals: Literals,
  state: SequenceState,
  scratch: ReverseBits,
  target: BlockTarget,
): number {
  if (at >= stop) throw new Error("a block without a sequences section");
  let count = bytes[at++];
  if (count === 255) {
    if (at + 2 > stop) throw new Error("a sequences section is cut short");
    count = bytes[at] + (bytes[at + 1] << 8) + 0x7f00;
    at += 2;
  } else if (count >= 128) {
    if (at >= stop) throw new Error("a sequences section is cut short");
    count = ((count - 128) << 8) + bytes[at++];
  }
  if (count === 0) {
    if (at !== stop) throw new Error(`${stop - at} bytes behind a block`);
    return copyRest(literals, 0, target, target.start);
  }
  if (at >= stop) throw new Error("a sequences section is cut short");
  const modes = bytes[at++];
  if ((modes & 3) !== 0) throw new Error(`unknown sequence modes ${modes}`);
  for (let kind = 0; kind < 3; kind++) at = readTable(bytes, at, stop, (modes >> (6 - 2 * kind)) & 3, kind, state);
  const from = scratch.load(bytes, at, stop);
  return execute(count, from, literals, state, scratch, target);
}

function execute(
  count: number,
  from: number,
  literals: Literals,
  { tables, offsets }: SequenceState,
  { view, floor }: ReverseBits,
  target: BlockTarget,
): number {
  const { bytes, start, limit, history, window } = target;
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Four bytes at a time write up to three too many, which the next copy overwrites, where there is room for them.
  const careful = bytes.length - SHORT - 8;
  const words = new DataView(literals.bytes.buffer);
  const [{ log: literalsLog, entries: literalsTable }, offsetTable, matchTable] = tables as [
    FseTable,
    FseTable,
    FseTable,
  ];
  const { log: offsetLog, entries: offsetEntries } = offsetTable;
  const { log: matchLog, entries: matchEntries } = matchTable;
  let [recent, older, oldest] = offsets;
  let at = from;
  let to = start;
  let used = 0;
  at -= literalsLog;
  let literalsState = (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << literalsLog) - 1);
  at -= offsetLog;
  let offsetState = (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << offsetLog) - 1);
  at -= matchLog;
  let matchState = (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << matchLog) - 1);
  for (let left = count; left > 0; left--) {
    // One sequence takes 89 bits at most; the room before the stream holds more, so one check a sequence is enough.
    if (at < floor) throw new Error(`${left} of ${count} sequences are missing`);
    const literalsEntry = literalsTable[literalsState];
    const offsetEntry = offsetEntries[offsetState];
    const matchEntry = matchEntries[matchState];

    const offsetCode = offsetEntry & 255;
    if (offsetCode > MOST_OFFSET_CODE) throw new Error(`a match ${2 ** offsetCode} bytes back, beyond any window`);
    let offset = 1 << offsetCode;
    at -= offsetCode;
    if (offsetCode <= LOADED) offset |= (view.getUint32(at >> 3, true) >>> (at & 7)) & (offset - 1);
    else {
      const high = at + LOADED;
      offset |= (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << LOADED) - 1);
      offset |= ((view.getUint32(high >> 3, true) >>> (high & 7)) & ((1 << (offsetCode - LOADED)) - 1)) << LOADED;
    }
    const matchCode = matchEntry & 255;
    const literalsCode = literalsEntry & 255;
    const matchBits = MATCH_BITS[matchCode];
    const literalsBits = LITERALS_BITS[literalsCode];
    let match = MATCH_BASE[matchCode];
    let length = LITERALS_BASE[literalsCode];
    if (matchBits + literalsBits <= LOADED) {
      at -= matchBits + literalsBits;
      const word = view.getUint32(at >> 3, true) >>> (at & 7);
      length += word & ((1 << literalsBits) - 1);
      match += (word >>> literalsBits) & ((1 << matchBits) - 1);
    } else {
      at -= matchBits;
      match += (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << matchBits) - 1);
      at -= literalsBits;
      length += (view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << literalsBits) - 1);
    }

    if (offset > 3) {
      offset -= 3;
      oldest = older;
      older = recent;
      recent = offset;
    } else {
      // The first three name recent offsets; where no literals come first, shifted by one, and the third is the latest less one.
      if (length === 0) offset++;
      if (offset === 1) offset = recent;
      else {
        const chosen = offset === 2 ? older : offset === 3 ? oldest : recent - 1;
        if (offset !== 2) oldest = older;
        older = recent;
        recent = chosen;
        offset = chosen;
      }
    }
    if (left > 1) {
      // At most 9, 9 and 8 bits: the last of them comes by a load of its own.
      const literalsStep = (literalsEntry >> 8) & 15;
      const matchStep = (matchEntry >> 8) & 15;
      const offsetStep = (offsetEntry >> 8) & 15;
      at -= literalsStep + matchStep;
      const word = view.getUint32(at >> 3, true) >>> (at & 7);
      matchState = (matchEntry >> 12) + (word & ((1 << matchStep) - 1));
      literalsState = (literalsEntry >> 12) + ((word >>> matchStep) & ((1 << literalsStep) - 1));
      at -= offsetStep;
      offsetState = (offsetEntry >> 12) + ((view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << offsetStep) - 1));
    }

    if (used + length > literals.size)
      throw new Error(`a sequence of ${length} literals, ${literals.size - used} left`);
    if (to + length + match > limit) throw new Error(`a block of more than ${limit - start} bytes`);
    if (length > SHORT) bytes.set(literals.bytes.subarray(used, used + length), to);
    else if (to < careful) {
      out.setInt32(to, words.getInt32(used, true), true);
      out.setInt32(to + 4, words.getInt32(used + 4, true), true);
      for (let i = 8; i < length; i += 4) out.setInt32(to + i, words.getInt32(used + i, true), true);
    } else for (let i = 0; i < length; i++) bytes[to + i] = literals.bytes[used + i];
    used += length;
    to += length;
    if (offset < 1 || offset > window || offset > to - history) {
      throw new Error(`a match ${offset} bytes back where ${Math.min(window, to - history)} are held`);
    }
    const source = to - offset;
    if (match > SHORT) copyMatch(bytes, to, offset, match);
    else if (offset >= 4 && to < careful) {
      out.setInt32(to, out.getInt32(source, true), true);
      out.setInt32(to + 4, out.getInt32(source + 4, true), true);
      if (match > 8) {
        out.setInt32(to + 8, out.getInt32(source + 8, true), true);
        out.setInt32(to + 12, out.getInt32(source + 12, true), true);
        for (let i = 16; i < match; i += 4) out.setInt32(to + i, out.getInt32(source + i, true), true);
      }
    } else for (let i = 0; i < match; i++) bytes[to + i] = bytes[source + i];
    to += match;
  }
  if (at !== floor) throw new Error("the sequences of a block do not end where their stream does");
  offsets[0] = recent;
  offsets[1] = older;
  offsets[2] = oldest;
  return copyRest(literals, used, target, to);
}

/** Bits that a load holds for certain, whatever bit it begins at. */
const LOADED = 25;

/** An offset of this code is larger than any window that is held, 2^27 bytes. */
const MOST_OFFSET_CODE = 27;

/** Below this many bytes a loop beats a call. */
const SHORT = 32;

/** Copies `length` bytes from `offset` bytes back; where that is less than `length` they repeat. */
function copyMatch(bytes: Uint8Array, to: number, offset: number, length: number): void {
  const from = to - offset;
  if (offset === 1) bytes.fill(bytes[from], to, to + length);
  else {
    // What is there already, then twice as much.
    for (let done = 0; done < length; ) {
      const piece = Math.min(offset + done, length - done);
      bytes.copyWithin(to + done, from, from + piece);
      done += piece;
    }
  }
}

function copyRest(literals: Literals, used: number, { bytes, start, limit }: BlockTarget, to: number): number {
  const rest = literals.size - used;
  if (to + rest > limit) throw new Error(`a block of more than ${limit - start} bytes`);
  bytes.set(literals.bytes.subarray(used, literals.size), to);
  return to + rest;
}
