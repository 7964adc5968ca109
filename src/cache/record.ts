import { hash } from "node:crypto";
import * as zlib from "node:zlib";

/*
 * A record holds the vector of one text and what a run counts of the text:
 *
 *     uint32 checksum    CRC-32 of everything behind it
 *     uint32 counts      number of tokens; bit 31: the text was cut, bit 30: the text has a direction
 *     uint32 dim         components of the vector
 *     20 bytes key       see writeKeys
 *     float32[dim]       the vector; zeros where the text has no direction
 *
 * All numbers are little-endian, as on every processor that onnxruntime runs on. Both stores keep records as they are,
 * so one check finds every kind of damage: a bit that flipped, a record that was written by half, and a value that
 * belongs to another key.
 */

/** Node 20.15 and later have CRC-32; the declarations of Node 20 do not know it. */
const { crc32 } = zlib as unknown as { crc32(bytes: Uint8Array): number };

/** Words of a key: 160 bits of SHA-256. */
export const KEY_WORDS = 5;
/** Bytes of a key. */
export const KEY_BYTES = 4 * KEY_WORDS;

/** Words of a record before its vector. */
const HEADER_WORDS = 8;
const [CHECKSUM, COUNTS, DIM, KEY] = [0, 1, 2, 3];

const TRUNCATED = 2 ** 31;
const DIRECTED = 2 ** 30;
const MOST_TOKENS = DIRECTED - 1;

/** Most components of a vector; a larger number is damage. */
const MOST_DIM = 2 ** 16;

/** Bytes of a record of `dim` components. */
export function recordBytes(dim: number): number {
  return 4 * (HEADER_WORDS + dim);
}

/** Vectors of texts with the counts of each text, as they are remembered. Arrays have one entry a text. */
export interface TextRecords {
  /** n × dim, row-major. */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** 1 for each text that has a direction. */
  readonly directed: Uint8Array<ArrayBuffer>;
  /** 1 for each text that was cut to the model's length. */
  readonly truncated: Uint8Array<ArrayBuffer>;
  /** Tokens of each text. */
  readonly tokens: Uint32Array<ArrayBuffer>;
}

/** Marks the UTF-16 bytes of a text with a lone surrogate. UTF-8 never contains this byte. */
const LONE_MARK = Buffer.of(0xff);

/**
 * The keys of texts: the first 20 bytes of SHA-256 over the name of the space, a zero byte and the text's UTF-8 bytes.
 * Node encodes every lone surrogate as U+FFFD, which would make different texts equal; such a text enters as UTF-16.
 * @param space what the vectors depend on beside the text, in hexadecimal
 * @param ends end of each text in `joined`, in UTF-16 units
 * @returns n × 5 words
 */
export function keysOf(space: string, joined: string, ends: Uint32Array): Uint32Array<ArrayBuffer> {
  const keys = new Uint32Array(ends.length * KEY_WORDS);
  const prefix = `${space}\0`;
  for (let i = 0, start = 0, word = 0; i < ends.length; start = ends[i++]) {
    const text = joined.slice(start, ends[i]);
    const content = text.isWellFormed()
      ? prefix + text
      : Buffer.concat([Buffer.from(prefix), LONE_MARK, Buffer.from(text, "utf16le")]);
    // The digest comes as a string of one character a byte, which OpenSSL's binding returns faster than a buffer.
    const digest = hash("sha256", content, "binary");
    for (let at = 0; at < KEY_BYTES; at += 4) {
      keys[word++] =
        digest.charCodeAt(at) |
        (digest.charCodeAt(at + 1) << 8) |
        (digest.charCodeAt(at + 2) << 16) |
        (digest.charCodeAt(at + 3) << 24);
    }
  }
  return keys;
}

/**
 * Writes records one behind the other.
 * @param keys n × 5 words
 * @returns n × `recordBytes(dim)` bytes
 */
export function encodeRecords(keys: Uint32Array, texts: TextRecords, dim: number): Uint8Array<ArrayBuffer> {
  const size = HEADER_WORDS + dim;
  const count = texts.directed.length;
  const words = new Uint32Array(count * size);
  const floats = new Float32Array(words.buffer);
  const bytes = new Uint8Array(words.buffer);
  for (let i = 0; i < count; i++) {
    const at = i * size;
    const flags = (texts.truncated[i] ? TRUNCATED : 0) + (texts.directed[i] ? DIRECTED : 0);
    words[at + COUNTS] = flags + Math.min(texts.tokens[i], MOST_TOKENS);
    words[at + DIM] = dim;
    for (let word = 0; word < KEY_WORDS; word++) words[at + KEY + word] = keys[i * KEY_WORDS + word];
    floats.set(texts.vectors.subarray(i * dim, (i + 1) * dim), at + HEADER_WORDS);
    words[at + CHECKSUM] = crc32(bytes.subarray(4 * (at + COUNTS), 4 * (at + size)));
  }
  return bytes;
}

/** Records as bytes, words and numbers of one buffer. */
export interface RecordViews {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly floats: Float32Array<ArrayBuffer>;
}

/** New views on `bytes` bytes, a multiple of 4. */
export function recordViews(bytes: number): RecordViews {
  const words = new Uint32Array(bytes / 4);
  return { words, bytes: new Uint8Array(words.buffer), floats: new Float32Array(words.buffer) };
}

/**
 * Takes record number `record` over as text number `text`.
 * @param keys n × 5 words
 * @returns false if the record is damaged or belongs to another text; `into` is then unchanged
 */
export function takeRecord(
  { bytes, words, floats }: RecordViews,
  record: number,
  keys: Uint32Array,
  text: number,
  into: TextRecords,
  dim: number,
): boolean {
  const size = HEADER_WORDS + dim;
  const at = record * size;
  if (words[at + DIM] !== dim) return false;
  for (let word = 0; word < KEY_WORDS; word++) {
    if (words[at + KEY + word] !== keys[text * KEY_WORDS + word]) return false;
  }
  if (crc32(bytes.subarray(4 * (at + COUNTS), 4 * (at + size))) !== words[at + CHECKSUM]) return false;
  const counts = words[at + COUNTS];
  into.truncated[text] = counts >= TRUNCATED ? 1 : 0;
  into.directed[text] = (counts & DIRECTED) === 0 ? 0 : 1;
  into.tokens[text] = counts & MOST_TOKENS;
  into.vectors.set(floats.subarray(at + HEADER_WORDS, at + size), text * dim);
  return true;
}

/** New arrays for `count` texts. */
export function emptyRecords(count: number, dim: number): TextRecords {
  return {
    vectors: new Float32Array(count * dim),
    directed: new Uint8Array(count),
    truncated: new Uint8Array(count),
    tokens: new Uint32Array(count),
  };
}

/** Components of the vector of a record of any alignment; undefined if the bytes cannot be a record. */
export function recordDim(record: Buffer | null): number | undefined {
  if (record === null || record.length <= recordBytes(0)) return undefined;
  const dim = record.readUInt32LE(4 * DIM);
  return dim <= MOST_DIM && record.length === recordBytes(dim) ? dim : undefined;
}
