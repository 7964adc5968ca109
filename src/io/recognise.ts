import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import { InputError } from "../errors.js";
import { shellWord } from "../shell-word.js";
import { byteStream, type Compression } from "./compress/decompress.js";
import { delimiterOf, looksLikeCsv } from "./csv/look.js";
import { foreignFormat, readThrough } from "./foreign.js";
import type { FormatWishes, InputFormat } from "./input-format.js";
import { withoutMarks } from "./jsonl/record-block.js";
import { decodeHead, type TextEncoding } from "./text-encoding.js";

/** How to read a file. */
export interface Recognised extends TextEncoding {
  readonly format: InputFormat;
  readonly compression?: Compression;
  /** Of CSV and TSV: one ASCII character. */
  readonly delimiter?: string;
}

/** Bytes of a file, and of what it holds compressed, that are looked at. */
const HEAD_BYTES = 1 << 16;
const LF = 10;
/** Zero bytes that a text file may hold in its head. */
const FEW_ZEROS = 16;

/**
 * Recognises a file by its first bytes; its name is a hint only where they leave a choice.
 * @param name in messages, and for the hint
 * @throws InputError where the file cannot be read, or holds what this program does not read, with the command that
 * gets the content in
 */
export async function recognise(path: string, name: string, wishes: FormatWishes): Promise<Recognised> {
  const stored = await readHead(path, name);
  const compression = compressionOf(stored) ?? promisedCompression(stored, name);
  if (compression === undefined) return recogniseContent(stored, { name }, wishes);
  const content = await decompressedHead(path, name, { compression, byteLength: stored.fileBytes });
  const inner = compressionOf(content) ?? binaryFormatOf(content);
  if (inner !== undefined) {
    throw new InputError(
      `${name} holds ${inner} inside of ${compression}; take one layer off (${compression} -dc ${shellWord(name)} > FILE) and give FILE`,
    );
  }
  return { ...recogniseContent(content, { name, compression }, wishes), compression };
}

/** A file as its messages name it. */
interface Named {
  readonly name: string;
  readonly compression?: Compression;
}

/** The first bytes of a file, decompressed where it is compressed, as text; for the search of a cause. */
export async function headText(
  path: string,
  name: string,
): Promise<{ readonly bytes: Buffer; readonly text: string; readonly compression?: Compression }> {
  const stored = await readHead(path, name);
  const compression = compressionOf(stored);
  const bytes =
    compression === undefined
      ? stored
      : await decompressedHead(path, name, { compression, byteLength: stored.fileBytes });
  return { bytes, text: decodeHead(bytes, { utf16: markOf(bytes) }), compression };
}

function recogniseContent(head: Buffer, named: Named, { format: wanted, delimiter }: FormatWishes): Recognised {
  const { name } = named;
  refuseForeign(head, named);
  if (wanted === "parquet" || wanted === "arrow") return { format: wanted };
  const binary = binaryFormatOf(head) ?? (head.includes(0) || head.length === 0 ? binaryNameOf(name) : undefined);
  if (wanted === undefined && binary !== undefined) return { format: binary };
  const utf16 = markOf(head);
  if (utf16 === undefined) refuseBinary(head, named);
  const text = decodeHead(head, { utf16 }).replace(/^\ufeff/, "");
  const carriageReturns = text.includes("\r") && !text.includes("\n");
  const format = wanted ?? textFormatOf(carriageReturns ? text.replaceAll("\r", "\n") : text, name, delimiter);
  const shown = format === "tsv" ? "\t" : format === "csv" ? (delimiter ?? delimiterOf(text)) : undefined;
  return {
    format,
    ...(utf16 === undefined ? {} : { utf16 }),
    ...(carriageReturns ? { carriageReturns } : {}),
    ...(shown === undefined ? {} : { delimiter: shown }),
  };
}

function textFormatOf(text: string, name: string, delimiter: string | undefined): InputFormat {
  const start = withoutMarks(text.trimStart()).trimStart();
  if (start.startsWith("{")) return "jsonl";
  if (/^\[\s*($|[{\]])/.test(start)) return "json";
  const named = /\.(csv|tsv)(\.[^.]*)?$/i.exec(name)?.[1].toLowerCase();
  if (named === "tsv" && delimiter === undefined) return "tsv";
  if (named !== undefined || delimiter !== undefined) return "csv";
  const hasRecord = text.split("\n").some((line) => line.startsWith("{"));
  return !hasRecord && looksLikeCsv(text) ? "csv" : "jsonl";
}

/** The head of a file, and the size of the file. */
type Head = Buffer & { readonly fileBytes: number };

async function readHead(path: string, name: string): Promise<Head> {
  try {
    const file = await open(path);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new Error("it is no regular file");
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return Object.assign(buffer.subarray(0, bytesRead), { fileBytes: stats.size });
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new InputError(`cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}

async function decompressedHead(
  path: string,
  name: string,
  { compression, byteLength }: { compression: Compression; byteLength: number },
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of byteStream({ path, name, compression, byteLength, highWaterMark: HEAD_BYTES })) {
    parts.push(Buffer.from(chunk));
    length += chunk.length;
    if (length >= HEAD_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, HEAD_BYTES);
}

function compressionOf(head: Buffer): Compression | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.length < 4) return undefined;
  const magic = head.readUInt32LE(0);
  // A Zstandard file may begin with a frame to be skipped, whose magic has any last four bits.
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5 ? "zstd" : undefined;
}

/** The compression that a name promises where the content is no text: its decoder says what is wrong. */
function promisedCompression(head: Buffer, name: string): Compression | undefined {
  const promised = /\.gz(ip)?$/i.test(name) ? "gzip" : /\.zstd?$/i.test(name) ? "zstd" : undefined;
  if (promised === undefined || binaryFormatOf(head) !== undefined || markOf(head) !== undefined) return undefined;
  // The last character may be cut in half.
  const whole = head.length < HEAD_BYTES ? head : head.subarray(0, head.lastIndexOf(LF) + 1);
  return whole.length > 0 && isUtf8(whole) ? undefined : promised;
}

/** Magic numbers of Parquet and Arrow files, of Feather version 1, and the mark that begins an Arrow stream. */
function binaryFormatOf(head: Buffer): "parquet" | "arrow" | undefined {
  const magic = head.toString("latin1", 0, 6);
  if (/^PAR[1E]/.test(magic)) return "parquet";
  return magic === "ARROW1" || magic.startsWith("FEA1") || magic.startsWith("\xff\xff\xff\xff") ? "arrow" : undefined;
}

/** The format that a name promises; its reader says what is wrong with the content. */
function binaryNameOf(name: string): "parquet" | "arrow" | undefined {
  if (/\.parquet$/i.test(name)) return "parquet";
  return /\.(arrow|feather)$/i.test(name) ? "arrow" : undefined;
}

function markOf(head: Buffer): "le" | "be" | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return "le";
  return head[0] === 0xfe && head[1] === 0xff ? "be" : undefined;
}

/** @throws InputError for UTF-32, for UTF-16 without a byte order mark, and for what is no text at all */
function refuseBinary(head: Buffer, { name, compression }: Named): void {
  // Zeros at the end are what a file system leaves of a write that a power cut interrupted.
  let length = head.length;
  while (length > 0 && head[length - 1] === 0) length--;
  const zeros = [0, 0, 0, 0];
  for (let i = 0; i < length; i++) if (head[i] === 0) zeros[i & 3]++;
  const share = zeros.map((count) => count / Math.max(1, length / 4));
  const wide = (encoding: string) =>
    new InputError(
      `${name} looks like ${encoding}, expected UTF-8, or UTF-16 with a byte order mark; ${readThrough(`iconv -f ${encoding} -t UTF-8`, name, compression)}`,
    );
  if (share[0] + share[1] > 1.8) throw wide("UTF-32BE");
  if (share[2] + share[3] > 1.8) throw wide("UTF-32LE");
  if (share[1] + share[3] > 0.5 && share[0] + share[2] < 0.1) throw wide("UTF-16LE");
  if (share[0] + share[2] > 0.5 && share[1] + share[3] < 0.1) throw wide("UTF-16BE");
  // A few zero bytes make their records unreadable, not the file.
  if (zeros.reduce((sum, count) => sum + count) > FEW_ZEROS && Math.max(...share) > 0.03) {
    throw new InputError(
      `${name} holds binary data in no format that is read; expected JSON lines, a JSON array, CSV, Parquet or Arrow`,
    );
  }
}

/** @throws InputError for a format that this program does not read */
function refuseForeign(head: Buffer, { name, compression }: Named): void {
  // UTF-32 with a mark begins as UTF-16 does.
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfeff) {
    throw new InputError(`${name} is UTF-32; ${readThrough("iconv -f UTF-32 -t UTF-8", name, compression)}`);
  }
  const found = foreignFormat(head.toString("latin1", 0, 512));
  if (found === undefined) return;
  throw new InputError(`${name} is ${found.what}, which is not read; ${found.cure(shellWord(name))}`);
}
