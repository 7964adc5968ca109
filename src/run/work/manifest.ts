import { readFileSync } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { sha256File } from "../../io/sha256.js";
import type { ModelSpec } from "../../models/spec.js";
import type { DeviceName } from "../embed/device.js";

/** Name of the file that describes how the outputs came about. */
export const MANIFEST = "manifest.json";

/** A file and the identity of its content. The hash is SHA-256 in hexadecimal. */
export interface FileRecord {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Version of this program, from the nearest package.json above this file that has the program's name. */
export const VERSION: string = packageVersion(new URL(".", import.meta.url), "bge-dedup");

/**
 * Hashes a file as it is on disk.
 * @param name under which the record lists the file
 */
export async function fileRecord(path: string, name: string): Promise<FileRecord> {
  const { size } = await stat(path);
  return { name, bytes: size, sha256: await sha256File(path) };
}

/** The model as the manifest and the summary show it. */
export function modelRecord(model: ModelSpec, dim: number, provider: DeviceName) {
  return {
    name: model.name,
    fingerprint: model.fingerprint,
    dim,
    pooling: model.pooling,
    max_tokens: model.maxTokens,
    dtype: model.dtype,
    device: provider,
  };
}

/** Writes the manifest and syncs it to disk. */
export async function writeManifest(path: string, content: object): Promise<void> {
  const file = await open(path, "w");
  await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
  await file.sync();
  await file.close();
}

/** Reads a manifest; undefined if there is none or it cannot be read. */
export async function readManifestIfAny(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Versions of the libraries that a result may depend on, as installed. */
export function dependencyVersions(): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const name of ["onnxruntime-node", "apache-arrow", "hyparquet", "@huggingface/tokenizers", "ml-kmeans"]) {
    versions[name] = installedVersion(name);
  }
  return versions;
}

/** What a run depended on besides its inputs and options. */
export function environment() {
  return { node: process.version, platform: `${process.platform} ${process.arch}`, ...dependencyVersions() };
}

/** Version of an installed package. The package.json is searched as a file, because packages need not export it. */
function installedVersion(name: string): string {
  return packageVersion(new URL(".", import.meta.resolve(name)), name);
}

/**
 * Version in the nearest package.json of that name, in `folder` or up to seven folders above; "unknown" if there is
 * none.
 */
function packageVersion(folder: URL, name: string): string {
  for (let depth = 0; depth < 8; depth++, folder = new URL("..", folder)) {
    try {
      const json = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (json.name === name && json.version !== undefined) return json.version;
    } catch {}
  }
  return "unknown";
}
