/** A place in a page. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/**
 * Decodes `target.length` integers of `width` bits (up to 32) in Parquet's hybrid of run lengths and bit packing, up to byte `end`.
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 * @throws Error where the bytes end before the integers do.
 */
export function readHybrid(cursor: Cursor, end: number, width: number, target: Uint8Array | Uint32Array): void {
  const { bytes } = cursor;
  const { length } = target;
  if (width > 32) throw new Error(`integers of ${width} bits, expected at most 32`);
  if (end > bytes.length) throw new Error(`levels end at byte ${end} of a page of ${bytes.length}`);
  if (width === 0) {
    target.fill(0);
    return;
  }
  let at = cursor.at;
  let done = 0;
  while (done < length) {
    let header = 0;
    let shift = 0;
    for (;;) {
      if (at >= end || shift > 28) throw new Error(`${length - done} of ${length} integers are missing`);
      const byte = bytes[at++];
      header += (byte & 127) * 2 ** shift;
      shift += 7;
      if (byte < 128) break;
    }
    if (header % 2 === 0) {
      const count = Math.min(header / 2, length - done);
      let value = 0;
      for (let i = 0; i < width; i += 8) value += bytes[at++] * 2 ** i;
      if (at > end) throw new Error("a run is cut short");
      target.fill(value, done, done + count);
      done += count;
    } else {
      const packed = ((header - 1) / 2) * width;
      const count = Math.min(((header - 1) / 2) * 8, length - done);
      // The last group may leave out the bytes of its padding.
      if (at + Math.ceil((count * width) / 8) > end) throw new Error("packed integers are cut short");
      unpack(bytes, at, width, target, done, count);
      at = Math.min(end, at + packed);
      done += count;
    }
  }
  cursor.at = at;
}

function unpack(
  bytes: Uint8Array,
  start: number,
  width: number,
  target: Uint8Array | Uint32Array,
  to: number,
  count: number,
): void {
  if (width <= 24) {
    const mask = (1 << width) - 1;
    let buffered = 0;
    let bits = 0;
    let at = start;
    for (let i = 0; i < count; i++) {
      while (bits < width) {
        buffered |= bytes[at++] << bits;
        bits += 8;
      }
      target[to + i] = buffered & mask;
      buffered >>>= width;
      bits -= width;
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    let value = 0;
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      if ((bytes[start + (at >> 3)] >> (at & 7)) & 1) value += 2 ** bit;
    }
    target[to + i] = value;
  }
}

/** Bits that hold a level from 0 to `max`. */
export function levelWidth(max: number): number {
  return 32 - Math.clz32(max);
}
