/**
 * Where the frames of a Zstandard stream begin and end: https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 *
 * The decoders need to be told. node:zlib stops without an error at the first frame that ends inside a chunk, and up to Node 22
 * takes a stream that is cut short for a whole one; zstddec does not say where a frame has ended.
 */

const FRAME_MAGIC = 0xfd2fb528;
/** The magic number of a skippable frame, whose lowest four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;

/** The largest window that `zstd -d` accepts without `--long`, in bytes. */
const MAX_WINDOW = 128 * 1024 * 1024;

/** The parts of a stream in their order. */
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

/** Parts whose bytes are read here; the others are passed over. */
const READ: ReadonlySet<Part> = new Set(["magic", "skippable size", "descriptor", "header", "block header"]);

/** Follows the frames of a stream that arrives in chunks. */
export class ZstdFrames {
  #part: Part = "magic";
  /** Bytes of the part that are still to come. */
  #left = 4;
  /** The first bytes of the part; no part that is read is longer than a frame's header. */
  readonly #bytes = new Uint8Array(14);
  #filled = 0;
  #descriptor = 0;

  /**
   * The parts of `chunk` that belong to frames with content, as views. The end of a frame is always the end of such a part.
   * @throws Error where a frame cannot begin, needs a dictionary or a window of more than 128 MiB
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
          // The magic number began in an earlier chunk, which has kept it back.
          if (from < 0) {
            yield this.#bytes.slice(0, 4);
            from = at;
          }
        } else if (this.#part === "magic" && ended !== "skipped") yield chunk.subarray(from, at);
      }
    }
    if (this.#inContent() && from < chunk.length) yield chunk.subarray(from);
  }

  /** Ends the stream. @throws Error where a frame has begun and not ended */
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

  /** Begins the part that follows one that has ended. */
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
        // One byte is stored of a block that repeats it.
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

/** Whether a frame is to be passed over. @throws Error where no frame begins like that */
function isSkippable(magic: Uint8Array): boolean {
  const number = uint(magic, 0, 4);
  if (number - (number % 16) === SKIPPABLE_MAGIC) return true;
  if (number !== FRAME_MAGIC) throw new Error(`no zstd frame starts with the bytes ${hex(magic.subarray(0, 4))}`);
  return false;
}

/** Bytes of a dictionary's id in a header. */
function dictionaryBytes(descriptor: number): number {
  return [0, 1, 2, 4][descriptor & 3];
}

/** Bytes of a header behind its first one, the descriptor. */
function headerLength(descriptor: number): number {
  const single = (descriptor & 32) !== 0;
  return (single ? 0 : 1) + dictionaryBytes(descriptor) + [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
}

function checkHeader(descriptor: number, rest: Uint8Array): void {
  const single = (descriptor & 32) !== 0;
  const dictionaryAt = single ? 0 : 1;
  const sizeAt = dictionaryAt + dictionaryBytes(descriptor);
  if (rest.subarray(dictionaryAt, sizeAt).some((byte) => byte !== 0)) {
    throw new Error("the frame needs a dictionary, expected one without");
  }
  // A frame in a single segment has a window as large as its content.
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
