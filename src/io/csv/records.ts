import {
  type BadRecord,
  badRecord,
  MAX_RECORD_BYTES,
  RAW_BYTES,
  type RecordBlock,
  RecordGatherer,
  splitChunks,
  textOrFault,
  tooLongRecord,
} from "../jsonl/record-block.js";

const QUOTE = 34;
const TAB = 9;
const LF = 10;
const CR = 13;

const AFTER_QUOTE = "text follows a closing quote";

/** Where the scan stands in a record: RFC 4180, https://www.rfc-editor.org/rfc/rfc4180 */
const AT = { fieldStart: 0, plain: 1, quoted: 2, closing: 3, skipped: 4 } as const;

/** The byte order mark in UTF-8. At the start of a file it is no part of the first field, which may be quoted. */
const MARK = Buffer.from("\ufeff");

/**
 * Cuts the bytes of a CSV file into records, which may hold line ends in quotes. Memory: a chunk, and the longest
 * record up to `mostBytes`.
 */
export function csvRecords(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly delimiter: number; readonly mostBytes?: number },
): AsyncGenerator<RecordBlock> {
  return splitChunks(chunks, new CsvSplitter(options));
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
  /** Where the last field with a quote begins. */
  #quoteAt = 0;
  /** True for a file with tabs, whose writers often put no quotes and leave those of the text as they are. */
  readonly #tabs: boolean;
  /** True where text follows a closing quote in the open record. */
  #malformed = false;
  /** True until the first bytes have shown whether the file begins with a byte order mark. */
  #mayBeginWithMark = true;
  #lineNumber = 1;
  readonly #records = new RecordGatherer();

  constructor({ delimiter, mostBytes = MAX_RECORD_BYTES }: { delimiter: number; mostBytes?: number }) {
    this.#delimiter = delimiter;
    this.#tabs = delimiter === TAB;
    this.#mostBytes = mostBytes;
  }

  /** The records that end in `chunk`, which may be reused afterwards. */
  push(chunk: Uint8Array): RecordBlock {
    this.#append(chunk);
    if (this.#mayBeginWithMark) {
      if (this.#length < MARK.length) return this.#records.take();
      this.#passMark();
    }
    this.#scan();
    while (this.#length - this.#start > this.#mostBytes) {
      if (!this.#closeOpenQuote("the quote that it opens is not closed within the bytes that a record may have")) {
        this.#skipLine();
      }
    }
    return this.#records.take();
  }

  /** The last record, if the file does not end with a newline. */
  finish(): RecordBlock {
    if (this.#mayBeginWithMark) {
      this.#passMark();
      this.#scan();
    }
    while (this.#state === AT.quoted && this.#closeOpenQuote("the quote that it opens is never closed"));
    if (this.#length > this.#start) this.#endRecord(this.#length);
    return this.#records.take();
  }

  #passMark(): void {
    this.#mayBeginWithMark = false;
    if (!this.#bytes.subarray(0, this.#length).subarray(0, MARK.length).equals(MARK)) return;
    this.#start = MARK.length;
    this.#at = MARK.length;
  }

  #append(chunk: Uint8Array): void {
    if (this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, this.#length);
      this.#length -= this.#start;
      this.#at -= this.#start;
      this.#quoteAt -= this.#start;
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
        if (this.#state === AT.skipped) this.#endSkipped();
        else if (this.#isTorn(found)) this.#endFirstLine("");
        else this.#state = AT.closing;
        continue;
      }
      const byte = bytes[this.#at];
      if (byte === LF) this.#endRecord(this.#at);
      else if (byte === delimiter) this.#state = AT.fieldStart;
      else if (byte === QUOTE && (this.#state === AT.fieldStart || this.#state === AT.closing)) {
        if (this.#state === AT.fieldStart) this.#quoteAt = this.#at;
        this.#state = AT.quoted;
      } else if (this.#state === AT.closing) {
        // What follows a carriage return may be in the next chunk.
        if (byte === CR && this.#at + 1 === this.#length) return;
        if (byte === CR && bytes[this.#at + 1] === LF) continue;
        if (bytes.subarray(this.#quoteAt, this.#at).includes(LF)) this.#endFirstLine(AFTER_QUOTE);
        else {
          this.#malformed = true;
          this.#state = AT.plain;
        }
      } else this.#state = AT.plain;
    }
  }

  /** Adds the record that ends before the line feed at `end`, unless it is blank. */
  #endRecord(end: number): void {
    const bytes = this.#bytes.subarray(this.#start, end > this.#start && this.#bytes[end - 1] === CR ? end - 1 : end);
    if (bytes.length > this.#mostBytes) this.#add(this.#tooLong(bytes));
    else if (this.#malformed && !this.#tabs) this.#add(badRecord(bytes, `not valid CSV: ${AFTER_QUOTE}`));
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

  /**
   * True where the quotes of a file with tabs hold a line end and a tab: such a file has quotes that are characters like
   * any other, and the two belong to different rows.
   */
  #isTorn(end: number): boolean {
    if (!this.#tabs) return false;
    const quoted = this.#bytes.subarray(this.#quoteAt, end);
    return quoted.includes(LF) && quoted.includes(TAB);
  }

  /** Gives up a quote that is open in too many bytes, or at the end of the file. Returns false where none is. */
  #closeOpenQuote(error: string): boolean {
    const open = this.#bytes.subarray(this.#start, this.#length);
    if (this.#state !== AT.quoted || (open.length > this.#mostBytes && !open.includes(LF))) return false;
    this.#endFirstLine(error);
    this.#at = this.#start;
    this.#scan();
    return true;
  }

  /**
   * Ends the open record with its first line, although a quote is open there, and goes back to the line behind it. In a
   * file with tabs the quote is a character like any other; elsewhere the line is rejected.
   */
  #endFirstLine(error: string): void {
    const open = this.#bytes.subarray(this.#start, this.#length);
    const end = open.indexOf(LF);
    const line = end < 0 ? open : open.subarray(0, end > 0 && open[end - 1] === CR ? end - 1 : end);
    this.#add(this.#tabs ? textOrFault(line, "record") : badRecord(line, `not valid CSV: ${error}`));
    this.#lineNumber++;
    this.#begin(end < 0 ? this.#length : this.#start + end + 1);
    // The loop of the scan takes the byte behind this one next.
    this.#at = this.#start - 1;
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
    this.#records.add(line, this.#lineNumber);
  }
}
