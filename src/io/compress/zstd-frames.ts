/**
 * Finds where the frames of a Zstandard stream begin and end: https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 *
 *     frame      magic 4 | descriptor 1 | window 0-1, dictionary id 0-4, content size 0-8 | blocks | checksum 0 or 4
 *     block      header 3: last 1 bit, type 2 bits, size 21 bits | content
 *     skippable  magic 4 | size 4 | content
 *
 * The decoders do not find the frames themselves. node:zlib ends without an error at the first frame that ends inside a
 * chunk, and up to Node 22 accepts a stream that is cut short; zstddec does not report where a frame has ended.
 */

const FRAME_MAGIC = 0xfd2fb528;
/** The magic number of a skippable frame, whose lowest four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;

/** The largest window that `zstd -d` accepts without `--long`, in bytes. */
const MAX_WINDOW = 128 * 1024 * 1024;

/** The parts of a stream, in the order in which they appear. */
type Part =
  | "magic"
  | "skippable size"
  | "skipped"
  | "descriptor"
  | "header"
  | "block header"
  | "block"
  | "last block"
  | "checksum";

/** The parts whose bytes are needed to follow the stream; the bytes of the others are only counted. */
const READ: ReadonlySet<Part> = new Set(["magic", "skippable size", "descriptor", "header", "block header"]);

/** Follows the frames of a stream that arrives in chunks of any size. Memory: 14 bytes. */
export class ZstdFrames {
  #part: Part = "magic";
  /** Bytes of the current part that have not arrived. */
  #left = 4;
  /** The bytes of the current part so far. The longest part that is read is a frame header of at most 13 bytes. */
  readonly #bytes = new Uint8Array(14);
  #filled = 0;
  #descriptor = 0;

  /**
   * Yields the pieces of `chunk` that belong to frames with content, as views of it; skippable frames are left out. A
   * piece never goes beyond the end of a frame.
   * @throws Error where the bytes do not begin a frame, or a frame needs a dictionary or a window of more than 128 MiB
   */
  *pieces(chunk: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(this.#left, chunk.length - at);
      if (READ.has(this.#part)) {
        this.#bytes.set(chunk.subarray(at, at + taken), this.#filled);
        this.#filled += taken;
      }
      at += taken;
      this.#left -= taken;
      while (this.#left === 0) {
        const ended = this.#part;
        this.#next();
        if (ended === "magic" && this.#part === "descriptor") {
          from = at - 4;
          // The magic number began in an earlier chunk, where it was held back until its frame was known to have
          // content.
          if (from < 0) {
            yield this.#bytes.slice(0, 4);
            from = at;
          }
        } else if (this.#part === "magic" && ended !== "skipped") yield chunk.subarray(from, at);
      }
    }
    if (this.#inContent() && from < chunk.length) yield chunk.subarray(from);
  }

  /** Ends the stream. @throws Error where the last frame has not ended */
  finish(): void {
    if (this.#part !== "magic" || this.#filled > 0) throw new Error("unexpected end of file");
  }

  #inContent(): boolean {
    return this.#part !== "magic" && this.#part !== "skippable size" && this.#part !== "skipped";
  }

  #begin(part: Part, length: number): void {
    this.#part = part;
    this.#left = length;
    this.#filled = 0;
  }

  /** Begins the part that follows the current one, which is complete. */
  #next(): void {
    switch (this.#part) {
      case "magic":
        if (isSkippable(this.#bytes)) this.#begin("skippable size", 4);
        else this.#begin("descriptor", 1);
        break;
      case "skippable size":
        this.#begin("skipped", uint(this.#bytes, 0, 4));
        break;
      case "descriptor":
        this.#descriptor = this.#bytes[0];
        this.#begin("header", headerLength(this.#descriptor));
        break;
      case "header":
        checkHeader(this.#descriptor, this.#bytes.subarray(0, this.#filled));
        this.#begin("block header", 3);
        break;
      case "block header": {
        const word = uint(this.#bytes, 0, 3);
        // A block of type 1 repeats a single stored byte.
        const stored = ((word >> 1) & 3) === 1 ? 1 : word >> 3;
        this.#begin((word & 1) === 1 ? "last block" : "block", stored);
        break;
      }
      case "block":
        this.#begin("block header", 3);
        break;
      case "last block":
        this.#begin("checksum", (this.#descriptor & 4) === 0 ? 0 : 4);
        break;
      default:
        this.#begin("magic", 4);
    }
  }
}

/**
 * Whether the magic number is that of a skippable frame.
 * @throws Error where it is not the magic number of any frame
 */
function isSkippable(magic: Uint8Array): boolean {
  const number = uint(magic, 0, 4);
  if (number - (number % 16) === SKIPPABLE_MAGIC) return true;
  if (number !== FRAME_MAGIC) throw new Error(`no zstd frame starts with the bytes ${hex(magic.subarray(0, 4))}`);
  return false;
}

/** Bytes of the dictionary id in a frame header. */
function dictionaryBytes(descriptor: number): number {
  return [0, 1, 2, 4][descriptor & 3];
}

/** Bytes of a frame header after its first byte, the descriptor. */
function headerLength(descriptor: number): number {
  const single = (descriptor & 32) !== 0;
  return (single ? 0 : 1) + dictionaryBytes(descriptor) + [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
}

/** @throws Error where the frame needs a dictionary or too large a window */
function checkHeader(descriptor: number, rest: Uint8Array): void {
  const single = (descriptor & 32) !== 0;
  const dictionaryAt = single ? 0 : 1;
  const sizeAt = dictionaryAt + dictionaryBytes(descriptor);
  if (rest.subarray(dictionaryAt, sizeAt).some((byte) => byte !== 0)) {
    throw new Error("the frame needs a dictionary, expected one without");
  }
  // A frame of a single segment has no window size: its window is its content, whose size of 2 bytes counts from 256.
  const size = uint(rest, sizeAt, rest.length - sizeAt) + (rest.length - sizeAt === 2 ? 256 : 0);
  const window = single ? size : 2 ** (10 + (rest[0] >> 3)) * (1 + (rest[0] & 7) / 8);
  if (window > MAX_WINDOW) {
    throw new Error(`the frame's window is ${window} bytes, expected at most ${MAX_WINDOW}: compress without --long`);
  }
}

/** An unsigned little-endian number of `length` bytes. */
function uint(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
