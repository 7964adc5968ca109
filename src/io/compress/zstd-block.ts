import { ReverseBits } from "./zstd-bits.js";
import { type SequenceState, sequenceState } from "./zstd-codes.js";
import { decodeHuffman, type HuffmanTable, readHuffmanTable } from "./zstd-huffman.js";
import { type BlockTarget, decodeSequences } from "./zstd-sequences.js";

/** Compressed blocks of a Zstandard frame: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.3 */

/** No block, stored or decoded, is longer. */
export const MAX_BLOCK = 128 * 1024;

/** Decodes the compressed blocks of frames one after another. Memory: less than half a megabyte. */
export class BlockDecoder {
  readonly #scratch = new ReverseBits(MAX_BLOCK);
  readonly #literals = new Uint8Array(MAX_BLOCK + 8);
  #huffman: HuffmanTable | undefined;
  #state: SequenceState = sequenceState();

  /** Forgets what blocks of an earlier frame have left. */
  startFrame(): void {
    this.#huffman = undefined;
    this.#state = sequenceState();
  }

  /**
   * Decodes the block that fills `block`, at most `MAX_BLOCK` bytes, and returns where it ends in the target.
   * @throws Error where it is corrupt; the target's bytes up to its limit are then undefined
   */
  decode(block: Uint8Array, target: BlockTarget): number {
    if (block.length === 0) throw new Error("a compressed block of 0 bytes");
    const kind = block[0] & 3;
    const format = (block[0] >> 2) & 3;
    if (kind < 2) {
      const { size, at } = plainHeader(block, format);
      const stored = kind === 0 ? size : 1;
      if (size > MAX_BLOCK || at + stored > block.length) throw new Error("the literals of a block are cut short");
      if (kind === 0) this.#literals.set(block.subarray(at, at + size));
      else this.#literals.fill(block[at], 0, size);
      return this.#sequences(block, at + stored, size, target);
    }
    const { size, end } = this.#compressedLiterals(block, kind === 3, format);
    return this.#sequences(block, end, size, target);
  }

  #sequences(block: Uint8Array, at: number, size: number, target: BlockTarget): number {
    const literals = { bytes: this.#literals, size };
    return decodeSequences(block, at, block.length, literals, this.#state, this.#scratch, target);
  }

  #compressedLiterals(block: Uint8Array, treeless: boolean, format: number) {
    const headerBytes = format < 2 ? 3 : format + 2;
    const bits = format < 2 ? 10 : format === 2 ? 14 : 18;
    if (headerBytes > block.length) throw new Error("the literals of a block are cut short");
    let header = 0;
    for (let i = headerBytes - 1; i >= 0; i--) header = header * 256 + block[i];
    header = Math.floor(header / 16);
    const size = header % 2 ** bits;
    let at = headerBytes;
    const end = at + Math.floor(header / 2 ** bits);
    if (size > MAX_BLOCK || end > block.length) throw new Error("the literals of a block are cut short");
    if (!treeless) {
      const read = readHuffmanTable(block, at, end, this.#scratch);
      this.#huffman = read.table;
      at = read.end;
    }
    const table = this.#huffman;
    if (table === undefined) throw new Error("a block repeats a Huffman table, and there was none before");
    const literals = this.#literals.subarray(0, size);
    if (format === 0) decodeHuffman(block, at, end, table, this.#scratch, literals, 0, size);
    else this.#fourStreams(block, at, end, table, literals);
    return { size, end };
  }

  #fourStreams(block: Uint8Array, at: number, end: number, table: HuffmanTable, literals: Uint8Array): void {
    const quarter = (literals.length + 3) >> 2;
    if (at + 6 > end || 3 * quarter > literals.length) throw new Error("the literals of a block are cut short");
    let start = at + 6;
    for (let i = 0; i < 4; i++) {
      const stop = i === 3 ? end : start + block[at + 2 * i] + (block[at + 2 * i + 1] << 8);
      if (stop > end) throw new Error("the literals of a block are cut short");
      const to = i === 3 ? literals.length : (i + 1) * quarter;
      decodeHuffman(block, start, stop, table, this.#scratch, literals, i * quarter, to);
      start = stop;
    }
  }
}

/** Size of literals that are stored or repeated, and where they begin. */
function plainHeader(block: Uint8Array, format: number): { readonly size: number; readonly at: number } {
  if (format === 1) return { size: (block[0] >> 4) | (block[1] << 4), at: 2 };
  if (format === 3) return { size: (block[0] >> 4) | (block[1] << 4) | (block[2] << 12), at: 3 };
  return { size: block[0] >> 3, at: 1 };
}
