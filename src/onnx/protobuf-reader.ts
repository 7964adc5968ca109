const decoder = new TextDecoder();

/**
 * Calls `visit` for each field of a message, with its number, its value, and the range of bytes from its tag to its
 * end. The value is a number for a varint, a view into the message for wire type 2 (bytes, strings, messages), and
 * undefined for floats. Nothing is copied, so that a model of gigabytes is skimmed and not parsed.
 * @throws Error where the bytes are no protobuf message or end too early
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export function readFields(
  message: Uint8Array,
  visit: (field: number, value: Uint8Array | number | undefined, start: number, end: number) => void,
): void {
  let at = 0;
  const varint = () => {
    const { value, end } = readVarint(message, at);
    at = end;
    return value;
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const wire = tag % 8;
    const field = Math.floor(tag / 8);
    let value: Uint8Array | number | undefined;
    if (wire === 0) value = varint();
    else if (wire === 2) {
      const length = varint();
      if (at + length > message.length) throw new Error("the file is not an ONNX model or is cut off");
      value = message.subarray(at, at + length);
      at += length;
    } else if (wire === 1 || wire === 5) at += wire === 1 ? 8 : 4;
    else throw new Error(`the file is not an ONNX model: field ${field} has wire type ${wire}`);
    visit(field, value, start, at);
  }
}

/** A string field's text. */
export function readString(value: Uint8Array | number | undefined): string {
  return decoder.decode(value as Uint8Array);
}

/** The values of a repeated integer field, each occurrence a number or a packed list of them. */
export function readInts(value: Uint8Array | number | undefined): number[] {
  if (!(value instanceof Uint8Array)) return [value as number];
  const ints: number[] = [];
  for (let at = 0; at < value.length; ) {
    const { value: int, end } = readVarint(value, at);
    ints.push(int);
    at = end;
  }
  return ints;
}

/** Bytes of a varint whose value is below 2^49, so that float64 adds its parts without rounding. */
const EXACT_BYTES = 7;

/**
 * The varint at `start`, as the signed 64-bit integer that it encodes, and where it ends. A negative number takes ten bytes: its
 * two's complement. Float64 would round that to 2^64 for every small number, so that -2 could not be told from -1.
 * @throws Error where the bytes end too early
 */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; ; scale *= 128) {
    if (at >= bytes.length) throw new Error("the file is not an ONNX model or is cut off");
    const byte = bytes[at++];
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value: at - start <= EXACT_BYTES ? value : longVarint(bytes, start, at), end: at };
  }
}

/** A varint of more bytes than float64 holds exactly. */
function longVarint(bytes: Uint8Array, start: number, end: number): number {
  let value = 0n;
  for (let at = end - 1; at >= start; at--) value = (value << 7n) | BigInt(bytes[at] & 0x7f);
  return Number(BigInt.asIntN(64, value));
}
