/**
 * Decodes a Snappy block to exactly `size` bytes: https://github.com/google/snappy/blob/main/format_description.txt
 * @throws Error where it is corrupt, cut short or of another size
 */
export function decompressSnappy(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const { length } = input;
  let at = 0;
  let stated = 0;
  for (let shift = 1; ; shift *= 128) {
    if (at >= length || at > 4) throw new Error("snappy block without a length");
    const byte = input[at++];
    stated += (byte & 127) * shift;
    if (byte < 128) break;
  }
  if (stated !== size) throw new Error(`snappy block of ${stated} bytes, expected ${size}`);
  const output = new Uint8Array(size);
  const source = new DataView(input.buffer, input.byteOffset, length);
  const target = new DataView(output.buffer);
  // Four bytes at a time read and write up to three too many, where there are so many; what follows overwrites them.
  const readable = length - ROOM;
  const writable = size - ROOM;
  let to = 0;
  while (at < length) {
    const tag = input[at++];
    const kind = tag & 3;
    let run = (tag >> 2) + 1;
    if (kind === 0) {
      // Above 60 the length follows in one to four bytes.
      const extra = Math.max(0, run - 60);
      if (extra > 0) run = littleEndian(input, at, extra) + 1;
      at += extra;
      if (at + run > length || to + run > size) throw new Error("snappy block is corrupt: literals out of range");
      if (run > ROOM - 4) output.set(input.subarray(at, at + run), to);
      else if (at < readable && to < writable) {
        for (let i = 0; i < run; i += 4) target.setInt32(to + i, source.getInt32(at + i, true), true);
      } else for (let i = 0; i < run; i++) output[to + i] = input[at + i];
      at += run;
    } else {
      let offset = 0;
      if (kind === 1) {
        run = ((tag >> 2) & 7) + 4;
        offset = ((tag >> 5) << 8) | input[at++];
      } else if (kind === 2) {
        offset = input[at] | (input[at + 1] << 8);
        at += 2;
      } else {
        offset = littleEndian(input, at, 4);
        at += 4;
      }
      const from = to - offset;
      if (offset === 0 || from < 0 || to + run > size || at > length) {
        throw new Error("snappy block is corrupt: copy out of range");
      }
      // A copy may overlap what it writes; then it repeats.
      if (offset >= 4 && to < writable) {
        for (let i = 0; i < run; i += 4) target.setInt32(to + i, target.getInt32(from + i, true), true);
      } else for (let i = 0; i < run; i++) output[to + i] = output[from + i];
    }
    to += run;
  }
  if (to !== size) throw new Error(`snappy block ends at byte ${to}, expected ${size}`);
  return output;
}

/** More than a copy's longest run and three bytes: 64 and 3. */
const ROOM = 68;

/** A number of `bytes` bytes; what lies beyond the end counts as zeros, and the caller sees that it is out of range. */
function littleEndian(input: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let i = 0; i < bytes && at + i < input.length; i++) value += input[at + i] * 2 ** (8 * i);
  return value;
}
