// LZ4 frames: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, blocks: lz4_Block_format.md beside it.
//
// Own code, because no library passed. Frames, 40 MB of JSONL at 214 MB/s here: lz4-napi (249 MB/s) makes 4 MB where 100 bytes are
// stated; @foxglove/wasm-lz4 (661) fails on good frames after a damaged one; lz4js (196) takes a frame that is cut short for a whole
// one. Blocks, 187 MB/s here: hyparquet-compressors (112) fills a short block with zeros; lz4-wasm-nodejs (657) reads no frames.

const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;

/**
 * Decodes all frames of `input`, with linked or independent blocks, to exactly `size` bytes. Checksums are skipped, not verified.
 * @throws Error where the input is not an LZ4 frame, is cut short, refers to bytes that are not there or is of another size
 */
export function decompressLz4Frame(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const output = new Uint8Array(size);
  let end = 0;
  let at = 0;
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
      // In a frame of independent blocks a match may not reach back beyond its own.
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

/** Decodes a bare block to exactly `size` bytes. @throws Error where it is corrupt or of another size */
export function decompressLz4Block(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array(size);
  const end = input.length === 0 ? 0 : decodeBlock(input, output, 0, size, 0);
  if (end !== size) throw new Error(`lz4 block of ${end} bytes, expected ${size}`);
  return output;
}

/**
 * Decodes what the Parquet codec LZ4 means: blocks as Hadoop frames them, each behind its decoded and its stored length in
 * big-endian, or from some writers a bare block; `size` bytes in all.
 * https://github.com/apache/parquet-format/blob/master/Compression.md#lz4
 * @throws Error where it is neither
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

/** Decodes one block to `output` at `at`, not beyond `end`; matches reach back to `history` at most. Returns the new end. */
function decodeBlock(block: Uint8Array, output: Uint8Array, at: number, end: number, history: number): number {
  const { length } = block;
  let i = 0;
  while (i < length) {
    const token = block[i++];
    let literals = token >> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255 && i < length) literals += byte = block[i++];
    }
    if (i + literals > length || at + literals > end) throw new Error("lz4 block is corrupt: literals out of range");
    if (literals < 16) for (let k = 0; k < literals; k++) output[at + k] = block[i + k];
    else output.set(block.subarray(i, i + literals), at);
    at += literals;
    i += literals;
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
    // A match may overlap what it writes; then it repeats.
    if (at - from >= match && match > 32) output.copyWithin(at, from, from + match);
    else for (let k = 0; k < match; k++) output[at + k] = output[from + k];
    at += match;
  }
  throw new Error("lz4 block is cut short");
}
