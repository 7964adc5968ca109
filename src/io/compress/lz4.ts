// LZ4 frames: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, blocks: lz4_Block_format.md beside it.
//
//
//     frame   magic 4 | flags 1 | block size 1 | content size 8? | dictionary id 4? | header checksum 1
//             | blocks: header 4, bytes, checksum 4? | end mark 4 | content checksum 4?
//     block   sequences: token 1 | more literal length | literals | match distance 2 | more match length
//
// Own code, because no library passed. Frames, 40 MB of JSONL, 214 MB/s in this file: lz4-napi (249 MB/s) makes 4 MB
// where 100 bytes are stated; @foxglove/wasm-lz4 (661) fails on good frames after a damaged one; lz4js (196) accepts a
// frame that is cut short. Blocks, 187 MB/s in this file: hyparquet-compressors (112) fills a short block with zeros;
// lz4-wasm-nodejs (657) reads no frames.

const MAGIC = 0x184d2204;
/** Magic number of a skippable frame, whose lowest four bits are free. */
const SKIPPABLE = 0x184d2a50;

/**
 * Decodes all frames of `input`, with linked or independent blocks, to exactly `size` bytes, which the caller owns.
 * Checksums are skipped without being verified.
 * @throws Error where the input is not an LZ4 frame, is cut short, has a match that points outside of the decoded
 * bytes, or decodes to another size
 */
export function decompressLz4Frame(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const output = new Uint8Array(size);
  let end = 0;
  let at = 0;
  // Moves on by `bytes` bytes and returns where they start.
  const need = (bytes: number): number => {
    if (at + bytes > input.length)
      throw new Error(`lz4 frame cut short: ${bytes} bytes expected at ${at} of ${input.length}`);
    at += bytes;
    return at - bytes;
  };
  while (at < input.length) {
    const magic = view.getUint32(need(4), true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      need(view.getUint32(need(4), true));
      continue;
    }
    if (magic !== MAGIC)
      throw new Error(`no lz4 frame: magic number ${magic.toString(16)}, expected ${MAGIC.toString(16)}`);
    const flags = input[need(1)];
    const blockMax = 1 << (8 + 2 * ((input[need(1)] >> 4) & 7));
    if (flags >> 6 !== 1 || flags & 1) throw new Error("lz4 frame of another version or with a dictionary");
    const start = end;
    if (flags & 8) need(8);
    need(1);
    for (;;) {
      const header = view.getUint32(need(4), true);
      if (header === 0) break;
      const length = header & 0x7fffffff;
      const block = input.subarray(need(length), at);
      const limit = Math.min(end + blockMax, size);
      // In a frame of independent blocks a match must not reach back beyond the start of its own block.
      const history = flags & 32 ? end : start;
      if (header >>> 31) {
        if (end + length > limit) throw new Error(`lz4 block of ${length} bytes, expected at most ${limit - end}`);
        output.set(block, end);
        end += length;
      } else {
        end = decodeBlock(block, output, end, limit, history);
      }
      if (flags & 16) need(4);
    }
    if (flags & 4) need(4);
  }
  if (end !== size) throw new Error(`lz4 frames of ${end} bytes, expected ${size}`);
  return output;
}

/** Decodes a bare block to exactly `size` bytes. @throws Error where the block is corrupt or decodes to another size */
export function decompressLz4Block(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array(size);
  const end = input.length === 0 ? 0 : decodeBlock(input, output, 0, size, 0);
  if (end !== size) throw new Error(`lz4 block of ${end} bytes, expected ${size}`);
  return output;
}

/**
 * Decodes a page body of the Parquet codec LZ4 to exactly `size` bytes. Most writers use Hadoop's framing, in which
 * each block follows its decoded length and its stored length as big-endian 32-bit numbers. Some write a bare block.
 * The framing is recognised by lengths that add up to the input and to `size`.
 * https://github.com/apache/parquet-format/blob/master/Compression.md#lz4
 * @throws Error where the input is neither
 */
export function decompressHadoopLz4(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let decoded = 0;
  let at = 0;
  while (at + 8 <= input.length) {
    decoded += view.getUint32(at);
    at += 8 + view.getUint32(at + 4);
  }
  if (at !== input.length || decoded !== size) return decompressLz4Block(input, size);
  const output = new Uint8Array(size);
  let end = 0;
  for (at = 0; at < input.length; at += 8 + view.getUint32(at + 4)) {
    const limit = end + view.getUint32(at);
    end = decodeBlock(input.subarray(at + 8, at + 8 + view.getUint32(at + 4)), output, end, limit, end);
    if (end !== limit) throw new Error(`lz4 block ends at byte ${end}, expected ${limit}`);
  }
  return output;
}

/**
 * Decodes a block into `output`, from `at` to `end` at most, and returns the end of the decoded bytes. A match must not
 * reach back before `history`. Every length is checked before bytes are copied, so a corrupt block cannot write
 * elsewhere.
 * @throws Error where the block is corrupt or cut short
 */
function decodeBlock(block: Uint8Array, output: Uint8Array, at: number, end: number, history: number): number {
  const { length } = block;
  let i = 0;
  while (i < length) {
    const token = block[i++];
    // The token has the number of literals and the length of the match; 15 means that more length bytes follow.
    let literals = token >> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255 && i < length) literals += byte = block[i++];
    }
    if (i + literals > length || at + literals > end) throw new Error("lz4 block is corrupt: literals out of range");
    // A loop is faster than a call for a few bytes.
    if (literals < 16) for (let k = 0; k < literals; k++) output[at + k] = block[i + k];
    else output.set(block.subarray(i, i + literals), at);
    at += literals;
    i += literals;
    // The last sequence of a block has no match.
    if (i === length) return at;
    if (i + 2 > length) break;
    const from = at - (block[i] | (block[i + 1] << 8));
    i += 2;
    let match = (token & 15) + 4;
    if (match === 19) {
      let byte = 255;
      while (byte === 255 && i < length) match += byte = block[i++];
    }
    if (from < history || from >= at || at + match > end) throw new Error("lz4 block is corrupt: match out of range");
    // A match may overlap the bytes that it writes, and then repeats them: only a bytewise copy does this.
    if (at - from >= match && match > 32) output.copyWithin(at, from, from + match);
    else for (let k = 0; k < match; k++) output[at + k] = output[from + k];
    at += match;
  }
  throw new Error("lz4 block is cut short");
}
