import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { throughDecoder } from "./zlib-stream.js";
import { ZstdFrames } from "./zstd-frames.js";
import { loadWasmZstd, WasmZstd } from "./zstd-wasm.js";

/**
 * The engine that decodes Zstandard: node:zlib from Node 22.15 on, libzstd as WebAssembly before.
 *
 * Speed with 40 MB of JSONL at level 3, as a multiple of an earlier decoder in TypeScript: zlib 5.3, zstddec 2.9.
 * Rejected packages: fzstd (0.9; verifies no checksums; 29 bytes keep it busy for more than 59 s), zstd-codec (1.6;
 * aborts at windows over 16 MiB), @hpcc-js/wasm-zstd (decodes garbage to nothing), @bokuweb/zstd-wasm,
 * @foxglove/wasm-zstd and zstandard-wasm (no streams), @mongodb-js/zstd and zstd-napi (install scripts).
 */
export type ZstdEngine = "zlib" | "wasm";

/** The functions of node:zlib that the types of Node 20 do not declare. */
const native = zlib as {
  readonly createZstdDecompress?: (options: { chunkSize: number }) => Transform;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { chunkSize: number; maxOutputLength: number }) => Buffer;
};

/** The default engine on this version of Node. */
export const ZSTD_ENGINE: ZstdEngine = native.createZstdDecompress === undefined ? "wasm" : "zlib";

/** Decoded bytes in a chunk. */
const DECODED_CHUNK = 1 << 18;
/**
 * Largest memory, in bytes, of a WebAssembly decoder that is kept for reuse. A new decoder has 17 MB, most of them
 * never touched.
 */
const KEPT_MEMORY = 32 << 20;

/** Loads the engine. Await it once before calling `decompressZstd`. Costs nothing where node:zlib decodes. */
export async function prepareZstd(engine: ZstdEngine = ZSTD_ENGINE): Promise<void> {
  if (engine === "wasm") await loadWasmZstd();
}

/**
 * Decodes a stream of concatenated frames, skippable ones among them, and verifies every checksum and stated size. The
 * producer of `stored` must not reuse the memory of its chunks. A chunk yielded is valid until the next one is
 * requested. Memory: the window of a frame, at most 128 MiB, and a megabyte.
 * @throws Error with the reason where the stream is corrupt, cut short, or needs a dictionary or a larger window
 * @throws the error of `stored`, unchanged
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
  // Newer versions of node:zlib reject an empty input. A stream of skippable frames alone is empty once they are left
  // out.
  const first = await pieces.next();
  if (first.done) return;
  const decoder = (native as Required<typeof native>).createZstdDecompress({ chunkSize: DECODED_CHUNK });
  yield* throughDecoder(startingWith(first.value, pieces), decoder);
}

/**
 * Yields the pieces of `stored` that the decoders take.
 * @throws Error where it is empty or its last frame has not ended
 */
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
 * Decodes all frames of `stored` to exactly `size` bytes, which the caller owns, with the same checks as `decodeZstd`.
 * @throws Error where the frames hold more or fewer bytes or are corrupt, or where `prepareZstd` has not been awaited
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

/**
 * Decodes a whole frame.
 * @throws Error where the frame is damaged or holds more than `most` bytes (more than 1 where `most` is 0)
 */
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

/** A decoder that is free for use, because making one takes milliseconds. A decoder in use is never here. */
let kept: WasmZstd | undefined;

function takeWasm(): WasmZstd {
  const decoder = kept ?? new WasmZstd();
  kept = undefined;
  return decoder;
}

/**
 * Makes a decoder available to the next caller, unless its memory has become large. Call it only after the end of a
 * frame.
 */
function keepWasm(decoder: WasmZstd): void {
  if (decoder.byteLength <= KEPT_MEMORY) kept = decoder;
}
