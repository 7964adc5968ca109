import { bytesOf } from "../columns/layout.js";
import { unpackDelta } from "./file.js";
import { type Encoded, type PageValues, plainFixed } from "./page-values.js";

/** Integers as differences; all of a page are decoded at once. */
export function deltaIntegers(page: Encoded): PageValues {
  const { bytes, start, type } = page;
  if (type !== "INT32" && type !== "INT64") throw new Error(`delta-encoded values of type ${type}`);
  const width = type === "INT32" ? 4 : 8;
  const total = deltaCount(page, start, width);
  const values = type === "INT32" ? new Int32Array(total) : new BigInt64Array(total);
  unpackDelta(bytes, start, values);
  return plainFixed(bytesOf(values), 0, width);
}

/** Lengths first, then the bytes of all values; with DELTA_BYTE_ARRAY each begins with a part of the one before it. */
export function deltaArrays(page: Encoded): PageValues {
  const { bytes, start, encoding } = page;
  const prefixes = encoding === "DELTA_BYTE_ARRAY" ? deltaLengths(page, start) : undefined;
  const suffixes = deltaLengths(page, prefixes?.end ?? start);
  let at = suffixes.end;
  let value = 0;
  let previous = new Uint8Array(0);
  let longest = 0;
  if (prefixes !== undefined) {
    for (let i = 0; i < suffixes.lengths.length; i++) {
      longest = Math.max(longest, (prefixes.lengths[i] ?? 0) + suffixes.lengths[i]);
    }
  }
  return {
    longest,
    next(count, into) {
      if (value + count > suffixes.lengths.length)
        throw new Error(`${count} values, ${suffixes.lengths.length - value} left`);
      for (let i = 0; i < count; i++, value++) {
        const prefix = prefixes === undefined ? 0 : (prefixes.lengths[value] ?? 0);
        const suffix = suffixes.lengths[value];
        if (!(prefix >= 0 && prefix <= previous.length && suffix >= 0 && at + suffix <= bytes.length)) {
          throw new Error(`a value of ${prefix} and ${suffix} bytes at byte ${at} of a page of ${bytes.length}`);
        }
        if (into.width !== undefined && prefix + suffix !== into.width) {
          throw new Error(`a value of ${prefix + suffix} bytes, expected ${into.width}`);
        }
        if (prefixes === undefined) into.append(bytes, at, at + suffix);
        else {
          const whole = new Uint8Array(prefix + suffix);
          whole.set(previous.subarray(0, prefix));
          whole.set(bytes.subarray(at, at + suffix), prefix);
          into.append(whole, 0, whole.length);
          previous = whole;
        }
        at += suffix;
      }
    },
  };
}

function deltaLengths(page: Encoded, at: number): { readonly lengths: Int32Array; readonly end: number } {
  const lengths = new Int32Array(deltaCount(page, at, 4));
  return { lengths, end: unpackDelta(page.bytes, at, lengths) };
}

/** How many integers a delta-encoded run says it has: they are decoded at once, so they must fit. */
function deltaCount({ bytes, count, limit }: Encoded, start: number, width: number): number {
  let at = start;
  let total = 0;
  // Block size, miniblocks in a block, values.
  for (let field = 0; field < 3; field++) {
    total = 0;
    for (let shift = 1; ; shift *= 128) {
      if (at >= bytes.length || shift > 2 ** 35) throw new Error("delta-encoded values are cut short");
      const byte = bytes[at++];
      total += (byte & 127) * shift;
      if (byte < 128) break;
    }
  }
  if (total > count || total * width > limit) throw new Error(`${total} delta-encoded values in a page of ${count}`);
  return total;
}
