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
    let result = 0;
    let scale = 1;
    for (;;) {
      if (at >= message.length) throw new Error("the file is not an ONNX model or is cut off");
      const byte = message[at++];
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
      scale *= 128;
    }
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
  if (!(value instanceof Uint8Array)) return [readInt(value)];
  const ints: number[] = [];
  for (let at = 0; at < value.length; ) {
    let int = 0;
    let scale = 1;
    for (; value[at] >= 0x80; at++, scale *= 128) int += (value[at] & 0x7f) * scale;
    ints.push(readInt(int + value[at++] * scale));
  }
  return ints;
}

/** The signed integer of a varint field: exact up to 2^53, and -1 for every negative number. */
export function readInt(value: Uint8Array | number | undefined): number {
  // A negative number -n is encoded as 2^64 - n, which float64 rounds to 2^64 for all small n, so that negative numbers
  // cannot be told apart. The common one is -1, the last axis.
  const number = value as number;
  return number >= 2 ** 63 ? -1 : number;
}
