/**
 * libzstd 1.5.7 as WebAssembly, for Node without zstd in node:zlib: 20, and 22 before 22.15.
 *
 * The package's own methods are not used: `decode` and `decodeStreaming` drop libzstd's error codes, so that a damaged frame
 * decodes to nothing or loops for ever, and `decodeStreaming` keeps its memory where the caller stops early. The functions of
 * libzstd are called instead: https://facebook.github.io/zstd/zstd_manual.html#Chapter9
 */

/** The part of the WebAssembly interface used here; TypeScript declares it for browsers only. */
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** What zstddec's module exports and is called here. Pointers and sizes are unsigned, errors negative. */
interface Libzstd {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  ZSTD_createDCtx(): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** Bytes of stored data and of decoded data that are handed over at a time: no block is longer. */
const ROOM = 128 * 1024;
/** Bytes of a ZSTD_inBuffer or a ZSTD_outBuffer: a pointer, a size and a position. */
const BUFFER_STRUCT = 12;

/** Errors of a damaged frame in words, by libzstd's numbers (zstd_errors.h). */
const ERRORS: Readonly<Record<number, string>> = {
  20: "data corruption detected",
  22: "the checksum does not match",
  64: "not enough memory for the frame's window",
};

let loading: Promise<void> | undefined;
let compiled: object | undefined;

/** Compiles the module, which has to be done once before a `WasmZstd` is made. Some 20 ms. */
export function loadWasmZstd(): Promise<void> {
  loading ??= compile();
  return loading;
}

async function compile(): Promise<void> {
  // A copy of the package of its own, because it holds one instance for everyone who imports it.
  const url = `${import.meta.resolve("zstddec/stream")}?bge-dedup`;
  const { ZSTDDecoder } = (await import(url)) as typeof import("zstddec/stream");
  class Compiler extends ZSTDDecoder {
    override _init(source: { readonly module: object }): void {
      compiled = source.module;
    }
  }
  await new Compiler().init();
}

/** A decoder of frames one after another. Memory: the window of a frame and 300 KiB, which goes with the object. */
export class WasmZstd {
  readonly #libzstd: Libzstd;
  readonly #context: number;
  /** Address of the input's and the output's struct, followed by their bytes. */
  readonly #at: number;

  /** @throws Error where `loadWasmZstd` has not ended before */
  constructor() {
    if (compiled === undefined) throw new Error("zstd is not loaded: await prepareZstd() first");
    const imports = { env: { emscripten_notify_memory_growth: () => {} } };
    this.#libzstd = new WebAssembly.Instance(compiled, imports).exports as Libzstd;
    this.#context = this.#libzstd.ZSTD_createDCtx();
    this.#at = this.#libzstd.malloc(2 * (BUFFER_STRUCT + ROOM));
  }

  /** Bytes that the decoder holds. */
  get byteLength(): number {
    return this.#libzstd.memory.buffer.byteLength;
  }

  /**
   * Decodes a part of a stream in which a frame may end with its last byte only. What is yielded is a view, valid until the next
   * one is asked for.
   * @throws Error where the frame is damaged or its checksum does not match; the decoder is of no use afterwards
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
        // The memory may have grown, and then it has another buffer.
        const [consumed, , , decoded] = new Uint32Array(memory.buffer, input + 8, 4);
        more = consumed < part.length || decoded === ROOM;
        if (decoded > 0) yield new Uint8Array(memory.buffer, target, decoded);
      }
    }
  }
}
