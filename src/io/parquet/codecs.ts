import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { decompressHadoopLz4, decompressLz4Block } from "../compress/lz4.js";
import { decompressSnappy } from "../compress/snappy.js";
import { decompressZstd } from "../compress/zstd.js";

/** Decoders by the format's names; each makes no more than `size` bytes, and all but zlib's exactly as many or throw. */
const CODECS: Readonly<Record<string, (input: Uint8Array, size: number) => Uint8Array>> = {
  UNCOMPRESSED: (input) => input,
  SNAPPY: decompressSnappy,
  // An empty limit is none.
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  ZSTD: decompressZstd,
  LZ4: decompressHadoopLz4,
  LZ4_RAW: decompressLz4Block,
};

/** Decompresses the body of a page to exactly `size` bytes. @throws Error where the codec is unknown or the body does not hold them */
export function decompressPage(body: Uint8Array, size: number, codec: string): Uint8Array {
  // Some writers leave an empty body uncompressed.
  if (body.length === 0 && size === 0) return body;
  const decompress = CODECS[codec];
  if (decompress === undefined) throw new Error(`pages in the unknown codec ${codec}`);
  const bytes = decompress(body, size);
  if (bytes.length !== size) throw new Error(`a page of ${bytes.length} bytes, its header says ${size}`);
  return bytes;
}
