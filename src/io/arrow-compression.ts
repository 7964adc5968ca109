import { CompressionType, compressionRegistry } from "apache-arrow";
import { decompress } from "fzstd";
import { decompressLz4Frame } from "./lz4.js";

/** Lets apache-arrow read the compressed record batches that pyarrow and Polars write; idempotent. */
export function registerCompression(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: decompressLz4Frame });
  compressionRegistry.set(CompressionType.ZSTD, { decode: (bytes) => aligned(decompress(bytes)) });
}

// Buffers are read as 64-bit numbers in place; fzstd may return the middle of a larger one.
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}
