/*
 * The store in a folder of this machine. Own code, because every library that installs without scripts on Node 20
 * breaks a promise (measured on 2 cores): lmdb 3.5.6 reads 340,000 values of 2 KB/s but ends the process on a damaged
 * file (SIGBUS where the file is cut off, SIGSEGV or SIGABRT in 3 of 40 files with flipped bits), maps the file into
 * resident memory and takes twice the bytes of the vectors; classic-level 3.0.0 reads 31,000 values/s and locks out a
 * second process; cacache 20.0.4 reads 2,300 values/s. node:sqlite is missing from Node 20, and better-sqlite3 needs
 * its install script.
 */
import { existsSync, statfsSync } from "node:fs";
import { KeyTable } from "./key-table.js";
import { readSpaceModel, requireCacheFolder, spaceFolder, writeSpaceModel } from "./layout.js";
import {
  emptyRecords,
  encodeRecords,
  KEY_WORDS,
  type RecordViews,
  recordBytes,
  recordViews,
  type TextRecords,
  takeRecord,
} from "./record.js";
import {
  ENTRY_WORDS,
  listSegments,
  readIndex,
  type SegmentFiles,
  SegmentReader,
  SegmentWriter,
  stampUsed,
  today,
} from "./segments.js";
import type { FoundRecords, VectorStore } from "./store.js";
import { folderBytes, joinSegments, pruneFolder } from "./upkeep.js";

/** Bytes that are read at once if records lie side by side: so many stay in the processor's cache until they are checked. */
const RUN_BYTES = 1 << 18;

/** Records between two wanted ones that are read along, because a read of its own would cost more. */
const GAP = 2;

/** Most records that are found again: the table of so many takes 200 MB. The oldest segments are left out. */
const MOST_RECORDS = 16_000_000;

/** Share of its size that a folder is pruned to, so that not every run has to prune. */
const PRUNED_TO = 0.8;

/** Share of the disk, and most bytes, that storing leaves free for everything else. */
const LEFT_FREE = { share: 1 / 20, most: 2 ** 30 };

/** The disk is so full that the cache stores nothing more. */
class FullDiskError extends Error {}

/** Options of `openEmbeddedStore`. */
export interface EmbeddedStoreOptions {
  readonly folder: string;
  /** 32 hexadecimal digits. */
  readonly space: string;
  /** Size to which the folder is pruned when it is closed. */
  readonly maxBytes: number;
  /** What made the vectors, for people. */
  readonly model: { readonly name: string; readonly device: string };
}

/**
 * Opens the store of a space. Any number of processes may use one folder at once: each appends to files of its own and
 * finds what was stored before it was opened.
 * @throws CacheFolderError if the folder is no cache; the system's error if it cannot be read
 */
export function openEmbeddedStore(options: EmbeddedStoreOptions): VectorStore {
  requireCacheFolder(options.folder, true);
  return new EmbeddedStore(options);
}

class EmbeddedStore implements VectorStore {
  readonly #options: EmbeddedStoreOptions;
  readonly #folder: string;
  #dim: number | undefined;
  /** Oldest first, with places that run through. */
  readonly #readers: SegmentReader[] = [];
  #table = new KeyTable(0);
  #writer: SegmentWriter | undefined;
  /** Takes the records of one read; as long as the largest record at least. */
  #run: RecordViews = recordViews(RUN_BYTES);

  constructor(options: EmbeddedStoreOptions) {
    this.#options = options;
    this.#folder = spaceFolder(options.folder, options.space);
    this.#dim = existsSync(this.#folder) ? readSpaceModel(this.#folder)?.dim : undefined;
    if (this.#dim !== undefined) this.#openSegments(this.#dim);
  }

  get dim(): number | undefined {
    return this.#dim;
  }

  #openSegments(dim: number): void {
    const segments = newestRecords(listSegments(this.#folder, dim), MOST_RECORDS);
    this.#table = new KeyTable(segments.reduce((sum, { count }) => sum + count, 0));
    let first = 0;
    for (const segment of segments) {
      let entries: Uint32Array;
      try {
        entries = readIndex(segment);
        this.#readers.push(new SegmentReader(segment, first, dim));
      } catch (error) {
        // A run beside this one has cleaned up.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
        throw error;
      }
      const count = entries.length / ENTRY_WORDS;
      // A record that was stored again, because the earlier one is damaged, takes its place.
      for (let i = 0; i < count; i++) {
        this.#table.set(entries[ENTRY_WORDS * i], entries[ENTRY_WORDS * i + 1], first + i);
      }
      first += segment.count;
    }
  }

  async lookUp(keys: Uint32Array): Promise<FoundRecords> {
    const count = keys.length / KEY_WORDS;
    const dim = this.#dim ?? 0;
    const { places, texts } = this.#places(keys, count);
    const into = emptyRecords(count, texts.length === 0 ? 0 : dim);
    const found = new Uint8Array(count);
    let damaged = 0;
    const size = recordBytes(dim);
    const most = Math.max(1, Math.floor(RUN_BYTES / size));
    for (let at = 0; at < texts.length; ) {
      const from = places[at];
      const reader = this.#readerOf(from);
      const limit = Math.min(from + most, reader.first + reader.segment.count);
      let end = at + 1;
      while (end < texts.length && places[end] < limit && places[end] - places[end - 1] <= 1 + GAP) end++;
      const wanted = places[end - 1] - from + 1;
      if (wanted * size > this.#run.bytes.length) this.#run = recordViews(wanted * size);
      const read = reader.read(from, this.#run.bytes.subarray(0, wanted * size));
      for (; at < end; at++) {
        const offset = places[at] - from;
        if (offset < read && takeRecord(this.#run, offset, keys, texts[at], into, dim)) {
          found[texts[at]] = 1;
          reader.used[places[at] - reader.first] = 1;
        } else damaged++;
      }
    }
    return { ...into, dim: into.vectors.length === 0 ? 0 : dim, found, damaged };
  }

  /** Places of the keys that the table has, ascending, and the numbers of their texts. */
  #places(keys: Uint32Array, count: number): { places: Float64Array; texts: Uint32Array } {
    const places = new Float64Array(count);
    const texts = new Uint32Array(count);
    let hits = 0;
    let ascending = true;
    for (let i = 0; i < count; i++) {
      const place = this.#table.get(keys[KEY_WORDS * i], keys[KEY_WORDS * i + 1]);
      if (place < 0) continue;
      if (hits > 0 && place < places[hits - 1]) ascending = false;
      places[hits] = place;
      texts[hits++] = i;
    }
    if (ascending) return { places: places.subarray(0, hits), texts: texts.subarray(0, hits) };
    // A number holds the place and, below it, which of the hits it is: numbers sort ten times as fast as by a function.
    const order = Float64Array.from({ length: hits }, (_, hit) => places[hit] * hits + hit).sort();
    return {
      places: order.map((each) => Math.floor(each / hits)),
      texts: Uint32Array.from(order, (each) => texts[each % hits]),
    };
  }

  #readerOf(place: number): SegmentReader {
    let [low, high] = [0, this.#readers.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#readers[middle].first <= place) low = middle;
      else high = middle - 1;
    }
    return this.#readers[low];
  }

  async append(keys: Uint32Array, texts: TextRecords, dim: number): Promise<void> {
    if (this.#dim !== undefined && this.#dim !== dim) {
      throw new Error(`it holds vectors of ${this.#dim} components, and the model gives ${dim}`);
    }
    requireFreeDisk(this.#options.folder);
    if (this.#writer === undefined) {
      const { name, device } = this.#options.model;
      if (this.#dim === undefined) writeSpaceModel(this.#folder, { name, device, dim });
      this.#writer = new SegmentWriter(this.#folder);
      this.#dim = dim;
    }
    const count = texts.directed.length;
    const entries = new Uint32Array(ENTRY_WORDS * count);
    const day = today();
    for (let i = 0; i < count; i++) {
      entries[ENTRY_WORDS * i] = keys[KEY_WORDS * i];
      entries[ENTRY_WORDS * i + 1] = keys[KEY_WORDS * i + 1];
      entries[ENTRY_WORDS * i + 2] = day;
    }
    this.#writer.append(encodeRecords(keys, texts, dim), entries);
  }

  async close(): Promise<void> {
    this.#writer?.close();
    const day = today();
    for (const { segment, used } of this.#readers) {
      if (!used.includes(1)) continue;
      try {
        stampUsed(segment, used, day);
      } catch {
        // Read-only, or removed by a run beside this one: the day of last use stays what it was.
      }
    }
    for (const reader of this.#readers) reader.close();
    this.#readers.length = 0;
    if (this.#writer !== undefined && this.#dim !== undefined) this.#tidy(this.#dim);
  }

  /** Keeps the folder at its size and its files few after something was added. */
  #tidy(dim: number): void {
    const { folder, maxBytes } = this.#options;
    try {
      joinSegments(this.#folder, dim);
      if (folderBytes(folder) > maxBytes) pruneFolder(folder, PRUNED_TO * maxBytes);
    } catch {
      // The folder became read-only or was removed: the next run that may write there tidies it.
    }
  }
}

/** The newest segments with at most `most` records together, oldest first. */
function newestRecords(segments: readonly SegmentFiles[], most: number): SegmentFiles[] {
  let sum = 0;
  const first = segments.findLastIndex(({ count }) => {
    sum += count;
    return sum > most;
  });
  return segments.slice(first + 1).filter(({ count }) => count > 0);
}

function requireFreeDisk(folder: string): void {
  const { bavail, blocks, bsize } = statfsSync(folder);
  const [free, all] = [bavail * bsize, blocks * bsize];
  if (free < Math.min(LEFT_FREE.most, all * LEFT_FREE.share)) {
    throw new FullDiskError(`only ${Math.floor(free / 2 ** 20)} MB of the disk are free`);
  }
}
