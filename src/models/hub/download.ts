/**
 * The download is own code, because @huggingface/hub 2.17.5 lists files well and downloads them badly (measured on 3
 * MB, Node 20). After a break `downloadFileToCacheDir` starts over, although 1,834,880 of 3,000,000 bytes were on the
 * disk. It accepts a file with a flipped bit, waits forever for a silent server, and makes five requests for a file
 * instead of two; of two processes at once, one fails with ENOENT. `snapshotDownload` fetches every file of a
 * repository and writes the reference first. `scanCacheDir` ignores subfolders (it saw 2 of 3,000,002 bytes). A custom
 * `fetch` could mend a download only by doing what this file does.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { UnavailableError } from "../../errors.js";
import { blobPath, fileSize } from "./cache.js";
import { BrokenOffError, HubAnswerError, type HubConnection, HubUnreachableError } from "./connection.js";
import type { HubFile } from "./files.js";

/** Number of transfers in a row that may break off without a single new byte. */
const FRUITLESS_TRIES = 4;

/** The content is not what the hub lists; the message says what was found. */
class DamagedError extends Error {}

/** Returns the hash over the first `have` bytes of a file on the disk. The caller may add more bytes. */
async function hashOf(path: string, { digest, size }: HubFile, have: number): Promise<Hash> {
  // Git hashes a header with the length before the content.
  const hash = digest.algorithm === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
  if (have === 0) return hash;
  for await (const chunk of createReadStream(path, { end: have - 1, highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash;
}

/**
 * Whether the cache holds a file's content. The right size is sufficient, because every tool puts a blob there as a
 * whole. `check` also reads the blob and compares its hash, in case the disk has damaged it.
 */
export async function blobIsWhole(folder: string, file: HubFile, check: boolean): Promise<boolean> {
  const blob = blobPath(folder, file);
  if ((await fileSize(blob)) !== file.size) return false;
  return !check || (await hashOf(blob, file, file.size)).digest("hex") === file.digest.hex;
}

/** Options of `downloadBlob`. */
export interface Transfer {
  readonly connection: HubConnection;
  /** `owner/name`. */
  readonly repository: string;
  readonly commit: string;
  readonly file: HubFile;
  /** Folder of the repository in the cache. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  /** Called with the number of bytes of this file that have arrived. */
  readonly advance: (bytes: number) => void;
}

/**
 * Downloads one file into the cache's blobs. The blob appears whole and with the digest that the hub lists, or not at
 * all. A partial file of an earlier attempt is continued by Range. A file that does not match its digest is dropped and
 * fetched once more.
 * @throws UnavailableError if the digest is wrong twice
 * @throws Error if the file cannot be had; the bytes that arrived stay for the next attempt
 */
export async function downloadBlob(transfer: Transfer): Promise<void> {
  const { file, folder, repository } = transfer;
  const { path, size, digest } = file;
  const blob = blobPath(folder, file);
  await mkdir(dirname(blob), { recursive: true });
  // The name differs from those of other tools, which write to <digest>.incomplete under a lock that Node cannot take.
  const part = `${blob}.bge-dedup.incomplete`;
  for (let attempt = 0; ; attempt++) {
    try {
      const left = (await fileSize(part)) ?? 0;
      const have = left <= size ? left : 0;
      const handle = await open(part, have > 0 ? "r+" : "w");
      try {
        await complete(handle, await hashOf(part, file, have), have, transfer);
      } finally {
        await handle.close();
      }
      await rename(part, blob).catch(async (error: NodeJS.ErrnoException) => {
        // If machines share the cache, another machine may have been first with the same content.
        if (error.code !== "ENOENT" || (await fileSize(blob)) !== size) throw error;
      });
      return;
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      await rm(part, { force: true });
      if (attempt === 0) continue;
      throw new UnavailableError(
        `${path} of ${repository} came damaged twice: ${error.message}, expected ${size} bytes with ` +
          `${digest.algorithm} ${digest.hex}; it was dropped; try again later, or another HF_ENDPOINT`,
      );
    }
  }
}

/**
 * Completes a partial file with as many requests as necessary, and checks its digest.
 * @param hash over the first `have` bytes
 * @throws DamagedError if the content is not what the hub lists
 */
async function complete(handle: FileHandle, hash: Hash, have: number, transfer: Transfer): Promise<void> {
  const { file, connection, repository, commit, advance, signal } = transfer;
  const { path, size, digest } = file;
  let [sum, done] = [hash, have];
  advance(done);
  for (let fruitless = 0; done < size; ) {
    const before = done;
    try {
      const { status, range, body } = await connection.open(`${repository}/resolve/${commit}/${path}`, done);
      if (status === 206 && !range?.startsWith(`bytes ${done}-`)) throw new DamagedError(`content-range ${range}`);
      // A server that does not support ranges sends the file from its start.
      if (status !== 206 && done > 0) [sum, done] = [await hashOf(path, file, 0), 0];
      for await (const chunk of body) {
        if (done + chunk.length > size) throw new DamagedError(`more than ${size} bytes`);
        // Collecting chunks for writes of 1 MB saved 6 % of processor time, but an interruption would lose up to 1 MB.
        await handle.write(chunk, 0, chunk.length, done);
        sum.update(chunk);
        done += chunk.length;
        advance(done);
      }
      if (done < size) throw new BrokenOffError(`the answer ended there, expected ${size} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubAnswerError && error.status === 416) throw new DamagedError("status 416");
      if (!(error instanceof HubUnreachableError)) throw error;
      fruitless = done > before ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS_TRIES) {
        if (!(error instanceof BrokenOffError)) throw error;
        throw new Error(`the transfer of ${path} broke off after ${done} bytes: ${error.message}`);
      }
      await connection.pause(fruitless + 1);
    }
  }
  await handle.truncate(size);
  await handle.sync();
  const found = sum.digest("hex");
  if (found !== digest.hex) throw new DamagedError(`${digest.algorithm} ${found}`);
}
