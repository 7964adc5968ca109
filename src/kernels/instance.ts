import { binary } from "./binary.js";
import type { ClusterKernels } from "./cluster-kernels.js";

/** The part of the WebAssembly interface that this file uses. TypeScript declares the interface for browsers only. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

/** The functions of wasm/index.ts. All arguments named after data are addresses in `memory`. */
interface Exports extends ClusterKernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  widenRows(from: number, to: number, count: number, zeroPoint: number): void;
  spreadStrip(from: number, stride: number, depth: number, to: number): void;
  scanRows(columns: number, depth: number, rows: number, thresholds: number, count: number, masks: number): void;
  encodeRows(
    coordinates: number,
    count: number,
    size: number,
    centre: number,
    scale: number,
    levels: number,
    zeroPoint: number,
    depth: number,
    bytes: number,
    sums: number,
  ): void;
  transposeCodes(rows: number, count: number, length: number, zeroPoint: number, to: number, stride: number): void;
  dotsBelow(pairs: number, count: number, bytes: number, least: number, enough: number, kept: number): number;
}

/** Bytes of a page, in which WebAssembly counts memory. */
const PAGE = 65_536;
/** Arrays begin at multiples of a cache line. The first one is left to the module. */
const LINE = 64;

/**
 * Kernels and the memory that they see. A call lays its arrays out anew, so nothing in the memory outlasts the call; it
 * grows to the largest call so far and never shrinks.
 */
export class KernelInstance {
  readonly run: Omit<Exports, "memory">;
  readonly #memory: Exports["memory"];
  #bytes: Uint8Array;

  constructor() {
    // Modules of a few kilobytes may be compiled at once, in the main thread of Node too.
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(binary), (char) => char.charCodeAt(0)));
    const exports = new WebAssembly.Instance(compiled).exports as Exports;
    this.run = exports;
    this.#memory = exports.memory;
    this.#bytes = new Uint8Array(exports.memory.buffer);
  }

  /**
   * Makes room for arrays of these sizes in bytes and returns their addresses. Arrays of earlier calls may be
   * overwritten, and views of the memory taken earlier are no longer valid.
   */
  layOut<const Sizes extends readonly number[]>(...sizes: Sizes): { readonly [Index in keyof Sizes]: number } {
    let end = LINE;
    const addresses = sizes.map((size) => {
      const at = end;
      end += Math.ceil(size / LINE) * LINE;
      return at;
    });
    const missing = end - this.#bytes.length;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE));
      this.#bytes = new Uint8Array(this.#memory.buffer);
    }
    return addresses as { readonly [Index in keyof Sizes]: number };
  }

  /** The whole memory; valid until the next call of `layOut`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** A view of `length` int32 at an address; valid until the next call of `layOut`. */
  int32(address: number, length: number): Int32Array {
    return new Int32Array(this.#bytes.buffer, address, length);
  }

  /** A view of `length` float64 at an address; valid until the next call of `layOut`. */
  float64(address: number, length: number): Float64Array {
    return new Float64Array(this.#bytes.buffer, address, length);
  }

  /** A view of `length` float32 at an address; valid until the next call of `layOut`. */
  float32(address: number, length: number): Float32Array {
    return new Float32Array(this.#bytes.buffer, address, length);
  }
}

let compiled: object | undefined;
let own: KernelInstance | undefined;

/** The kernels of this thread. */
export function kernelInstance(): KernelInstance {
  own ??= new KernelInstance();
  return own;
}
