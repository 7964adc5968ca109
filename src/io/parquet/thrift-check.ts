// Thrift's compact protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

// Deeper than Parquet's metadata, and less than the stack.
const MAX_DEPTH = 32;

/**
 * Walks over a struct and returns where it ends, so that no length in it is believed before it is known to fit: a parser that
 * makes room for a list first would run out of memory.
 * @throws Error where the struct does not end within `bytes` or is no Thrift.
 */
export function checkThrift(bytes: Uint8Array, start: number, depth = 0): number {
  if (depth > MAX_DEPTH) throw new Error("metadata nested without end");
  let at = start;
  for (;;) {
    const header = byteAt(bytes, at++);
    const type = header & 15;
    if (type === 0) return at;
    // A zero step means that the field number follows.
    if (header >> 4 === 0) at = skipVarint(bytes, at);
    at = skipValue(bytes, at, type, depth);
  }
}

function skipValue(bytes: Uint8Array, at: number, type: number, depth: number): number {
  switch (type) {
    case 1:
    case 2:
      return at;
    case 3:
      return at + 1;
    case 4:
    case 5:
    case 6:
      return skipVarint(bytes, at);
    case 7:
      return at + 8;
    case 8: {
      const length = varint(bytes, at);
      return fits(bytes, skipVarint(bytes, at), length);
    }
    case 9:
    case 10:
      return skipList(bytes, at, depth);
    case 12:
      return checkThrift(bytes, at, depth + 1);
    default:
      throw new Error(`metadata of the unknown Thrift type ${type}`);
  }
}

function skipList(bytes: Uint8Array, start: number, depth: number): number {
  const header = byteAt(bytes, start);
  const long = header >> 4 === 15;
  const count = long ? varint(bytes, start + 1) : header >> 4;
  let at = long ? skipVarint(bytes, start + 1) : start + 1;
  // Every element takes a byte at least.
  fits(bytes, at, count);
  const type = header & 15;
  for (let i = 0; i < count; i++) at = type === 1 || type === 2 ? at + 1 : skipValue(bytes, at, type, depth);
  return at;
}

function fits(bytes: Uint8Array, at: number, length: number): number {
  if (at + length > bytes.length) throw new Error(`metadata of ${length} items at byte ${at} of ${bytes.length}`);
  return at + length;
}

function byteAt(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) throw new Error("metadata is cut short");
  return bytes[at];
}

function varint(bytes: Uint8Array, start: number): number {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = byteAt(bytes, start + i);
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return value;
  }
  throw new Error("a number of more than 64 bits in metadata");
}

function skipVarint(bytes: Uint8Array, start: number): number {
  for (let i = 0; i < 10; i++) if (byteAt(bytes, start + i) < 128) return start + i + 1;
  throw new Error("a number of more than 64 bits in metadata");
}
