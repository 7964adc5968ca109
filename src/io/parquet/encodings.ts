import { deltaArrays, deltaIntegers } from "./delta.js";
import { HybridReader } from "./hybrid.js";
import { type Encoded, need, type PageValues, plainFixed } from "./page-values.js";
import type { Page } from "./pages.js";
import { type DenseValues, ValueBuffer } from "./values.js";

/**
 * The values of a page in any encoding: https://parquet.apache.org/docs/file-format/data-pages/encodings/
 * @throws Error where the encoding is unknown, does not fit the type, or would take more than the limit
 */
export function pageValues(page: Encoded): PageValues {
  const { bytes, start, encoding, type, width } = page;
  if (encoding === "PLAIN") {
    if (type === "BOOLEAN") return plainBooleans(bytes, start);
    return width === undefined ? plainArrays(bytes, start) : plainFixed(bytes, start, width);
  }
  if (encoding === "RLE_DICTIONARY" || encoding === "PLAIN_DICTIONARY") return dictionaryIndices(page);
  if (encoding === "RLE" && type === "BOOLEAN") return runBooleans(bytes, start);
  if (encoding === "DELTA_BINARY_PACKED") return deltaIntegers(page);
  if (encoding === "DELTA_BYTE_ARRAY" || encoding === "DELTA_LENGTH_BYTE_ARRAY") return deltaArrays(page);
  if (encoding === "BYTE_STREAM_SPLIT") return splitStreams(bytes, start, width);
  throw new Error(`values of type ${type} in the unknown encoding ${encoding}`);
}

/** The values of a dictionary page, which are plain whatever it says; they take no more bytes than the page. */
export function dictionaryValues({ bytes, count }: Page, type: string, width: number | undefined): DenseValues {
  if (width !== undefined && type !== "BOOLEAN") {
    need(bytes, 0, count * width);
    return { count, bytes };
  }
  const into = new ValueBuffer(width);
  const page = { bytes, start: 0, encoding: "PLAIN", type, width, count, dictionary: undefined, limit: 0 };
  if (count === 0) return into.take(0);
  // All the room there can be need of, so that it does not grow by doubling.
  if (width === undefined) {
    need(bytes, 0, 4 * count);
    into.reserve(bytes.length - 4 * count, count);
  }
  pageValues(page).next(count, into);
  return { count, bytes: into.bytes.subarray(0, into.size), ends: width === undefined ? into.ends : undefined };
}

function plainBooleans(bytes: Uint8Array, start: number): PageValues {
  let done = 0;
  return {
    longest: 0,
    next(count, into) {
      need(bytes, start, Math.ceil((done + count) / 8));
      into.reserve(count, count);
      const target = into.bytes;
      for (let i = 0; i < count; i++, done++) target[into.size + i] = (bytes[start + (done >> 3)] >> (done & 7)) & 1;
      into.size += count;
      into.count += count;
    },
  };
}

function plainArrays(bytes: Uint8Array, start: number): PageValues {
  const { length } = bytes;
  let from = start;
  return {
    longest: 0,
    next(count, into) {
      // Each has its length before it, so that a page cannot ask for more room than it has bytes.
      need(bytes, from, 4 * count);
      into.reserve(Math.min(length - from, count * SHORT), count);
      let { bytes: target, size: to } = into;
      const { ends } = into;
      for (let i = 0; i < count; i++) {
        if (from + 4 > length) throw new Error(`${count - i} of ${count} values are missing`);
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

function dictionaryIndices({ bytes, start, width, dictionary }: Encoded): PageValues {
  if (dictionary === undefined) throw new Error("a page of dictionary indices without a dictionary");
  need(bytes, start, 1);
  const hybrid = new HybridReader(bytes, start + 1, bytes.length, bytes[start]);
  let indices = new Uint32Array(0);
  const { bytes: source, ends, count: known } = dictionary;
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
      if (ends === undefined) gatherFixed(source, indices, count, into.width as number, into);
      else gatherArrays(source, ends, indices, count, into);
    },
  };
}

function gatherFixed(source: Uint8Array, indices: Uint32Array, count: number, width: number, into: ValueBuffer): void {
  into.reserve(count * width, count);
  const { bytes: target } = into;
  let to = into.size;
  for (let i = 0; i < count; i++) {
    const from = indices[i] * width;
    for (let k = 0; k < width; k++) target[to++] = source[from + k];
  }
  into.size = to;
  into.count += count;
}

function gatherArrays(
  source: Uint8Array,
  ends: Int32Array,
  indices: Uint32Array,
  count: number,
  into: ValueBuffer,
): void {
  let size = 0;
  for (let i = 0; i < count; i++) size += ends[indices[i]] - (indices[i] === 0 ? 0 : ends[indices[i] - 1]);
  into.reserve(size, count);
  const { bytes: target, ends: newEnds } = into;
  let to = into.size;
  for (let i = 0; i < count; i++) {
    const from = indices[i] === 0 ? 0 : ends[indices[i] - 1];
    const end = ends[indices[i]];
    if (end - from <= SHORT) for (let k = from; k < end; k++) target[to + k - from] = source[k];
    else target.set(source.subarray(from, end), to);
    to += end - from;
    newEnds[into.count++] = to;
  }
  into.size = to;
}

function runBooleans(bytes: Uint8Array, start: number): PageValues {
  need(bytes, start, 4);
  const hybrid = new HybridReader(bytes, start + 4, bytes.length, 1);
  return {
    longest: 0,
    next(count, into) {
      into.reserve(count, count);
      hybrid.read(into.bytes, into.size, count);
      into.size += count;
      into.count += count;
    },
  };
}

function splitStreams(bytes: Uint8Array, start: number, width: number | undefined): PageValues {
  if (width === undefined) throw new Error("byte arrays in the encoding BYTE_STREAM_SPLIT");
  const total = Math.floor((bytes.length - start) / width);
  let done = 0;
  return {
    longest: 0,
    next(count, into) {
      if (done + count > total) throw new Error(`${count} values, ${total - done} left`);
      into.reserve(count * width, count);
      const { bytes: target, size } = into;
      for (let k = 0; k < width; k++) {
        for (let i = 0; i < count; i++) target[size + i * width + k] = bytes[start + k * total + done + i];
      }
      done += count;
      into.size += count * width;
      into.count += count;
    },
  };
}

// Below this many bytes a loop beats the call of `set`.
const SHORT = 48;
