import type { PageColumns, PageData, PageFacts } from "./data.js";

/** Array types of the columns, by the name under which the header lists them. */
const TYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array } as const;
type TypeName = keyof typeof TYPES;
type Column = PageColumns[keyof PageColumns];

/** How the bytes are laid out; JSON at their beginning. */
interface Header {
  readonly facts: PageFacts;
  /** Columns in the order of their bytes. */
  readonly columns: readonly { readonly name: string; readonly type: TypeName; readonly length: number }[];
  /** Number of texts, and bytes of their UTF-8. */
  readonly texts: number;
  readonly textBytes: number;
}

/**
 * Packs the data of a page:
 *
 *     length of the header, uint32 little-endian | header, JSON | columns | UTF-16 lengths of the texts | UTF-8 of all texts
 *
 * The bytes of a column lie in planes, first the lowest byte of every number, then the next: numbers of one size have
 * equal high bytes, and deflate finds them only where they are neighbours. Lone surrogates become U+FFFD.
 */
export function packPage({ facts, columns, texts }: PageData): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(columns) as [string, Column][];
  const bodies = entries.map(([, column]) => planes(column));
  const lengths = planes(Uint32Array.from(texts, (text) => text.length));
  const text = new TextEncoder().encode(texts.join(""));
  const header: Header = {
    facts,
    columns: entries.map(([name, column]) => ({ name, type: typeName(column), length: column.length })),
    texts: texts.length,
    textBytes: text.length,
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const parts = [new Uint8Array(Uint32Array.of(json.length).buffer), json, ...bodies, lengths, text];
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    packed.set(part, at);
    at += part.length;
  }
  return packed;
}

/**
 * Unpacks the data of a page.
 * @throws Error where the bytes end too early
 */
export function unpackPage(packed: Uint8Array): PageData {
  const headerLength = new DataView(packed.buffer, packed.byteOffset).getUint32(0, true);
  let at = 4;
  const take = (length: number) => {
    if (at + length > packed.length) throw new Error(`the data end at byte ${packed.length}, expected ${at + length}`);
    at += length;
    return packed.subarray(at - length, at);
  };
  const header = JSON.parse(new TextDecoder().decode(take(headerLength))) as Header;
  const column = (type: TypeName, length: number) =>
    fromPlanes(take(length * TYPES[type].BYTES_PER_ELEMENT), type, length);
  const columns = Object.fromEntries(header.columns.map(({ name, type, length }) => [name, column(type, length)]));
  const lengths = column("u32", header.texts) as Uint32Array;
  // One string, of which each text is a slice: a hundred thousand calls of a decoder would take longer.
  const all = new TextDecoder("utf-8", { ignoreBOM: true }).decode(take(header.textBytes));
  let start = 0;
  const texts = Array.from(lengths, (length) => {
    start += length;
    return all.slice(start - length, start);
  });
  return { facts: header.facts, columns: columns as unknown as PageColumns, texts };
}

function typeName(column: Column): TypeName {
  const name = (Object.keys(TYPES) as TypeName[]).find((type) => column instanceof TYPES[type]);
  if (name === undefined)
    throw new Error(`a column is ${column.constructor.name}; expected one of ${Object.keys(TYPES)}`);
  return name;
}

/** The bytes of numbers, sorted by their place in the number; little-endian, as every machine that runs Node is. */
function planes(column: Column): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
  const size = column.BYTES_PER_ELEMENT;
  const sorted = new Uint8Array(bytes.length);
  for (let plane = 0, at = 0; plane < size; plane++) {
    for (let i = plane; i < bytes.length; i += size) sorted[at++] = bytes[i];
  }
  return sorted;
}

function fromPlanes(sorted: Uint8Array, type: TypeName, length: number): Column {
  const column = new TYPES[type](length);
  const bytes = new Uint8Array(column.buffer);
  const size = column.BYTES_PER_ELEMENT;
  for (let plane = 0, at = 0; plane < size; plane++) {
    for (let i = plane; i < bytes.length; i += size) bytes[i] = sorted[at++];
  }
  return column;
}
