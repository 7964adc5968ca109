import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { inspectModel } from "../../onnx/inspect.js";
import { onnxCandidates } from "../onnx-files.js";
import type { Dtype } from "../spec.js";
import { type HubFile, OPTIONAL_FILES, REQUIRED_FILE } from "./files.js";

/**
 * A model in the cache that all tools of the hub share. For each repository the cache holds:
 *
 *     models--owner--name/blobs/<digest>             content, named by its digest
 *     models--owner--name/snapshots/<commit>/<path>  relative link to the blob
 *     models--owner--name/refs/main                  the commit that was last fetched
 *     models--owner--name/.no_exist/<commit>/<path>  empty: the repository has no such file
 *     .locks/models--owner--name/                    locks
 *
 * A reference is written after everything that it leads to, so a snapshot with a reference is complete.
 */
export interface CachedModel {
  readonly folder: string;
  readonly dtype: Dtype;
  /** True if every optional file is present or known not to exist, so that the hub need not be asked. */
  readonly complete: boolean;
}

/** The branch that is fetched, as every tool does by default. */
export const BRANCH = "main";

/** Largest ONNX file without weights, in bytes. A larger file contains its weights. */
const LARGEST_BARE_GRAPH = 16 * 2 ** 20;

/**
 * Folder of a repository in the cache.
 * @param repository `owner/name`, checked by `isRepository`
 */
export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, `models--${repository.replace("/", "--")}`);
}

/** Path of the lock that a download of the repository holds. */
export function lockPath(cache: string, repository: string): string {
  return join(cache, ".locks", `models--${repository.replace("/", "--")}`, "bge-dedup.lock");
}

/**
 * Whether a name has the form that hubs give: `owner/name` of letters, digits, `_ . -`, without `--`, `..` or a dot at
 * an end.
 */
export function isRepository(name: string): boolean {
  const part = /^(?!.*(--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/;
  const parts = name.split("/");
  return parts.length === 2 && parts.every((each) => part.test(each));
}

/** Size of the file that a path or link leads to; undefined if there is no file. */
export async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/** Commit of the snapshot that was last fetched; undefined if there is none. */
async function currentSnapshot(repository: string): Promise<string | undefined> {
  const commit = (await readFile(join(repository, "refs", BRANCH), "utf8").catch(() => "")).trim();
  return /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
}

/** Whether an ONNX file is present with all the files of weights that it names. */
async function onnxIsWhole(path: string): Promise<boolean> {
  const size = await fileSize(path);
  if (size === undefined) return false;
  if (size > LARGEST_BARE_GRAPH) return true;
  let names: readonly string[];
  try {
    names = inspectModel(await readFile(path)).externalFiles;
  } catch {
    return true; // Damaged: whoever opens it says so better than a download in its place.
  }
  const sizes = await Promise.all(names.map((name) => fileSize(join(dirname(path), name))));
  return sizes.every((each) => each !== undefined);
}

/** Finds a model in the cache without a network; undefined if the cached files are not sufficient. */
export async function findCached(
  cache: string,
  repository: string,
  dtype: Dtype | "auto",
): Promise<CachedModel | undefined> {
  const root = repositoryFolder(cache, repository);
  const commit = await currentSnapshot(root);
  if (commit === undefined) return undefined;
  const folder = join(root, "snapshots", commit);
  if ((await fileSize(join(folder, REQUIRED_FILE))) === undefined) return undefined;
  for (const candidate of onnxCandidates(dtype)) {
    if (!(await onnxIsWhole(join(folder, candidate.path)))) continue;
    let complete = true;
    for (const path of OPTIONAL_FILES) {
      const known = [join(folder, path), join(root, ".no_exist", commit, path)];
      complete &&= (await Promise.all(known.map(fileSize))).some((size) => size !== undefined);
    }
    return { folder, dtype: candidate.dtype, complete };
  }
  return undefined;
}

/** Puts a file in place as a whole: `make` writes it beside its place, then it is renamed. */
async function replaceFile(path: string, make: (path: string) => Promise<void>): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  await mkdir(dirname(path), { recursive: true });
  await rm(fresh, { force: true });
  await make(fresh);
  await rename(fresh, path);
}

/** Path of a file's blob. The name consists of hex digits, which were checked when the listing was read. */
export function blobPath(repository: string, file: HubFile): string {
  return join(repository, "blobs", file.digest.hex);
}

/**
 * Publishes a snapshot whose blobs are all present.
 * @returns the folder of the snapshot
 */
export async function publishSnapshot(options: {
  /** Folder of the repository in the cache. */
  repository: string;
  commit: string;
  files: readonly HubFile[];
  absent: readonly string[];
}): Promise<string> {
  const { repository, commit, files, absent } = options;
  const folder = join(repository, "snapshots", commit);
  for (const file of files) {
    const pointer = join(folder, file.path);
    const blob = blobPath(repository, file);
    await replaceFile(pointer, async (path) => {
      await symlink(relative(dirname(pointer), blob), path).catch((error: NodeJS.ErrnoException) => {
        // Windows lets only some users make links; the other tools, too, then copy the file.
        if (error.code !== "EPERM" && error.code !== "ENOTSUP") throw error;
        return copyFile(blob, path);
      });
    });
  }
  for (const path of absent) await replaceFile(join(repository, ".no_exist", commit, path), (to) => writeFile(to, ""));
  await replaceFile(join(repository, "refs", BRANCH), (to) => writeFile(to, commit));
  return folder;
}

/** A repository of the cache that this program can use. */
export interface CachedRepository {
  readonly repository: string;
  readonly dtypes: readonly Dtype[];
  /** Bytes of all blobs of the repository, those of other tools included. */
  readonly size: number;
}

/** Bytes of all files in a folder, not counting subfolders. */
async function folderSize(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => fileSize(join(folder, name))));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Lists the dtypes of a repository that the cache holds, and the disk space that the repository takes. */
export async function describeCached(cache: string, repository: string): Promise<CachedRepository> {
  const dtypes: Dtype[] = [];
  for (const dtype of ["fp32", "fp16", "int8"] as const) {
    if ((await findCached(cache, repository, dtype)) !== undefined) dtypes.push(dtype);
  }
  return { repository, dtypes, size: await folderSize(join(repositoryFolder(cache, repository), "blobs")) };
}

/** Names of all repositories in the cache, those of other tools included; empty if there is no cache. */
export async function cachedRepositories(cache: string): Promise<string[]> {
  const entries = await readdir(cache, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && entry.name.startsWith("models--"))
    .map((entry) => entry.name.slice("models--".length).split("--").join("/"))
    .filter(isRepository)
    .sort();
}

/**
 * Removes a repository from the cache, files of other tools included.
 * @returns the bytes freed
 */
export async function removeCached(cache: string, repository: string): Promise<number> {
  const folder = repositoryFolder(cache, repository);
  const size = await folderSize(join(folder, "blobs"));
  // The reference goes first, so that nobody starts to use the snapshot while its files are removed.
  await rm(join(folder, "refs"), { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
  return size;
}
