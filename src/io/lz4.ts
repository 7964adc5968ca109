// LZ4 frames: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, blocks: lz4_Block_format.md beside it.

const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;

/**
 * Decodes all frames of `input`, with linked or independent blocks. Checksums are skipped, not verified.
 * @throws Error where the input is not an LZ4 frame, is cut short or refers to bytes that are not there.
 */
export function decompressLz4Frame(input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let output = new Uint8Array(Math.max(64, input.length * 3));
  let size = 0;
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
    const start = size;
    if (flags & 8) need(8);
    need(1);
    for (;;) {
      const header = view.getUint32(need(4), true);
      if (header === 0) break;
      const length = header & 0x7fffffff;
      const block = input.subarray(need(length), at);
      if (size + blockMax > output.length) {
        const larger = new Uint8Array(Math.max(output.length * 2, size + blockMax));
        larger.set(output.subarray(0, size));
        output = larger;
      }
      // In a frame of independent blocks a match may not reach back beyond its own.
      const history = flags & 32 ? size : start;
      if (header >>> 31) {
        if (length > blockMax) throw new Error(`lz4 block of ${length} bytes, expected at most ${blockMax}`);
        output.set(block, size);
        size += length;
      } else {
        size = decodeBlock(block, output, size, size + blockMax, history);
      }
      if (flags & 16) need(4);
    }
    if (flags & 4) need(4);
  }
  return output.subarray(0, size);
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
