import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";

/** Bytes of one system call, below its limit of 2 GiB. */
const MOST = 1 << 30;

/** Fills `into` with the bytes of the file from `position` on. @throws Error where the file ends earlier */
export async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const left = into.length - filled;
    const { bytesRead } = await file.read(into, filled, Math.min(left, MOST), position + filled);
    if (bytesRead === 0) throw endsAt(position + filled, left);
    filled += bytesRead;
  }
}

/** Reads `length` bytes at `position`. @throws Error where the file has fewer */
export async function readRange(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await readFully(file, bytes, position);
  return bytes;
}

/**
 * Reads `length` bytes at `position` synchronously. The round trip of an asynchronous read through another thread takes
 * as long as reading some 200 KB, so this function is for shorter ranges.
 * @throws Error where the file ends earlier
 */
export function readRangeNow(file: FileHandle, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const bytesRead = readSync(file.fd, bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw endsAt(position + filled, length - filled);
    filled += bytesRead;
  }
  return bytes;
}

function endsAt(position: number, missing: number): Error {
  return new Error(`the file ends at byte ${position}, expected ${missing} more`);
}
