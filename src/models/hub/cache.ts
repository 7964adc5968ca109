import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { inspectModel } from "../../onnx/inspect.js";
import { onnxCandidates } from "../onnx-files.js";
import type { Dtype } from "../spec.js";
import { type HubFile, OPTIONAL_FILES, REQUIRED_FILE } from "./files.js";

/**
 * The cache that the tools of the hub share. For each repository:
 *
 *     models--owner--name/blobs/<digest>             content, by name of its digest
 *     models--owner--name/snapshots/<commit>/<path>  relative link to the blob
 *     models--owner--name/refs/main                  the commit that was last fetched
 *     models--owner--name/.no_exist/<commit>/<path>  empty: the repository has no such file
 *     .locks/models--owner--name/                    locks
 *
 * A reference is written after all that it needs, so what it leads to is complete.
 */
export interface CachedModel {
  readonly folder: string;
  readonly dtype: Dtype;
  /** True where nothing is left to ask: every optional file is there or known not to exist. */
  readonly complete: boolean;
}

/** The one branch that is fetched, as every tool does by default. */
export const BRANCH = "main";

/** More than this an ONNX file is only where it holds the weights itself. */
const LARGEST_BARE_GRAPH = 16 * 2 ** 20;

/**
 * Folder of a repository in the cache.
 * @param repository `owner/name`, checked by `isRepository`
 */
export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, `models--${repository.replace("/", "--")}`);
}

/** The lock that a download of the repository holds. */
export function lockPath(cache: string, repository: string): string {
  return join(cache, ".locks", `models--${repository.replace("/", "--")}`, "bge-dedup.lock");
}

/** Whether a name is one that hubs give: `owner/name`, letters, digits, `_ . -`, no `--`, `..` or dot at an end. */
export function isRepository(name: string): boolean {
  const part = /^(?!.*(--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/;
  const parts = name.split("/");
  return parts.length === 2 && parts.every((each) => part.test(each));
}

/** Size of what a path or link leads to, undefined where that is no file. */
export async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/** The snapshot that was last fetched, undefined where there is none. */
async function currentSnapshot(repository: string): Promise<string | undefined> {
  const commit = (await readFile(join(repository, "refs", BRANCH), "utf8").catch(() => "")).trim();
  return /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
}

/** Whether an ONNX file is there with the files of weights that it names, if any. */
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

/** Finds what of a model the cache holds, without a network; undefined where it cannot be used. */
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

/** Puts a file in place whole: written beside it and renamed. */
async function replaceFile(path: string, make: (path: string) => Promise<void>): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  await mkdir(dirname(path), { recursive: true });
  await rm(fresh, { force: true });
  await make(fresh);
  await rename(fresh, path);
}

/** Path of a file's blob; its name is hex digits, checked when the listing was read. */
export function blobPath(repository: string, file: HubFile): string {
  return join(repository, "blobs", file.digest.hex);
}

/** Publishes a snapshot whose blobs are all there. */
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
        // Windows lets only some users make links; a copy is what the other tools fall back to.
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
  /** Bytes of all its blobs, those of other tools included. */
  readonly size: number;
}

/** Bytes of the files in a folder. */
async function folderSize(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => fileSize(join(folder, name))));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Dtypes that the cache holds of a repository, with what it takes of the disk. */
export async function describeCached(cache: string, repository: string): Promise<CachedRepository> {
  const dtypes: Dtype[] = [];
  for (const dtype of ["fp32", "fp16", "int8"] as const) {
    if ((await findCached(cache, repository, dtype)) !== undefined) dtypes.push(dtype);
  }
  return { repository, dtypes, size: await folderSize(join(repositoryFolder(cache, repository), "blobs")) };
}

/** Repositories in the cache by name, of all tools; empty where there is no cache. */
export async function cachedRepositories(cache: string): Promise<string[]> {
  const entries = await readdir(cache, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && entry.name.startsWith("models--"))
    .map((entry) => entry.name.slice("models--".length).split("--").join("/"))
    .filter(isRepository)
    .sort();
}

/** Removes a repository from the cache, files of other tools included. Returns the bytes freed. */
export async function removeCached(cache: string, repository: string): Promise<number> {
  const folder = repositoryFolder(cache, repository);
  const size = await folderSize(join(folder, "blobs"));
  // Without its reference nobody starts to use it while the rest goes.
  await rm(join(folder, "refs"), { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
  return size;
}
