import { existsSync } from "node:fs";
import { mkdir, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../../errors.js";
import { LockHeldError, takeLock } from "../../io/lock.js";
import type { Reporter } from "../../reporter.js";
import { findKnownModel } from "../registry.js";
import type { Dtype } from "../spec.js";
import { BRANCH, findCached, lockPath, publishSnapshot, removeCached, repositoryFolder } from "./cache.js";
import { connectHub, explain, explainDisk, type HubConnection, WAYS_OUT } from "./connection.js";
import { blobIsWhole, downloadBlob } from "./download.js";
import { chooseFiles, type ListedFile, type WantedFiles } from "./files.js";
import type { HubSettings } from "./settings.js";

/** Options of `fetchModel`. */
export interface FetchOptions {
  /** `owner/name`, checked by `isRepository`. */
  readonly repository: string;
  readonly dtype: Dtype | "auto";
  readonly settings: HubSettings;
  /** Asks the hub for its newest state and checks the content of cached files, even if the cache is complete. */
  readonly refresh?: boolean;
  readonly reporter?: Pick<Reporter, "stage" | "note">;
  readonly signal?: AbortSignal;
}

/** Most entries of a listing; a repository of one model has dozens. */
const MOST_ENTRIES = 10_000;
/** Bytes that must stay free on the disk beside the download. */
const SPARE_BYTES = 64 * 2 ** 20;
/** Milliseconds between two attempts to take a lock that another process holds. */
const LOCK_POLL = 250;

/** Formats bytes for a person, in powers of ten as hubs and disks count. */
export function formatSize(bytes: number): string {
  const [divisor, unit] = bytes >= 1e9 ? [1e9, "GB"] : bytes >= 1e6 ? [1e6, "MB"] : [1e3, "kB"];
  const value = bytes / divisor;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

/**
 * Makes sure that a model's files are in the cache. A complete model is used without asking the hub. Of several
 * processes that want the same model, one downloads and the others wait.
 * @returns the folder of the model
 * @throws UnavailableError with the ways out if the model cannot be had
 */
export async function fetchModel(options: FetchOptions): Promise<string> {
  const { repository, dtype, settings, refresh, reporter, signal } = options;
  const { cache, offline } = settings;
  const cached = await findCached(cache, repository, dtype);
  if (cached?.complete && !refresh) return cached.folder;
  /** The cached files suffice to run the model, but the hub may have more. */
  const usable = refresh ? undefined : cached?.folder;
  if (offline) {
    if (usable !== undefined) return usable;
    const state = refresh ? "is not looked for at the hub" : `(dtype ${dtype}) is not in ${cache}`;
    throw new UnavailableError(`model ${repository} ${state}: HF_HUB_OFFLINE is set; unset it, or other ${WAYS_OUT}`);
  }
  try {
    const release = await lockRepository(options);
    try {
      const meanwhile = await findCached(cache, repository, dtype);
      if (meanwhile?.complete && !refresh) return meanwhile.folder;
      return await download(options);
    } finally {
      await release();
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (usable === undefined) throw explain(error, repository, settings);
    reporter?.note(`${(error as Error).message}; ${repository} is used as it lies in the cache`);
    return usable;
  }
}

/**
 * Removes a repository from the cache, after waiting for any download of it.
 * @returns the bytes freed; undefined if the cache did not hold the repository
 */
export async function removeModel(options: Omit<FetchOptions, "dtype" | "refresh">): Promise<number | undefined> {
  const { repository, settings } = options;
  if (!existsSync(repositoryFolder(settings.cache, repository))) return undefined;
  const release = await lockRepository({ ...options, dtype: "auto" });
  try {
    return await removeCached(settings.cache, repository);
  } finally {
    await release();
  }
}

/**
 * Takes the lock of a repository and waits if another process holds it.
 * @returns a function that releases the lock
 */
async function lockRepository({ repository, settings, reporter, signal }: FetchOptions): Promise<() => Promise<void>> {
  const path = lockPath(settings.cache, repository);
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw explainDisk(error, settings.cache) ?? error;
  }
  for (let told = false; ; ) {
    try {
      return await takeLock(path, { note: (message) => reporter?.note(message) });
    } catch (error) {
      // Another process may have removed the lock and taken it at the same moment.
      if (!(error instanceof LockHeldError) && (error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw explainDisk(error, settings.cache) ?? error;
      }
      if (!told && error instanceof LockHeldError) {
        reporter?.note(`${error.holder} has been fetching ${repository} since ${error.since}; waiting for it`);
        told = true;
      }
    }
    await sleep(LOCK_POLL, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Asks for the listing and downloads what is missing. The caller holds the lock. */
async function download(options: FetchOptions): Promise<string> {
  const { repository, settings, signal } = options;
  const connection = await connectHub(settings, signal);
  const { commit, wanted } = await listWanted(connection, options);
  const folder = repositoryFolder(settings.cache, repository);
  await bringBlobs({ ...options, connection, commit, wanted, folder });
  const snapshot = await publishSnapshot({ repository: folder, commit, files: wanted.files, absent: wanted.absent });
  if ((await findCached(settings.cache, repository, wanted.dtype)) === undefined) {
    throw new UnavailableError(
      `the ONNX file of ${repository} keeps its weights in a file that is not named after it as exporters do; ` +
        "download the repository into a folder and give that to --model",
    );
  }
  return snapshot;
}

/** Downloads the missing blobs, after checking the free space on the disk. */
async function bringBlobs(
  options: FetchOptions & { connection: HubConnection; commit: string; wanted: WantedFiles; folder: string },
): Promise<void> {
  const { repository, settings, refresh, reporter, connection, commit, wanted, folder, signal } = options;
  const missing = [];
  for (const file of wanted.files) {
    if (!(await blobIsWhole(folder, file, refresh === true))) missing.push(file);
  }
  if (missing.length === 0) return;
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  const { bavail, bsize } = await statfs(settings.cache);
  if (bavail * bsize < total + SPARE_BYTES) {
    throw new UnavailableError(
      `model ${repository} needs ${formatSize(total)} in ${settings.cache}, where ${formatSize(bavail * bsize)} are free; ` +
        "make room or set HF_HOME to a folder on another disk",
    );
  }
  reporter?.note(`downloading ${repository} (${wanted.dtype}), ${formatSize(total)}, to ${settings.cache}`);
  const stage = reporter?.stage("download", total, "MB");
  let before = 0;
  for (const file of missing) {
    const advance = (bytes: number) => stage?.advance(before + bytes, Math.round((before + bytes) / 1e5) / 10);
    await downloadBlob({ connection, repository, commit, file, folder, signal, advance });
    before += file.size;
  }
  stage?.end();
}

/** Asks for the newest commit and picks its wanted files. */
async function listWanted(
  connection: HubConnection,
  { repository, dtype, settings }: FetchOptions,
): Promise<{ commit: string; wanted: WantedFiles }> {
  // Loading the library takes 0.16 s, and a run whose model is cached does not need it.
  const { listFiles, modelInfo } = await import("@huggingface/hub");
  const hub = { hubUrl: settings.endpoint, fetch: connection.fetchWhole };
  const { sha } = await modelInfo({ ...hub, name: repository, revision: BRANCH, additionalFields: ["sha"] });
  if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha)) {
    throw new Error(`the hub names commit ${sha} for ${repository}; expected 40 hex digits`);
  }
  const listing: ListedFile[] = [];
  for await (const entry of listFiles({ ...hub, repo: repository, revision: sha, recursive: true })) {
    if (entry.type === "file") listing.push(entry);
    if (listing.length > MOST_ENTRIES) throw new Error(`${repository} has more than ${MOST_ENTRIES} files`);
  }
  const { wanted, tokenizer, onnx } = chooseFiles(listing, dtype);
  if (wanted !== undefined) return { commit: sha, wanted };
  if (!tokenizer) throw new UnavailableError(`${repository} has no tokenizer.json; choose a repository that has one`);
  const original = findKnownModel(repository);
  const cure =
    original !== undefined && original.repository !== repository
      ? `--model ${original.name} takes ${original.repository}, which has`
      : onnx.length > 0
        ? "choose another --dtype"
        : "choose a repository that has, or export the model to ONNX";
  throw new UnavailableError(
    `${repository} has no ONNX file for dtype ${dtype}${onnx.length > 0 ? `, but ${onnx.join(", ")}` : ""}; ${cure}`,
  );
}
