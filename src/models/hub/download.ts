import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { UnavailableError } from "../../errors.js";
import { blobPath, fileSize } from "./cache.js";
import { guardedBody, HubAnswerError, type HubConnection, HubUnreachableError } from "./connection.js";
import type { HubFile } from "./files.js";

/** Transfers that may break off one after the other without a single new byte. */
const FRUITLESS_TRIES = 4;

/** What came is not what the hub lists; the message is what was found. */
class DamagedError extends Error {}

/** The transfer ended early; what came is kept. */
class BrokenOffError extends Error {}

/** Git hashes a header with the length before the content. */
function startHash({ digest, size }: HubFile): Hash {
  if (digest.algorithm === "sha256") return createHash("sha256");
  return createHash("sha1").update(`blob ${size}\0`);
}

/**
 * Whether the cache holds a file's content. That a blob has the right size is enough, since every tool puts it there whole;
 * `check` reads it through, in case the disk has damaged it.
 */
export async function blobIsWhole(folder: string, file: HubFile, check: boolean): Promise<boolean> {
  const blob = blobPath(folder, file);
  if ((await fileSize(blob)) !== file.size) return false;
  if (!check) return true;
  const hash = startHash(file);
  for await (const chunk of createReadStream(blob, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex") === file.digest.hex;
}

/** What a transfer needs to know. */
export interface Transfer {
  readonly connection: HubConnection;
  /** `owner/name`. */
  readonly repository: string;
  readonly commit: string;
  readonly file: HubFile;
  /** Folder of the repository in the cache. */
  readonly folder: string;
  /** Milliseconds without a byte after which it counts as broken off. */
  readonly stall: number;
  readonly signal?: AbortSignal;
  /** Called with the bytes of this file that are there. */
  readonly advance: (bytes: number) => void;
}

/**
 * Brings one file into the cache's blobs, where it appears whole and with the digest that the hub lists, or not at all. What an
 * earlier try left is continued by Range; a file that does not fit its digest is dropped and fetched once more.
 * @throws UnavailableError where the digest is wrong twice
 * @throws Error where it cannot be had; what came stays for the next try
 */
export async function downloadBlob(transfer: Transfer): Promise<void> {
  const { file, folder, repository } = transfer;
  const blob = blobPath(folder, file);
  await mkdir(dirname(blob), { recursive: true });
  // A name of our own: other tools write to <digest>.incomplete under a lock that Node cannot take.
  const part = `${blob}.bge-dedup.incomplete`;
  for (let attempt = 0; ; attempt++) {
    try {
      await fill(part, transfer);
      return await moveIntoPlace(part, blob, file);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      await rm(part, { force: true });
      if (attempt === 1) {
        throw new UnavailableError(
          `${file.path} of ${repository} came damaged twice: ${error.message}, expected ${file.size} bytes with ` +
            `${file.digest.algorithm} ${file.digest.hex}; it was dropped; try again later, or another HF_ENDPOINT`,
        );
      }
    }
  }
}

/** Renames a finished file; where the cache is shared by machines, another may have been first with the same content. */
async function moveIntoPlace(part: string, blob: string, file: HubFile): Promise<void> {
  try {
    await rename(part, blob);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || (await fileSize(blob)) !== file.size) throw error;
  }
}

/** The partial file while it is written. */
interface Partial {
  readonly handle: FileHandle;
  /** Over the first `have` bytes. */
  hash: Hash;
  have: number;
}

/** Completes the partial file and checks it. */
async function fill(path: string, transfer: Transfer): Promise<void> {
  const { file, connection, advance, signal } = transfer;
  const { size, digest } = file;
  const left = (await fileSize(path)) ?? 0;
  const have = left <= size ? left : 0;
  const hash = startHash(file);
  if (have > 0)
    for await (const chunk of createReadStream(path, { end: have - 1, highWaterMark: 1 << 20 })) hash.update(chunk);
  const part: Partial = { handle: await open(path, have > 0 ? "r+" : "w"), hash, have };
  advance(have);
  try {
    for (let fruitless = 0; part.have < size; ) {
      const before = part.have;
      try {
        await receive(part, transfer);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof BrokenOffError || error instanceof HubUnreachableError)) throw error;
        fruitless = part.have > before ? 0 : fruitless + 1;
        if (fruitless >= FRUITLESS_TRIES) throw error;
        await connection.pause(fruitless);
      }
    }
    await part.handle.truncate(size);
    await part.handle.sync();
  } finally {
    await part.handle.close();
  }
  const found = part.hash.digest("hex");
  if (found !== digest.hex) throw new DamagedError(`${digest.algorithm} ${found}`);
}

/** One request: takes over what comes after the bytes that are there; never more than the file's size. */
async function receive(
  part: Partial,
  { connection, repository, commit, file, stall, advance }: Transfer,
): Promise<void> {
  const { response, abort } = await connection
    .open(`${repository}/resolve/${commit}/${file.path}`, part.have)
    .catch((error) => {
      throw error instanceof HubAnswerError && error.status === 416 ? new DamagedError("status 416") : error;
    });
  const range = response.headers.get("content-range");
  if (response.status === 206 && !range?.startsWith(`bytes ${part.have}-`)) {
    await response.body?.cancel();
    throw new DamagedError(`content-range ${range}`);
  }
  if (response.status !== 206 && part.have > 0) {
    // The server knows no ranges and starts over.
    part.have = 0;
    part.hash = startHash(file);
  }
  const body = guardedBody(response, stall, abort);
  for (;;) {
    const { done, value } = await body.next().catch((cause: Error) => {
      throw new BrokenOffError(`the transfer of ${file.path} broke off after ${part.have} bytes: ${cause.message}`);
    });
    if (done) break;
    if (part.have + value.length > file.size) {
      abort(new Error("too long"));
      throw new DamagedError(`more than ${file.size} bytes`);
    }
    // Gathering chunks into writes of 1 MB saved 6 % of the processor's time, and would lose what a kill interrupts.
    await part.handle.write(value, 0, value.length, part.have);
    part.hash.update(value);
    part.have += value.length;
    advance(part.have);
  }
  if (part.have < file.size) {
    throw new BrokenOffError(`the transfer of ${file.path} ended after ${part.have} of ${file.size} bytes`);
  }
}
