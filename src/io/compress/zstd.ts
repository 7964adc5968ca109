import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { throughDecoder } from "./zlib-stream.js";
import { ZstdFrames } from "./zstd-frames.js";
import { loadWasmZstd, WasmZstd } from "./zstd-wasm.js";

/**
 * Who decodes: node:zlib where it can, from Node 22.15 on, else libzstd as WebAssembly.
 *
 * Speed of 40 MB of JSONL at level 3, as a multiple of the decoder in TypeScript that was here before: zlib 5.3, zstddec 2.9.
 * Not taken: fzstd (0.9; no checksums, 29 bytes that keep it busy for 59 s and on), zstd-codec (1.6; aborts at windows over 16 MiB),
 * @hpcc-js/wasm-zstd (decodes garbage to nothing), @bokuweb/zstd-wasm, @foxglove/wasm-zstd, zstandard-wasm (no streams),
 * @mongodb-js/zstd and zstd-napi (install scripts).
 */
export type ZstdEngine = "zlib" | "wasm";

/** The part of node:zlib that the types of Node 20 do not have. */
const native = zlib as {
  readonly createZstdDecompress?: (options: { chunkSize: number }) => Transform;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { chunkSize: number; maxOutputLength: number }) => Buffer;
};

/** The engine that is used where none is asked for. */
export const ZSTD_ENGINE: ZstdEngine = native.createZstdDecompress === undefined ? "wasm" : "zlib";

const DECODED_CHUNK = 1 << 18;
/** Bytes of a WebAssembly decoder above which it is not kept. It begins with 17 MB, most of them never touched. */
const KEPT_MEMORY = 32 << 20;

/** Makes `decompressZstd` ready, which needs it once; at no cost where node:zlib decodes. */
export async function prepareZstd(engine: ZstdEngine = ZSTD_ENGINE): Promise<void> {
  if (engine === "wasm") await loadWasmZstd();
}

/**
 * Decodes concatenated and skippable frames, verifying every checksum and stated size. Chunks taken from `stored` may not be
 * reused by their producer; a chunk yielded is valid until the next one is asked for. Memory: the frame's window, 128 MiB at
 * most, and a megabyte.
 * @throws Error with the reason where the stream is corrupt, cut short or needs what it does not hold; the error of `stored` as it is
 */
export async function* decodeZstd(
  stored: AsyncIterable<Uint8Array>,
  engine: ZstdEngine = ZSTD_ENGINE,
): AsyncGenerator<Uint8Array> {
  const pieces = framePieces(stored);
  if (engine === "wasm") {
    await loadWasmZstd();
    const decoder = takeWasm();
    for await (const piece of pieces) yield* decoder.decode(piece);
    keepWasm(decoder);
    return;
  }
  // Newer versions of node:zlib refuse a stream of skippable frames alone, of which it would see nothing.
  const first = await pieces.next();
  if (first.done) return;
  const decoder = (native as Required<typeof native>).createZstdDecompress({ chunkSize: DECODED_CHUNK });
  yield* throughDecoder(startingWith(first.value, pieces), decoder);
}

async function* framePieces(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  let length = 0;
  for await (const chunk of stored) {
    length += chunk.length;
    yield* frames.pieces(chunk);
  }
  if (length === 0) throw new Error("unexpected end of file");
  frames.finish();
}

async function* startingWith(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/**
 * Decodes all frames of `stored` to exactly `size` bytes, with the same checks as `decodeZstd`.
 * @throws Error where it holds more or fewer, or is corrupt, or `prepareZstd` has not been awaited
 */
export function decompressZstd(
  stored: Uint8Array,
  size: number,
  engine: ZstdEngine = ZSTD_ENGINE,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  const decode = engine === "zlib" ? decodeWithZlib : decodeWithWasm;
  const frames = new ZstdFrames();
  let end = 0;
  for (const frame of frames.pieces(stored)) {
    for (const bytes of decode(frame, size - end)) {
      if (bytes.length > size - end) throw new Error(`zstd frames of more than the expected ${size} bytes`);
      whole.set(bytes, end);
      end += bytes.length;
    }
  }
  frames.finish();
  if (end !== size) throw new Error(`zstd frames of ${end} bytes, expected ${size}`);
  return whole;
}

/** Decodes a whole frame. @throws Error where it holds more than `most` bytes, one at least */
function decodeWithZlib(frame: Uint8Array, most: number): readonly Uint8Array[] {
  const { zstdDecompressSync } = native as Required<typeof native>;
  const maxOutputLength = Math.max(1, most);
  try {
    return [zstdDecompressSync(frame, { maxOutputLength, chunkSize: Math.min(DECODED_CHUNK, maxOutputLength + 64) })];
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new Error(
      code === "ERR_BUFFER_TOO_LARGE" ? `a zstd frame of more than the expected ${most} bytes` : message,
      { cause },
    );
  }
}

function* decodeWithWasm(frame: Uint8Array): Generator<Uint8Array> {
  const decoder = takeWasm();
  yield* decoder.decode(frame);
  keepWasm(decoder);
}

/** A decoder that is used by nobody else; to make one takes milliseconds. */
let kept: WasmZstd | undefined;

function takeWasm(): WasmZstd {
  const decoder = kept ?? new WasmZstd();
  kept = undefined;
  return decoder;
}

/** Keeps a decoder for the next one who needs it, after the end of a frame and unless it has become large. */
function keepWasm(decoder: WasmZstd): void {
  if (decoder.byteLength <= KEPT_MEMORY) kept = decoder;
}
