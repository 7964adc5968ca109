import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { snappyUncompress, snappyUncompressor } from "hysnappy";
import { decompressHadoopLz4, decompressLz4Block } from "../compress/lz4.js";
import { decompressZstd } from "../compress/zstd.js";

/**
 * Decoders by the names of the format. Each one returns at most `size` bytes. Those of node:zlib may return fewer; all
 * others throw if there are not exactly `size`.
 */
const CODECS: Readonly<Record<string, (input: Uint8Array, size: number) => Uint8Array>> = {
  UNCOMPRESSED: (input) => input,
  SNAPPY: decompressSnappy,
  // node:zlib requires a limit of at least 1.
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  ZSTD: decompressZstd,
  LZ4: decompressHadoopLz4,
  LZ4_RAW: decompressLz4Block,
};

/**
 * Decompresses the body of a page to exactly `size` bytes. An uncompressed body is returned as it is.
 * @throws Error where the codec is unknown, or the body is corrupt or holds more or fewer bytes
 */
export function decompressPage(body: Uint8Array, size: number, codec: string): Uint8Array {
  // Some writers do not compress an empty body, and no codec decodes zero bytes.
  if (body.length === 0 && size === 0) return body;
  const decompress = CODECS[codec];
  if (decompress === undefined) throw new Error(`pages in the unknown codec ${codec}`);
  const bytes = decompress(body, size);
  if (bytes.length !== size) throw new Error(`a page of ${bytes.length} bytes, its header says ${size}`);
  return bytes;
}

/**
 * A decoder keeps the memory of the largest block that it has decoded. A block for which input and output together take
 * more than this many bytes gets a decoder of its own, whose memory is freed afterwards.
 */
const SHARED_BYTES = 8 << 20;
let sharedDecoder: typeof snappyUncompress | undefined;

/**
 * Decodes a Snappy block to exactly `size` bytes: https://github.com/google/snappy/blob/main/format_description.txt
 * @throws Error where it is corrupt, cut short or of another size
 */
export function decompressSnappy(block: Uint8Array, size: number): Uint8Array {
  // A block begins with its decoded size as a varint. hysnappy does not compare this size with the one that it is
  // given.
  let stated = 0;
  let at = 0;
  for (let byte = 128; byte >= 128; at++) {
    if (at >= Math.min(block.length, 5)) throw new Error("snappy block without a length");
    byte = block[at];
    stated += (byte & 127) * 128 ** at;
  }
  if (stated !== size) throw new Error(`snappy block of ${stated} bytes, expected ${size}`);
  if (size === 0) return new Uint8Array(0);
  sharedDecoder ??= snappyUncompressor();
  const decode = block.length + size > SHARED_BYTES ? snappyUncompress : sharedDecoder;
  try {
    return decode(block, size);
  } catch (error) {
    throw new Error(`snappy block is corrupt: ${(error as Error).message}`, { cause: error });
  }
}
