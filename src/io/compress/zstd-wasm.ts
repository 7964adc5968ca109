/**
 * libzstd 1.5.7 as WebAssembly (package zstddec), for versions of Node whose node:zlib has no zstd: 20, and 22 before
 * 22.15.
 *
 * The methods of the package are not used. `decode` and `decodeStreaming` ignore the error codes of libzstd, so that a
 * damaged frame decodes to nothing or loops for ever, and `decodeStreaming` does not free its memory where the caller
 * stops early. This file calls the functions of libzstd: https://facebook.github.io/zstd/zstd_manual.html#Chapter9
 */

/** The part of the WebAssembly interface that this file uses. TypeScript declares the interface for browsers only. */
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** The exports of zstddec's module that this file calls. Pointers and sizes are unsigned, error codes negative. */
interface Libzstd {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  ZSTD_createDCtx(): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** Bytes of each of the two buffers, for stored and for decoded data. No block of a frame is longer. */
const ROOM = 128 * 1024;
/** Bytes of a ZSTD_inBuffer or a ZSTD_outBuffer: a pointer, a size and a position. */
const BUFFER_STRUCT = 12;

/** Messages for the errors of a damaged frame, by the error numbers of libzstd (zstd_errors.h). */
const ERRORS: Readonly<Record<number, string>> = {
  20: "data corruption detected",
  22: "the checksum does not match",
  64: "not enough memory for the frame's window",
};

let loading: Promise<void> | undefined;
let compiled: object | undefined;

/** Compiles the module, once for the process, in about 20 ms. Await it before making a `WasmZstd`. */
export function loadWasmZstd(): Promise<void> {
  loading ??= compile();
  return loading;
}

async function compile(): Promise<void> {
  // The package keeps a single instance for all its importers. The query makes Node load a second copy of the package,
  // whose `_init` can be replaced without disturbing others.
  const url = `${import.meta.resolve("zstddec/stream")}?bge-dedup`;
  const { ZSTDDecoder } = (await import(url)) as typeof import("zstddec/stream");
  class Compiler extends ZSTDDecoder {
    override _init(source: { readonly module: object }): void {
      compiled = source.module;
    }
  }
  await new Compiler().init();
}

/**
 * Decodes frames one after another. Memory: the window of a frame and 300 KiB; it is freed with the object.
 *
 *     memory at #at:   ZSTD_inBuffer 12 | ZSTD_outBuffer 12 | stored bytes, ROOM | decoded bytes, ROOM
 */
export class WasmZstd {
  readonly #libzstd: Libzstd;
  readonly #context: number;
  /** Address of the structs and buffers in the memory of the module. */
  readonly #at: number;

  /** @throws Error where `loadWasmZstd` has not been awaited */
  constructor() {
    if (compiled === undefined) throw new Error("zstd is not loaded: await prepareZstd() first");
    const imports = { env: { emscripten_notify_memory_growth: () => {} } };
    this.#libzstd = new WebAssembly.Instance(compiled, imports).exports as Libzstd;
    this.#context = this.#libzstd.ZSTD_createDCtx();
    this.#at = this.#libzstd.malloc(2 * (BUFFER_STRUCT + ROOM));
  }

  /** Bytes of memory that the decoder holds. The memory of a WebAssembly instance never shrinks. */
  get byteLength(): number {
    return this.#libzstd.memory.buffer.byteLength;
  }

  /**
   * Decodes a piece of a stream. A frame may end at the end of the piece but not inside it. Each chunk yielded is a
   * view that is valid until the next one is requested.
   * @throws Error where the frame is damaged or its checksum does not match; the decoder must not be used afterwards
   */
  *decode(stored: Uint8Array): Generator<Uint8Array> {
    const { memory, ZSTD_decompressStream } = this.#libzstd;
    const input = this.#at;
    const output = input + BUFFER_STRUCT;
    const source = output + BUFFER_STRUCT;
    const target = source + ROOM;
    for (let at = 0; at < stored.length; at += ROOM) {
      const part = stored.subarray(at, at + ROOM);
      new Uint8Array(memory.buffer).set(part, source);
      new Uint32Array(memory.buffer, input, 3).set([source, part.length, 0]);
      for (let more = true; more; ) {
        new Uint32Array(memory.buffer, output, 3).set([target, ROOM, 0]);
        const result = ZSTD_decompressStream(this.#context, output, input);
        if (result < 0) throw new Error(ERRORS[-result] ?? `damaged (zstd error ${-result})`);
        // The call may have grown the memory, which replaces its buffer. The words are the position in the input, the
        // address and size of the output buffer, and the position in the output.
        const [consumed, , , decoded] = new Uint32Array(memory.buffer, input + 8, 4);
        more = consumed < part.length || decoded === ROOM;
        if (decoded > 0) yield new Uint8Array(memory.buffer, target, decoded);
      }
    }
  }
}
