import { Xxh64 } from "./xxh64.js";
import { BlockDecoder, MAX_BLOCK } from "./zstd-block.js";

/** Frames of a Zstandard stream and the blocks in them: https://www.rfc-editor.org/rfc/rfc8878#section-3.1 */

/** The first four bytes of a frame, little-endian. */
export const FRAME_MAGIC = 0xfd2fb528;
/** The same of a skippable one, whose lowest four bits are free. */
export const SKIPPABLE_MAGIC = 0x184d2a50;

/** What `zstd -d` accepts without `--long`; the decoder holds one window. */
const MAX_WINDOW = 128 * 1024 * 1024;
/** Decoded bytes that are gathered before the window is moved to the front of its room. */
const SLACK = 8 * MAX_BLOCK;

/** What a frame's header says. */
export interface FrameHeader {
  readonly checksum: boolean;
  /** Decoded size where it is stated. */
  readonly contentSize: number | undefined;
  /** How far back matches may reach, in bytes. */
  readonly window: number;
}

/** What the three bytes before a block say. */
export interface BlockHeader {
  readonly last: boolean;
  readonly type: "raw" | "repeated" | "compressed";
  /** Bytes that are stored. */
  readonly stored: number;
  /** Bytes of a raw or repeated block when it is decoded. */
  readonly size: number;
}

/** Bytes of a header behind its first one, the descriptor. */
export function headerLength(descriptor: number): number {
  const single = (descriptor & 32) !== 0;
  return (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3] + [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
}

/** Reads a header. @throws Error where the frame needs a dictionary or a larger window than is held */
export function readHeader(descriptor: number, rest: Uint8Array): FrameHeader {
  if ((descriptor & 8) !== 0) throw new Error("a frame of an unknown version");
  const single = (descriptor & 32) !== 0;
  const dictionary = single ? 0 : 1;
  const size = dictionary + [0, 1, 2, 4][descriptor & 3];
  if (rest.subarray(dictionary, size).some((byte) => byte !== 0)) {
    throw new Error("the frame needs a dictionary, expected one without");
  }
  let contentSize: number | undefined;
  if (rest.length > size) {
    contentSize = rest.length - size === 2 ? 256 : 0;
    for (let i = size; i < rest.length; i++) contentSize += rest[i] * 2 ** (8 * (i - size));
  }
  const window = single ? (contentSize as number) : 2 ** (10 + (rest[0] >> 3)) * (1 + (rest[0] & 7) / 8);
  if (window > MAX_WINDOW) {
    throw new Error(`the frame's window is ${window} bytes, expected at most ${MAX_WINDOW}: compress without --long`);
  }
  return { checksum: (descriptor & 4) !== 0, contentSize, window };
}

/** Reads the header of a block. @throws Error where it is longer than a block can be or of no known type */
export function readBlockHeader(bytes: Uint8Array, at: number): BlockHeader {
  const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
  const type = (["raw", "repeated", "compressed", undefined] as const)[(word >> 1) & 3];
  const size = word >> 3;
  if (type === undefined || size > MAX_BLOCK)
    throw new Error(`invalid block of type ${(word >> 1) & 3} and ${size} bytes`);
  return { last: (word & 1) !== 0, type, size, stored: type === "repeated" ? 1 : size };
}

/** Decodes the blocks of one frame after another. */
export class FrameDecoder {
  readonly #blocks = new BlockDecoder();
  #header: FrameHeader = { checksum: false, contentSize: undefined, window: 0 };
  #hash: Xxh64 | undefined;
  #size = 0;
  /** The room that the frame is decoded into; it grows, or the window moves to its front. */
  #bytes: Uint8Array;
  #end = 0;
  #history = 0;
  readonly #whole: boolean;

  /** @param whole room for everything that is decoded; without it only the frame's window is held */
  constructor(whole?: Uint8Array) {
    this.#bytes = whole ?? new Uint8Array(0);
    this.#whole = whole !== undefined;
  }

  /** Bytes decoded into the room that was given. */
  get end(): number {
    return this.#end;
  }

  /** Begins a frame. */
  start(header: FrameHeader): void {
    this.#header = header;
    this.#blocks.startFrame();
    this.#hash = header.checksum ? new Xxh64() : undefined;
    this.#size = 0;
    if (!this.#whole) this.#end = 0;
    this.#history = this.#end;
  }

  /** Decodes a block; its bytes are valid until the next one. @throws Error where it is corrupt */
  block({ type, size }: BlockHeader, stored: Uint8Array): Uint8Array {
    const { window, contentSize = Number.POSITIVE_INFINITY } = this.#header;
    const most = Math.min(MAX_BLOCK, window, contentSize - this.#size);
    if (!this.#whole) this.#makeRoom(type === "compressed" ? most : Math.min(most, size));
    const bytes = this.#bytes;
    const start = this.#end;
    const limit = Math.min(start + most, bytes.length);
    if (type !== "compressed" && start + size > limit) throw new Error(`a block of more than ${limit - start} bytes`);
    if (type === "raw") bytes.set(stored, start);
    else if (type === "repeated") bytes.fill(stored[0], start, start + size);
    this.#end =
      type === "compressed"
        ? this.#blocks.decode(stored, { bytes, start, limit, history: this.#history, window })
        : start + size;
    const decoded = bytes.subarray(start, this.#end);
    this.#size += decoded.length;
    this.#hash?.update(decoded);
    return decoded;
  }

  /** Ends a frame. @throws Error where its content is not what its header and its checksum say */
  finish(checksum: Uint8Array): void {
    const { contentSize } = this.#header;
    if (contentSize !== undefined && contentSize !== this.#size) {
      throw new Error(`a frame holds ${this.#size} bytes, its header says ${contentSize}`);
    }
    if (this.#hash === undefined) return;
    const stated = new DataView(checksum.buffer, checksum.byteOffset).getUint32(0, true);
    if (this.#hash.digestLow() !== stated) throw new Error("the checksum does not match");
  }

  /** Room grows with what is decoded, so that a header alone takes none, up to a window and what is gathered behind it. */
  #makeRoom(size: number): void {
    if (this.#end + size <= this.#bytes.length) return;
    const { window } = this.#header;
    const most = window + SLACK;
    let room = this.#bytes;
    const kept = Math.min(window, this.#end - this.#history);
    if (room.length < most) room = new Uint8Array(Math.min(most, Math.max(2 * (kept + size), SLACK)));
    const held = this.#bytes.subarray(this.#end - kept, this.#end);
    if (room === this.#bytes) room.copyWithin(0, this.#end - kept, this.#end);
    else room.set(held);
    this.#bytes = room;
    this.#end = kept;
    this.#history = 0;
  }
}
