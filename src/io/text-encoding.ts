import { isAscii } from "node:buffer";

/** How a text file stores its characters, where it does not store UTF-8 with line feeds. */
export interface TextEncoding {
  /** UTF-16 with a byte order mark. */
  readonly utf16?: "le" | "be";
  /** True where a carriage return alone ends a line, as on the first Macintosh. */
  readonly carriageReturns?: boolean;
}

const CR = 13;
const LF = 10;
/** A byte that UTF-8 never contains: the line that holds it is rejected. */
const INVALID = 0xff;

/**
 * Turns the bytes of a text file into UTF-8 with line feeds; a file that stores them already passes unchanged. Halves
 * of surrogate pairs, and half a character at the end, become bytes that are no UTF-8, so that their records are
 * rejected and no other. A chunk is valid until the next one is requested.
 */
export function utf8Stream(
  chunks: AsyncIterable<Uint8Array>,
  { utf16, carriageReturns = false }: TextEncoding,
): AsyncIterable<Uint8Array> {
  const utf8 = utf16 === undefined ? chunks : fromUtf16(chunks, utf16 === "be");
  return carriageReturns ? withLineFeeds(utf8) : utf8;
}

async function* withLineFeeds(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.map((byte) => (byte === CR ? LF : byte));
}

async function* fromUtf16(chunks: AsyncIterable<Uint8Array>, bigEndian: boolean): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    let end = bytes.length - (bytes.length % 2);
    // The first half of a pair waits for the second.
    const last = end > 0 ? bytes[bigEndian ? end - 2 : end - 1] : 0;
    if (last >= 0xd8 && last < 0xdc) end -= 2;
    rest = Buffer.from(bytes.subarray(end));
    const whole = bytes.subarray(0, end);
    yield encode((bigEndian ? whole.swap16() : whole).toString("utf16le"));
  }
  if (rest.length > 0) yield Buffer.of(INVALID);
}

function encode(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  return Buffer.concat(
    text.split(/(\p{Surrogate})/u).map((part) => (part.isWellFormed() ? Buffer.from(part) : Buffer.of(INVALID))),
  );
}

/** The start of a text file as a string, whatever its bytes; only its structure is looked at. */
export function decodeHead(head: Buffer, { utf16 }: TextEncoding): string {
  const even = head.subarray(0, head.length - (head.length % 2));
  if (utf16 === "le") return even.toString("utf16le");
  if (utf16 === "be") return Buffer.from(even).swap16().toString("utf16le");
  return isAscii(head) ? head.toString("latin1") : head.toString("utf8");
}
