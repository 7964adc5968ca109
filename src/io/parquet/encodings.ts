import { bytesOf } from "../columns/layout.js";
import { unpackDelta } from "./file.js";
import { HybridReader, unpackBits } from "./hybrid.js";
import { type DenseValues, SHORT, ValueBuffer } from "./values.js";

/** Decodes the values of a page in their order, as many at a time as the caller asks for. */
export interface PageValues {
  /** Appends the next `count` values to `into`. @throws Error where the page has fewer, or a value is corrupt */
  next(count: number, into: ValueBuffer): void;
  /** Bytes of the longest value in encodings whose values can take more room than their page; 0 in all others. */
  readonly longest: number;
}

/** A page of values and the settings to decode it. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly encoding: string;
  /** Physical type. */
  readonly type: string;
  /** Bytes of a value; undefined for byte arrays. */
  readonly width: number | undefined;
  /** Values of the page, nulls included. */
  readonly count: number;
  readonly dictionary: DenseValues | undefined;
  /** Largest number of bytes for numbers that can only be decoded for the whole page at once. */
  readonly limit: number;
}

/**
 * The decoder for a page in any encoding: https://parquet.apache.org/docs/file-format/data-pages/encodings/
 *
 * | encoding | bytes of the page |
 * |---|---|
 * | PLAIN | fixed-width values; booleans as bits; byte arrays each after its length in 4 bytes |
 * | RLE_DICTIONARY, PLAIN_DICTIONARY | bit width in 1 byte, then indices as `HybridReader` reads |
 * | RLE | length in 4 bytes, then booleans as `HybridReader` reads |
 * | DELTA_* | integers as differences; byte arrays as `deltaArrays` describes |
 * | BYTE_STREAM_SPLIT | the first byte of every value, then the second of every value, and so on |
 * @throws Error where the encoding is unknown, does not fit the type, or would take more bytes than `limit`
 */
export function pageValues(page: Encoded): PageValues {
  const { bytes, encoding, type, width } = page;
  switch (encoding) {
    case "PLAIN":
      if (type === "BOOLEAN") return plainBooleans(bytes);
      return width === undefined ? plainArrays(bytes) : plainFixed(bytes, width);
    case "RLE_DICTIONARY":
    case "PLAIN_DICTIONARY":
      return dictionaryIndices(page);
    case "DELTA_BINARY_PACKED":
      return deltaIntegers(page);
    case "DELTA_BYTE_ARRAY":
    case "DELTA_LENGTH_BYTE_ARRAY":
      return deltaArrays(page);
    case "BYTE_STREAM_SPLIT":
      return splitStreams(bytes, width);
    case "RLE":
      if (type === "BOOLEAN") return runBooleans(bytes);
  }
  throw new Error(`values of type ${type} in the unknown encoding ${encoding}`);
}

/**
 * The values of a dictionary page. They are plain whatever encoding the page names, and take no more bytes than the
 * page. Fixed-width values share the memory of the page.
 * @throws Error where the page is too short for its values
 */
export function dictionaryValues(
  { bytes, count }: { readonly bytes: Uint8Array; readonly count: number },
  type: string,
  width: number | undefined,
): DenseValues {
  if (width !== undefined && type !== "BOOLEAN") {
    need(bytes, 0, count * width);
    return { count, bytes };
  }
  const into = new ValueBuffer(width);
  if (count === 0) return into.take(0);
  // A length of 4 bytes comes before each value; all other bytes of the page may be values. Doubling would take more.
  if (width === undefined) {
    need(bytes, 0, 4 * count);
    into.reserve(bytes.length - 4 * count, count);
  }
  (width === undefined ? plainArrays(bytes) : plainBooleans(bytes)).next(count, into);
  return { count, bytes: into.bytes.subarray(0, into.size), ends: width === undefined ? into.ends : undefined };
}

function plainFixed(bytes: Uint8Array, width: number): PageValues {
  let at = 0;
  return {
    longest: 0,
    next(count, into) {
      need(bytes, at, count * width);
      const to = into.extend(count);
      into.bytes.set(bytes.subarray(at, at + count * width), to);
      at += count * width;
    },
  };
}

function plainBooleans(bytes: Uint8Array): PageValues {
  let done = 0;
  return {
    longest: 0,
    next(count, into) {
      need(bytes, 0, Math.ceil((done + count) / 8));
      const to = into.extend(count);
      unpackBits(bytes, done, 1, into.bytes, to, count);
      done += count;
    },
  };
}

function plainArrays(bytes: Uint8Array): PageValues {
  const { length } = bytes;
  let from = 0;
  return {
    longest: 0,
    next(count, into) {
      // A length of 4 bytes comes before each value, so a count that is too large is refused before room is made.
      need(bytes, from, 4 * count);
      into.reserve(Math.min(length - from, count * SHORT), count);
      let { bytes: target, size: to } = into;
      const { ends } = into;
      for (let i = 0; i < count; i++) {
        if (from + 4 > length) throw new Error(`${count - i} of ${count} values are missing`);
        // Multiplied rather than shifted: a length of 2^31 or more must not become negative.
        const size = bytes[from] + bytes[from + 1] * 256 + bytes[from + 2] * 65_536 + bytes[from + 3] * 16_777_216;
        from += 4;
        if (from + size > length) throw new Error(`a value of ${size} bytes at byte ${from} of a page of ${length}`);
        if (to + size > target.length) {
          into.size = to;
          into.reserve(size, 0);
          target = into.bytes;
        }
        if (size <= SHORT) for (let k = 0; k < size; k++) target[to + k] = bytes[from + k];
        else target.set(bytes.subarray(from, from + size), to);
        from += size;
        to += size;
        ends[into.count++] = to;
      }
      into.size = to;
    },
  };
}

function dictionaryIndices({ bytes, width, dictionary }: Encoded): PageValues {
  if (dictionary === undefined) throw new Error("a page of dictionary indices without a dictionary");
  need(bytes, 0, 1);
  const hybrid = new HybridReader(bytes.subarray(1), bytes[0]);
  let indices = new Uint32Array(0);
  const { ends, count: known } = dictionary;
  let longest = width ?? 0;
  if (ends !== undefined)
    for (let i = 0; i < known; i++) longest = Math.max(longest, ends[i] - (i === 0 ? 0 : ends[i - 1]));
  return {
    longest,
    next(count, into) {
      if (count > indices.length) indices = new Uint32Array(count);
      hybrid.read(indices, 0, count);
      for (let i = 0; i < count; i++) {
        if (indices[i] >= known) throw new Error(`index ${indices[i]} of a dictionary of ${known}`);
      }
      into.gather(dictionary, indices, count);
    },
  };
}

function runBooleans(bytes: Uint8Array): PageValues {
  need(bytes, 0, 4);
  const hybrid = new HybridReader(bytes.subarray(4), 1);
  return {
    longest: 0,
    next(count, into) {
      const to = into.extend(count);
      hybrid.read(into.bytes, to, count);
    },
  };
}

function splitStreams(bytes: Uint8Array, width: number | undefined): PageValues {
  if (width === undefined) throw new Error("byte arrays in the encoding BYTE_STREAM_SPLIT");
  const total = Math.floor(bytes.length / width);
  let done = 0;
  return {
    longest: 0,
    next(count, into) {
      if (done + count > total) throw new Error(`${count} values, ${total - done} left`);
      const to = into.extend(count);
      const { bytes: target } = into;
      for (let k = 0; k < width; k++) {
        for (let i = 0; i < count; i++) target[to + i * width + k] = bytes[k * total + done + i];
      }
      done += count;
    },
  };
}

/** Integers stored as differences. All integers of the page are decoded at once. */
function deltaIntegers({ bytes, type, count, limit }: Encoded): PageValues {
  if (type !== "INT32" && type !== "INT64") throw new Error(`delta-encoded values of type ${type}`);
  const Integers = type === "INT32" ? Int32Array : BigInt64Array;
  const most = Math.min(count, limit / Integers.BYTES_PER_ELEMENT);
  return plainFixed(
    bytesOf(unpackDelta<Int32Array | BigInt64Array>(bytes, 0, Integers, most).values),
    Integers.BYTES_PER_ELEMENT,
  );
}

/**
 * Byte arrays whose lengths come first, then the bytes of all. In DELTA_BYTE_ARRAY each value begins with a prefix of
 * the value before it: "stored", "storing" is kept as the prefix lengths 0, 4, the suffix lengths 6, 3 and the bytes
 * "storeding". A prefix may be long although its page is short, hence `longest`.
 */
function deltaArrays({ bytes, encoding, count: known, limit }: Encoded): PageValues {
  const lengths = (at: number) => unpackDelta(bytes, at, Int32Array, Math.min(known, limit / 4));
  const shared = encoding === "DELTA_BYTE_ARRAY" ? lengths(0) : undefined;
  const { values: suffixes, end } = lengths(shared?.end ?? 0);
  const prefixes = shared?.values ?? new Int32Array(suffixes.length);
  let at = end;
  let value = 0;
  let previous: Uint8Array = new Uint8Array(0);
  let longest = 0;
  for (let i = 0; i < suffixes.length; i++) longest = Math.max(longest, (prefixes[i] ?? 0) + suffixes[i]);
  return {
    longest,
    next(count, into) {
      if (value + count > suffixes.length) throw new Error(`${count} values, ${suffixes.length - value} left`);
      for (let i = 0; i < count; i++, value++) {
        const prefix = prefixes[value] ?? 0;
        const suffix = suffixes[value];
        if (!(prefix >= 0 && prefix <= previous.length && suffix >= 0 && at + suffix <= bytes.length)) {
          throw new Error(`a value of ${prefix} and ${suffix} bytes at byte ${at} of a page of ${bytes.length}`);
        }
        if (into.width !== undefined && prefix + suffix !== into.width) {
          throw new Error(`a value of ${prefix + suffix} bytes, expected ${into.width}`);
        }
        const rest = bytes.subarray(at, at + suffix);
        previous = prefix === 0 ? rest : Buffer.concat([previous.subarray(0, prefix), rest]);
        into.append(previous);
        at += suffix;
      }
    },
  };
}

/** @throws Error where `bytes` has fewer than `start + size` bytes */
function need(bytes: Uint8Array, start: number, size: number): void {
  if (start + size > bytes.length)
    throw new Error(`${size} bytes of values at byte ${start} of a page of ${bytes.length}`);
}
