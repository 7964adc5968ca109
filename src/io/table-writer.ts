import { type FileHandle, open, rm } from "node:fs/promises";
import type { RecordBatch } from "apache-arrow";

/**
 * Writes a table to one file, batch by batch. Callers await each call before the next, which gives the back-pressure.
 */
export interface TableWriter {
  /** Appends rows. When the promise resolves, all rows are written except those of an output batch that is not full. */
  write(batch: RecordBatch): Promise<void>;
  /** Completes the file, makes it durable and closes it. */
  finish(): Promise<void>;
  /** Closes and removes the unfinished file. */
  abort(): Promise<void>;
}

/** The path and schema of a table. */
export interface TableOptions<S> {
  /** A file of this name is replaced. */
  readonly path: string;
  /** Every batch that is written must have this schema. */
  readonly schema: S;
}

/** A file that is only appended to. */
export interface AppendedFile {
  /** Writes all bytes of all chunks in order; the chunks may be reused when the promise resolves. */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** Makes the file durable and closes it. */
  finish(): Promise<void>;
  /** Closes and removes the file. */
  abort(): Promise<void>;
}

/** Creates the file at `path`, or empties it. */
export async function createFile(path: string): Promise<AppendedFile> {
  const file = await open(path, "w");
  return {
    async append(chunks) {
      // Small chunks go into one call; a system call takes at most 1024.
      for (let i = 0; i < chunks.length; i += CHUNKS) await writeAll(file, chunks.slice(i, i + CHUNKS));
    },
    async finish() {
      await file.sync();
      await file.close();
    },
    async abort() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

const CHUNKS = 512;

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const total = chunks.reduce((sum, { length }) => sum + length, 0);
  let { bytesWritten } = await file.writev(chunks as Uint8Array[]);
  if (bytesWritten === total) return;
  // Rare: the call wrote only a part. The rest follows, chunk by chunk.
  for (const chunk of chunks) {
    if (bytesWritten >= chunk.length) {
      bytesWritten -= chunk.length;
      continue;
    }
    for (let start = bytesWritten; start < chunk.length; ) {
      start += (await file.write(chunk, start, Math.min(chunk.length - start, 1 << 30))).bytesWritten;
    }
    bytesWritten = 0;
  }
}
