import { CompressionType, compressionRegistry } from "apache-arrow";
import { decompressLz4Frame } from "./lz4.js";
import { decompressZstd } from "./zstd.js";

/** Lets apache-arrow read the compressed record batches that pyarrow and Polars write; idempotent. */
export function registerCompression(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, {
    decode: (bytes) => decompressLz4Frame(bytes, statedSize(bytes)),
  });
  compressionRegistry.set(CompressionType.ZSTD, { decode: (bytes) => decompressZstd(bytes, statedSize(bytes)) });
}

/**
 * The decoded size of a buffer, which the format puts in the eight bytes before it; apache-arrow hands over what follows.
 * https://github.com/apache/arrow/blob/main/format/Message.fbs (BodyCompression)
 */
function statedSize({ buffer, byteOffset }: Uint8Array): number {
  return Number(new DataView(buffer, byteOffset - 8, 8).getBigInt64(0, true));
}
