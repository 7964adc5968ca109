import { FRAME_MAGIC, FrameDecoder, headerLength, readBlockHeader, readHeader, SKIPPABLE_MAGIC } from "./zstd-frame.js";

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

/**
 * Decodes concatenated and skippable frames, verifying every checksum and stated size. Chunks taken from `stored` may
 * not be reused by their producer; a chunk yielded is valid until the next one is asked for. Memory: the frame's window
 * (128 MiB at most, and no more than twice what was decoded) and two megabytes. Throws a plain Error with the reason where the
 * stream is corrupt, cut short or needs what it does not hold.
 */
export async function* decodeZstd(stored: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ExactReader(stored);
  const decoder = new FrameDecoder();
  for (let first = true; first || !(await reader.ended()); first = false) {
    const magic = await reader.take(4);
    if (isSkippable(magic)) await reader.skip(uint32(await reader.take(4), 0));
    else yield* decodeFrame(reader, decoder);
  }
}

async function* decodeFrame(reader: ExactReader, decoder: FrameDecoder): AsyncGenerator<Uint8Array> {
  const [descriptor] = await reader.take(1);
  const header = readHeader(descriptor, await reader.take(headerLength(descriptor)));
  decoder.start(header);
  for (let last = false; !last; ) {
    const block = readBlockHeader(await reader.take(3), 0);
    last = block.last;
    const decoded = decoder.block(block, await reader.take(block.stored));
    if (decoded.length > 0) yield decoded;
  }
  decoder.finish(await reader.take(header.checksum ? 4 : 0));
}

/**
 * Decodes all frames of `stored` to exactly `size` bytes, with the same checks as `decodeZstd`.
 * @throws Error where it holds more or fewer, or is corrupt
 */
export function decompressZstd(stored: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  const decoder = new FrameDecoder(whole);
  let at = 0;
  const take = (bytes: number): Uint8Array => {
    if (at + bytes > stored.length) throw new Error("unexpected end of a zstd frame");
    at += bytes;
    return stored.subarray(at - bytes, at);
  };
  while (at < stored.length) {
    if (isSkippable(take(4))) {
      take(uint32(take(4), 0));
      continue;
    }
    const [descriptor] = take(1);
    const header = readHeader(descriptor, take(headerLength(descriptor)));
    decoder.start(header);
    for (let last = false; !last; ) {
      const block = readBlockHeader(take(3), 0);
      last = block.last;
      decoder.block(block, take(block.stored));
    }
    decoder.finish(take(header.checksum ? 4 : 0));
  }
  if (decoder.end !== size) throw new Error(`zstd frames of ${decoder.end} bytes, expected ${size}`);
  return whole;
}

/** Whether a frame is to be passed over. @throws Error where it is no frame */
function isSkippable(magic: Uint8Array): boolean {
  const number = uint32(magic, 0);
  if ((number & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) return true;
  if (number !== FRAME_MAGIC) throw new Error(`no zstd frame starts with the bytes ${hex(magic)}`);
  return false;
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
