import {
  type BadRecord,
  badRecord,
  MAX_RECORD_BYTES,
  RAW_BYTES,
  type RecordBlock,
  textOrFault,
  tooLongRecord,
} from "../jsonl/record-block.js";

const QUOTE = 34;
const LF = 10;
const CR = 13;

/** Where the scan stands in a record: RFC 4180, https://www.rfc-editor.org/rfc/rfc4180 */
const AT = { fieldStart: 0, plain: 1, quoted: 2, closing: 3, skipped: 4 } as const;

/** The byte order mark in UTF-8. At the start of a file it is no part of the first field, which may be quoted. */
const MARK = Buffer.from("\ufeff");

/**
 * Cuts the bytes of a CSV file into records, which may hold line ends in quotes. Memory: a chunk, and the longest
 * record up to `mostBytes`.
 */
export async function* csvRecords(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly delimiter: number; readonly mostBytes?: number },
): AsyncGenerator<RecordBlock> {
  const splitter = new CsvSplitter(options);
  for await (const chunk of chunks) yield splitter.push(chunk);
  yield splitter.finish();
}

/**
 * Finds where records end. Own code, because csv-parse 6.2 cannot go on after a fault: behind a text after a closing
 * quote, or a quote that is never closed, it passes over good records without a word. Here a faulty record ends with
 * its line.
 */
export class CsvSplitter {
  readonly #delimiter: number;
  readonly #mostBytes: number;
  /** The bytes from the start of the open record on; the first `#length` of them are filled. */
  #bytes = Buffer.alloc(1 << 16);
  #length = 0;
  /** Start of the open record, and the next byte to look at. */
  #start = 0;
  #at = 0;
  #state: number = AT.fieldStart;
  /** True where text follows a closing quote in the open record. */
  #malformed = false;
  /** True until the first bytes have shown whether the file begins with a byte order mark. */
  #mayBeginWithMark = true;
  #lineNumber = 1;
  #lines: RecordBlock["lines"][number][] = [];
  #numbers: number[] = [];

  constructor({ delimiter, mostBytes = MAX_RECORD_BYTES }: { delimiter: number; mostBytes?: number }) {
    this.#delimiter = delimiter;
    this.#mostBytes = mostBytes;
  }

  /** The records that end in `chunk`, which may be reused afterwards. */
  push(chunk: Uint8Array): RecordBlock {
    this.#append(chunk);
    if (this.#mayBeginWithMark) {
      if (this.#length < MARK.length) return this.#take();
      this.#passMark();
    }
    this.#scan();
    while (this.#length - this.#start > this.#mostBytes) {
      if (!this.#rejectOpenQuote("the quote that it opens is not closed within the bytes that a record may have")) {
        this.#skipLine();
      }
    }
    return this.#take();
  }

  /** The last record, if the file does not end with a newline. */
  finish(): RecordBlock {
    if (this.#mayBeginWithMark) {
      this.#passMark();
      this.#scan();
    }
    while (this.#state === AT.quoted && this.#rejectOpenQuote("the quote that it opens is never closed"));
    if (this.#length > this.#start) this.#endRecord(this.#length);
    return this.#take();
  }

  #passMark(): void {
    this.#mayBeginWithMark = false;
    if (!this.#bytes.subarray(0, this.#length).subarray(0, MARK.length).equals(MARK)) return;
    this.#start = MARK.length;
    this.#at = MARK.length;
  }

  #take(): RecordBlock {
    const block = { lines: this.#lines, numbers: this.#numbers };
    this.#lines = [];
    this.#numbers = [];
    return block;
  }

  #append(chunk: Uint8Array): void {
    if (this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, this.#length);
      this.#length -= this.#start;
      this.#at -= this.#start;
      this.#start = 0;
    }
    if (this.#length + chunk.length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#length + chunk.length));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  #scan(): void {
    const bytes = this.#bytes;
    const delimiter = this.#delimiter;
    for (; this.#at < this.#length; this.#at++) {
      if (this.#state === AT.quoted || this.#state === AT.skipped) {
        const found = bytes.subarray(0, this.#length).indexOf(this.#state === AT.quoted ? QUOTE : LF, this.#at);
        if (found < 0) {
          this.#at = this.#length;
          if (this.#state === AT.skipped) this.#start = this.#length;
          return;
        }
        this.#at = found;
        if (this.#state === AT.quoted) this.#state = AT.closing;
        else this.#endSkipped();
        continue;
      }
      const byte = bytes[this.#at];
      if (byte === LF) this.#endRecord(this.#at);
      else if (byte === delimiter) this.#state = AT.fieldStart;
      else if (byte === QUOTE && (this.#state === AT.fieldStart || this.#state === AT.closing)) {
        this.#state = AT.quoted;
      } else if (this.#state === AT.closing) {
        // What follows a carriage return may be in the next chunk.
        if (byte === CR && this.#at + 1 === this.#length) return;
        if (byte === CR && bytes[this.#at + 1] === LF) continue;
        this.#malformed = true;
        this.#state = AT.plain;
      } else this.#state = AT.plain;
    }
  }

  /** Adds the record that ends before the line feed at `end`, unless it is blank. */
  #endRecord(end: number): void {
    const bytes = this.#bytes.subarray(this.#start, end > this.#start && this.#bytes[end - 1] === CR ? end - 1 : end);
    if (bytes.length > this.#mostBytes) this.#add(this.#tooLong(bytes));
    else if (this.#malformed) this.#add(badRecord(bytes, "not valid CSV: text follows a closing quote"));
    else if (bytes.length > 0) this.#add(textOrFault(bytes, "record"));
    this.#countLines(bytes);
    this.#lineNumber++;
    this.#begin(end + 1);
  }

  /** Begins a record behind the line feed that ends a line which is passed over. */
  #endSkipped(): void {
    this.#lineNumber++;
    this.#begin(this.#at + 1);
  }

  #countLines(bytes: Buffer): void {
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) this.#lineNumber++;
  }

  #begin(start: number): void {
    this.#start = Math.min(start, this.#length);
    this.#state = AT.fieldStart;
    this.#malformed = false;
  }

  /** Rejects the first line of a record whose quote is open, and begins a record with the next line. */
  #rejectOpenQuote(error: string): boolean {
    const open = this.#bytes.subarray(this.#start, this.#length);
    const end = open.indexOf(LF);
    if (this.#state !== AT.quoted || (end < 0 && open.length > this.#mostBytes)) return false;
    const line = end < 0 ? open : open.subarray(0, end);
    this.#add(badRecord(Buffer.from(line), `not valid CSV: ${error}`));
    this.#lineNumber++;
    this.#begin(this.#start + line.length + 1);
    this.#at = this.#start;
    this.#scan();
    return true;
  }

  /** Rejects a record that is too long, gives up its bytes, and passes over the rest of the line that it has reached. */
  #skipLine(): void {
    const open = this.#bytes.subarray(this.#start, this.#length);
    this.#add(this.#tooLong(open));
    this.#countLines(open);
    this.#start = this.#length;
    this.#at = this.#length;
    this.#state = AT.skipped;
  }

  #tooLong(bytes: Buffer): BadRecord {
    return tooLongRecord(bytes.subarray(0, RAW_BYTES), {
      length: bytes.length,
      most: this.#mostBytes,
      what: "record",
    });
  }

  #add(line: RecordBlock["lines"][number]): void {
    this.#lines.push(line);
    this.#numbers.push(this.#lineNumber);
  }
}
