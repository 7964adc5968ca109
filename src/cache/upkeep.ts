import { readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { listSpaces, readSpaceModel, requireCacheFolder, type SpaceModel, spaceFolder } from "./layout.js";
import { recordBytes } from "./record.js";
import {
  ENTRY_BYTES,
  ENTRY_WORDS,
  listSegments,
  readIndex,
  removeSegment,
  type SegmentFiles,
  SegmentReader,
  SegmentWriter,
} from "./segments.js";

/** Bytes that are copied at once. */
const COPY_BYTES = 1 << 20;

/** Milliseconds after which records without an index belong to no run that is just beginning. */
const ABANDONED = 3_600_000;

/** Segments of a space beyond which they are joined: each is an open file of every run. */
const MOST_SEGMENTS = 64;

/** What a cache holds. */
export interface CacheStats {
  /** Vectors of all models. */
  readonly entries: number;
  readonly bytes: number;
  readonly models: readonly ModelStats[];
}

/** The vectors of one model, dtype, length and device. */
export interface ModelStats extends SpaceModel {
  readonly entries: number;
  readonly bytes: number;
  /** Days of the oldest and the newest use, as 2026-11-27; null if there is no vector. */
  readonly oldest: string | null;
  readonly newest: string | null;
}

/** A segment with its index. */
interface Indexed {
  readonly folder: string;
  readonly dim: number;
  readonly segment: SegmentFiles;
  readonly entries: Uint32Array;
}

/**
 * Counts what a cache folder holds.
 * @throws CacheFolderError if the folder is no cache
 */
export function folderStats(folder: string): CacheStats {
  requireCacheFolder(folder, false);
  const models = listSpaces(folder).flatMap((space): ModelStats[] => {
    const model = readSpaceModel(spaceFolder(folder, space));
    if (model === undefined) return [];
    const segments = indexedOf(spaceFolder(folder, space), model.dim);
    let [oldest, newest] = [Number.POSITIVE_INFINITY, 0];
    for (const { entries } of segments) {
      for (let at = 2; at < entries.length; at += ENTRY_WORDS) {
        oldest = Math.min(oldest, entries[at]);
        newest = Math.max(newest, entries[at]);
      }
    }
    const entries = segments.reduce((sum, each) => sum + each.entries.length / ENTRY_WORDS, 0);
    const bytes = segments.reduce((sum, { segment }) => sum + segment.bytes, 0);
    return [{ ...model, entries, bytes, oldest: dayText(oldest), newest: dayText(newest) }];
  });
  const sum = (of: (model: ModelStats) => number) => models.reduce((total, model) => total + of(model), 0);
  return { entries: sum(({ entries }) => entries), bytes: sum(({ bytes }) => bytes), models };
}

function dayText(day: number): string | null {
  return day > 0 && day < 1e6 ? new Date(day * 86_400_000).toISOString().slice(0, 10) : null;
}

/**
 * Removes the vectors whose last use is longest ago until the cache has at most `max` bytes. Runs that use the cache
 * meanwhile go on: what they have opened stays readable for them.
 * @throws CacheFolderError if the folder is no cache
 */
export function pruneFolder(folder: string, max: number): void {
  requireCacheFolder(folder, false);
  for (const space of listSpaces(folder)) removeAbandoned(spaceFolder(folder, space));
  const all = listSpaces(folder).flatMap((space) => {
    const model = readSpaceModel(spaceFolder(folder, space));
    return model === undefined ? [] : indexedOf(spaceFolder(folder, space), model.dim);
  });
  const keeps = chooseKept(all, max);
  // Those that leave whole go first and make room for the copies of the others.
  const shares = all.map((each, i) => ({ each, keep: keeps[i], kept: keeps[i].reduce((sum, kept) => sum + kept, 0) }));
  for (const { each, keep, kept } of shares.sort((a, b) => a.kept - b.kept)) {
    if (kept < keep.length) rewrite([{ ...each, keep }], each.folder, each.dim);
  }
}

/**
 * Joins the small segments of a space if there are many of them.
 * @param dim components of its vectors
 */
export function joinSegments(folder: string, dim: number): void {
  removeAbandoned(folder);
  const segments = indexedOf(folder, dim);
  if (segments.length <= MOST_SEGMENTS) return;
  const idle = segments.filter(({ segment }) => Date.now() - segment.changed > ABANDONED);
  const small = idle.sort((a, b) => a.segment.bytes - b.segment.bytes).slice(0, MOST_SEGMENTS);
  const keep = small.map((each) => ({ ...each, keep: new Uint8Array(each.entries.length / ENTRY_WORDS).fill(1) }));
  rewrite(keep, folder, dim);
}

/** Removes every vector, and the folder's description last. Only what belongs to a cache is touched. */
export function clearFolder(folder: string): void {
  requireCacheFolder(folder, false);
  for (const space of listSpaces(folder)) rmSync(spaceFolder(folder, space), { recursive: true, force: true });
}

/** Bytes of all vectors and indices. */
export function folderBytes(folder: string): number {
  let sum = 0;
  for (const space of listSpaces(folder)) {
    for (const name of readdirSync(spaceFolder(folder, space))) {
      sum += statSync(join(folder, space, name), { throwIfNoEntry: false })?.size ?? 0;
    }
  }
  return sum;
}

function indexedOf(folder: string, dim: number): Indexed[] {
  return listSegments(folder, dim).flatMap((segment) => {
    try {
      return [{ folder, dim, segment, entries: readIndex(segment) }];
    } catch {
      return []; // A run beside this one has cleaned up.
    }
  });
}

/**
 * Chooses the records that stay: those of the latest days, and of the day that fits in part the ones stored last.
 * @returns for each segment 1 for each record that stays
 */
function chooseKept(all: readonly Indexed[], max: number): Uint8Array[] {
  const bytesOfDay = new Map<number, number>();
  for (const { entries, dim } of all) {
    for (let at = 2; at < entries.length; at += ENTRY_WORDS) {
      bytesOfDay.set(entries[at], (bytesOfDay.get(entries[at]) ?? 0) + recordBytes(dim) + ENTRY_BYTES);
    }
  }
  let left = max;
  let boundary = -1;
  for (const [day, bytes] of [...bytesOfDay].sort(([a], [b]) => b - a)) {
    boundary = day;
    if (bytes > left) break;
    left -= bytes;
    boundary = -1;
  }
  const keeps = all.map(({ entries }) => new Uint8Array(entries.length / ENTRY_WORDS));
  const newestFirst = all.map((each, i) => ({ each, keep: keeps[i] }));
  newestFirst.sort((a, b) => (a.each.segment.name < b.each.segment.name ? 1 : -1));
  for (const { each, keep } of newestFirst) {
    const bytes = recordBytes(each.dim) + ENTRY_BYTES;
    for (let i = keep.length - 1; i >= 0; i--) {
      const day = each.entries[ENTRY_WORDS * i + 2];
      if (day < boundary) continue;
      if (day === boundary) {
        if (left < bytes) continue;
        left -= bytes;
      }
      keep[i] = 1;
    }
  }
  return keeps;
}

/**
 * Writes the records that stay into one new segment and removes the old ones. If the disk has no room for the copy, the
 * old ones go all the same: the size was to be kept.
 */
function rewrite(sources: readonly (Indexed & { keep: Uint8Array })[], folder: string, dim: number): void {
  const writer = new SegmentWriter(folder);
  try {
    for (const { segment, entries, keep } of sources) copyKept(segment, entries, keep, dim, writer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    writer.close();
  }
  for (const { segment } of sources) removeSegment(segment);
}

function copyKept(
  segment: SegmentFiles,
  entries: Uint32Array,
  keep: Uint8Array,
  dim: number,
  writer: SegmentWriter,
): void {
  if (!keep.includes(1)) return;
  const size = recordBytes(dim);
  const most = Math.max(1, Math.floor(COPY_BYTES / size));
  const records = new Uint8Array(most * size);
  const reader = new SegmentReader(segment, 0, dim);
  try {
    for (let from = 0; from < keep.length; from += most) {
      const read = reader.read(from, records.subarray(0, Math.min(most, keep.length - from) * size));
      const kept = new Uint32Array(read * ENTRY_WORDS);
      let count = 0;
      for (let i = 0; i < read; i++) {
        if (keep[from + i] === 0) continue;
        records.copyWithin(count * size, i * size, (i + 1) * size);
        kept.set(entries.subarray(ENTRY_WORDS * (from + i), ENTRY_WORDS * (from + i + 1)), ENTRY_WORDS * count++);
      }
      if (count > 0) writer.append(records.subarray(0, count * size), kept.subarray(0, ENTRY_WORDS * count));
    }
  } finally {
    reader.close();
  }
}

/** Removes records that a killed writer left without an index, and the folder of a space that holds nothing. */
function removeAbandoned(folder: string): void {
  const names = readdirSync(folder);
  for (const name of names) {
    if (!name.endsWith(".vectors") || names.includes(name.replace(/\.vectors$/, ".index"))) continue;
    const path = join(folder, name);
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > ABANDONED)
      rmSync(path, { force: true });
  }
  if (names.length === 0) rmdirSync(folder);
}
