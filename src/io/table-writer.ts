import { type FileHandle, open, rm } from "node:fs/promises";
import type { RecordBatch } from "apache-arrow";

/** Writes a table to one file, batch by batch. Calls are awaited one after another, which is the back-pressure. */
export interface TableWriter {
  /** Appends rows; they are on their way to the file when the promise resolves, up to one output batch that is still filling. */
  write(batch: RecordBatch): Promise<void>;
  /** Completes the file, makes it durable and closes it. */
  finish(): Promise<void>;
  /** Closes and removes the unfinished file. */
  abort(): Promise<void>;
}

/** Where a table goes and what it looks like. */
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
      // Small chunks together in one call; a system call takes no more than 1024 of them.
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
  // Rare: a call that wrote less than it was given.
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
