import { Decompress } from "fzstd";
import { Xxh64 } from "./xxh64.js";

/**
 * Zstandard streams: frames are walked here, blocks are decoded by fzstd. The walk is what makes the result certain:
 * fzstd alone neither verifies checksums nor tells a stream that ends between blocks from a complete one.
 * Format: RFC 8878.
 */

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK = 128 * 1024;
/** What `zstd -d` accepts without `--long`; the decoder holds one window. */
const MAX_WINDOW = 128 * 1024 * 1024;

/** Takes exact byte counts from a stream of chunks. The bytes it hands out are the caller's, never reused. */
class ExactReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(chunks: AsyncIterator<Uint8Array>) {
    this.#chunks = chunks;
  }

  /** True where no byte is left. */
  async ended(): Promise<boolean> {
    while (this.#at === this.#chunk.length) {
      const next = await this.#chunks.next();
      if (next.done) return true;
      this.#chunk = next.value;
      this.#at = 0;
    }
    return false;
  }

  /** The next `n` bytes; throws at an early end. */
  async take(n: number): Promise<Uint8Array> {
    if (this.#chunk.length - this.#at >= n) {
      this.#at += n;
      return this.#chunk.subarray(this.#at - n, this.#at);
    }
    const bytes = new Uint8Array(n);
    for (let filled = 0; filled < n; ) {
      filled += await this.#some(n - filled, bytes, filled);
    }
    return bytes;
  }

  /** Passes over `n` bytes without keeping them. */
  async skip(n: number): Promise<void> {
    for (let left = n; left > 0; ) left -= await this.#some(left);
  }

  async #some(most: number, into?: Uint8Array, at = 0): Promise<number> {
    if (await this.ended()) throw new Error("unexpected end of file");
    const n = Math.min(most, this.#chunk.length - this.#at);
    into?.set(this.#chunk.subarray(this.#at, this.#at + n), at);
    this.#at += n;
    return n;
  }
}

interface FrameHeader {
  /** The header's bytes from the magic number on. */
  readonly bytes: Uint8Array;
  readonly checksum: boolean;
  /** Decoded size where the header states it. */
  readonly contentSize: bigint | undefined;
}

/**
 * Decodes concatenated and skippable frames, verifying every checksum and stated size. Chunks taken from `stored` may
 * not be reused by their producer; those yielded are the caller's. Memory: the frame's window (128 MiB at most) and a
 * block. Throws a plain Error with the reason where the stream is corrupt, cut short or needs what it does not hold.
 */
export async function* decodeZstd(stored: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ExactReader(stored);
  for (let first = true; first || !(await reader.ended()); first = false) {
    const magic = await reader.take(4);
    const number = uint32(magic, 0);
    if ((number & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) await reader.skip(uint32(await reader.take(4), 0));
    else if (number === FRAME_MAGIC) yield* decodeFrame(reader, await readHeader(reader, magic));
    else throw new Error(`no zstd frame starts with the bytes ${hex(magic)}`);
  }
}

async function readHeader(reader: ExactReader, magic: Uint8Array): Promise<FrameHeader> {
  const descriptor = await reader.take(1);
  const single = (descriptor[0] & 32) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor[0] & 3];
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor[0] >> 6];
  const rest = await reader.take((single ? 0 : 1) + dictionaryBytes + sizeBytes);
  let at = single ? 0 : 1;
  if (rest.subarray(at, at + dictionaryBytes).some((byte) => byte !== 0)) {
    throw new Error("the frame needs a dictionary, expected one without");
  }
  at += dictionaryBytes;
  let contentSize: bigint | undefined;
  if (sizeBytes > 0) {
    contentSize = 0n;
    for (let i = sizeBytes - 1; i >= 0; i--) contentSize = (contentSize << 8n) | BigInt(rest[at + i]);
    if (sizeBytes === 2) contentSize += 256n;
  }
  const window = single ? Number(contentSize) : 2 ** (10 + (rest[0] >> 3)) * (1 + (rest[0] & 7) / 8);
  if (window > MAX_WINDOW) {
    throw new Error(`the frame's window is ${window} bytes, expected at most ${MAX_WINDOW}: compress without --long`);
  }
  return { bytes: concat([magic, descriptor, rest]), checksum: (descriptor[0] & 4) !== 0, contentSize };
}

async function* decodeFrame(reader: ExactReader, header: FrameHeader): AsyncGenerator<Uint8Array> {
  const decoded: Uint8Array[] = [];
  const decoder = new Decompress((bytes) => {
    if (bytes.length > 0) decoded.push(bytes);
  });
  const hash = header.checksum ? new Xxh64() : undefined;
  let size = 0;
  decoder.push(header.bytes);
  for (let last = false; !last; ) {
    const blockHeader = await reader.take(3);
    const word = blockHeader[0] | (blockHeader[1] << 8) | (blockHeader[2] << 16);
    last = (word & 1) !== 0;
    const type = (word >> 1) & 3;
    const length = word >> 3;
    if (type === 3 || length > MAX_BLOCK) throw new Error(`invalid block of type ${type} and ${length} bytes`);
    const body = await reader.take(type === 1 ? 1 : length);
    const checksum = last && hash ? await reader.take(4) : new Uint8Array(0);
    decoder.push(concat([blockHeader, body, checksum]), last);
    for (const bytes of decoded) {
      size += bytes.length;
      hash?.update(bytes);
      yield bytes;
    }
    decoded.length = 0;
    if (last && hash && hash.digestLow() !== uint32(checksum, 0)) throw new Error("the checksum does not match");
  }
  if (header.contentSize !== undefined && header.contentSize !== BigInt(size)) {
    throw new Error(`a frame holds ${size} bytes, its header says ${header.contentSize}`);
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
