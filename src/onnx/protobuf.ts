/**
 * Encodes the few protobuf wire types that an ONNX ModelProto needs. Each function returns an encoded field: a varint
 * tag, field << 3 | wire type, and the value. A message is its fields joined, so nested calls build a message. Source:
 * https://protobuf.dev/programming-guides/encoding/
 */

const utf8 = new TextEncoder();

/** Joins encoded fields into one buffer. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Base-128 varint of a signed 64-bit integer (two's complement, as int64 fields are encoded). */
function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

/** Field of wire type 0: int32, int64, enum. */
export function int(field: number, value: number | bigint): Uint8Array {
  return Uint8Array.from([...varint(field << 3), ...varint(value)]);
}

/** Field of wire type 5: float. */
export function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([Uint8Array.from(varint((field << 3) | 5)), bytes]);
}

/**
 * Tag and length of a field of wire type 2 whose `length` bytes the caller appends: for values too large to copy twice.
 */
export function header(field: number, length: number): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | 2), ...varint(length)]);
}

/** Field of wire type 2: bytes, an embedded message, packed numbers. */
export function bytes(field: number, value: Uint8Array): Uint8Array {
  return join([header(field, value.length), value]);
}

/** Field of wire type 2: a UTF-8 string. */
export function string(field: number, value: string): Uint8Array {
  return bytes(field, utf8.encode(value));
}

/** Field of wire type 2: an embedded message from its fields. */
export function message(field: number, ...fields: readonly Uint8Array[]): Uint8Array {
  return bytes(field, join(fields));
}

/** A packed repeated int64 field. */
export function ints(field: number, values: readonly number[]): Uint8Array {
  return bytes(field, Uint8Array.from(values.flatMap(varint)));
}
