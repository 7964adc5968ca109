import { closeSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { recordBytes } from "./record.js";

/*
 * A segment holds the records that one run has stored, in two files that only that run appends to:
 *
 *     NAME.vectors   the records, one behind the other
 *     NAME.index     for each record the first two words of its key and the day of its last use, 12 bytes
 *
 * A record counts once its index entry is there, which is written after the record. So a writer that is killed leaves a
 * shorter segment and nothing to repair, no run waits for another, and no lock is needed.
 */

/** Bytes of an index entry: the first two words of the key and a day. */
export const ENTRY_BYTES = 12;
/** Words of an index entry. */
export const ENTRY_WORDS = 3;

/** Day since 1970 on which something is used now. */
export function today(): number {
  return Math.floor(Date.now() / 86_400_000);
}

/** A segment as it lies in its folder. */
export interface SegmentFiles {
  readonly name: string;
  readonly vectors: string;
  readonly index: string;
  /** Number of whole records that the index counts. */
  readonly count: number;
  /** Bytes of both files. */
  readonly bytes: number;
  /** Time of the last change of the records, in milliseconds. */
  readonly changed: number;
}

/** Lists the segments of a folder, oldest first; none if there is no such folder. */
export function listSegments(folder: string, dim: number): SegmentFiles[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const segments: SegmentFiles[] = [];
  for (const file of names.sort()) {
    if (!file.endsWith(".index")) continue;
    const name = file.slice(0, -".index".length);
    const paths = { vectors: join(folder, `${name}.vectors`), index: join(folder, file) };
    const [vectors, index] = [paths.vectors, paths.index].map((path) => statSync(path, { throwIfNoEntry: false }));
    // Another program may be removing the segment.
    if (vectors === undefined || index === undefined) continue;
    const count = Math.min(Math.floor(vectors.size / recordBytes(dim)), Math.floor(index.size / ENTRY_BYTES));
    segments.push({ name, ...paths, count, bytes: vectors.size + index.size, changed: vectors.mtimeMs });
  }
  return segments;
}

/** Reads the index entries of a segment, three words each; fewer than it counts if the file has become shorter. */
export function readIndex({ index, count }: SegmentFiles): Uint32Array {
  const entries = new Uint32Array(count * ENTRY_WORDS);
  const fd = openSync(index, "r");
  try {
    const read = readFully(fd, new Uint8Array(entries.buffer), 0);
    return entries.subarray(0, Math.floor(read / ENTRY_BYTES) * ENTRY_WORDS);
  } finally {
    closeSync(fd);
  }
}

/** Reads until `into` is full or the file ends. Returns the number of bytes read. */
export function readFully(fd: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const read = readSync(fd, into, done, into.length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** Sets the day of last use of the records that `used` marks; an unchanged index is not written. */
export function stampUsed(segment: SegmentFiles, used: Uint8Array, day: number): void {
  const entries = readIndex(segment);
  let changed = false;
  for (let i = 0; i < entries.length / ENTRY_WORDS; i++) {
    if (used[i] === 0 || entries[ENTRY_WORDS * i + 2] === day) continue;
    entries[ENTRY_WORDS * i + 2] = day;
    changed = true;
  }
  if (!changed) return;
  const fd = openSync(segment.index, "r+");
  try {
    writeFully(fd, new Uint8Array(entries.buffer, 0, entries.byteLength), 0);
  } finally {
    closeSync(fd);
  }
}

function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

/** Removes a segment. The index goes first: records without an index count for nothing. */
export function removeSegment({ index, vectors }: Pick<SegmentFiles, "index" | "vectors">): void {
  rmSync(index, { force: true });
  rmSync(vectors, { force: true });
}

/** Appends records to a segment of its own. */
export class SegmentWriter {
  readonly #files: { readonly vectors: string; readonly index: string };
  #vectors: number | undefined;
  #index: number | undefined;
  #vectorsEnd = 0;
  #indexEnd = 0;

  /** Creates nothing before the first record. The name begins with the time, so that names sort by age. */
  constructor(folder: string) {
    const time = Date.now().toString(36).padStart(9, "0");
    const name = `${time}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
    this.#files = { vectors: join(folder, `${name}.vectors`), index: join(folder, `${name}.index`) };
  }

  /**
   * Appends whole records. If that fails, the segment keeps the records appended before.
   * @param entries three words for each record
   */
  append(records: Uint8Array, entries: Uint32Array): void {
    this.#vectors ??= openSync(this.#files.vectors, "wx");
    writeFully(this.#vectors, records, this.#vectorsEnd);
    this.#vectorsEnd += records.length;
    this.#index ??= openSync(this.#files.index, "wx");
    writeFully(this.#index, new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength), this.#indexEnd);
    this.#indexEnd += entries.byteLength;
  }

  /** Closes the files; a file that got no whole record is removed. */
  close(): void {
    const [vectors, index] = [this.#vectors, this.#index];
    if (vectors !== undefined) closeSync(vectors);
    if (index !== undefined) closeSync(index);
    if (vectors !== undefined && this.#indexEnd === 0) removeSegment(this.#files);
    this.#vectors = this.#index = undefined;
  }
}

/** Reads records of segments by their places, which number the records of all segments through. */
export class SegmentReader {
  readonly segment: SegmentFiles;
  /** Place of the first record. */
  readonly first: number;
  /** 1 for each record that was used. */
  readonly used: Uint8Array;
  readonly #fd: number;
  readonly #recordBytes: number;

  /** @throws the system's error if the file cannot be opened */
  constructor(segment: SegmentFiles, first: number, dim: number) {
    this.segment = segment;
    this.first = first;
    this.used = new Uint8Array(segment.count);
    this.#fd = openSync(segment.vectors, "r");
    this.#recordBytes = recordBytes(dim);
  }

  /**
   * Reads records from place `from` on.
   * @param into takes whole records
   * @returns number of whole records that were read
   */
  read(from: number, into: Uint8Array): number {
    const read = readFully(this.#fd, into, (from - this.first) * this.#recordBytes);
    return Math.floor(read / this.#recordBytes);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
