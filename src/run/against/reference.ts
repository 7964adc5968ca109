import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FailedRunError, InputError } from "../../errors.js";
import { type DedupManifest, readDedupManifest } from "../work/dedup-folder.js";
import { MANIFEST } from "../work/manifest.js";
import { hasPlan } from "../work/publication.js";
import type { ReferenceRecord } from "../work/reference-record.js";
import { EMBEDDINGS } from "../write/output-names.js";

/** A finished result of bge-dedup with whose rows those of a run are compared. Nothing in it is changed or locked. */
export interface Reference {
  /** As it was given. */
  readonly path: string;
  /** Its real path, by which a folder that has two names is known. */
  readonly folder: string;
  readonly manifest: DedupManifest;
  readonly identity: string;
  /** Paths of its tables, of the first format that it has, and of its vectors. */
  readonly kept: string;
  readonly removed: string;
  readonly store: string;
}

/** Formats of tables, those first that are read with the least work. */
const FORMATS = ["arrow", "parquet", "jsonl"];

/**
 * Opens a folder as a reference.
 * @param path as it was given
 * @throws InputError where the folder is none that bge-dedup wrote, or a file is missing, cut short or longer than
 * recorded; where its publication is under way or was cut short
 */
export async function openReference(path: string): Promise<Reference> {
  const manifest = await readDedupManifest(path);
  const names = manifest.outputs.map(({ name }) => name);
  const format = FORMATS.find((each) => names.includes(`kept.${each}`) && names.includes(`removed.${each}`));
  if (format === undefined || !names.includes(EMBEDDINGS)) {
    throw new InputError(
      `reference ${path}: its manifest lists no tables of kept and removed rows; name a folder that bge-dedup wrote`,
    );
  }
  const tables = [`kept.${format}`, `removed.${format}`, EMBEDDINGS];
  for (const { name, bytes } of manifest.outputs) {
    if (!tables.includes(name)) continue;
    const found = await stat(join(path, name)).catch(() => undefined);
    if (found === undefined || found.size !== bytes) {
      const state = found === undefined ? "is missing" : `has ${found.size} bytes, but its manifest says ${bytes}`;
      throw damagedReference(path, `${name} ${state}`);
    }
  }
  const [kept, removed, store] = tables.map((name) => join(path, name));
  return { path, folder: await realpath(path), manifest, identity: identityOf(manifest), kept, removed, store };
}

/** The error for a reference that is damaged. @param what what is wrong with it */
export function damagedReference(path: string, what: string): InputError {
  return new InputError(`reference ${path} is damaged: ${what}; run bge-dedup for that folder again`);
}

/**
 * The identity of a result: a hash over what made its vectors and the hashes of its tables. A repetition that gives the
 * same bytes has the same identity, and so has a folder whose rows bge-cluster has clustered since.
 */
export function identityOf({ model, options, outputs }: DedupManifest): string {
  const { fingerprint, dtype, dim } = model;
  const tables = outputs
    .filter(({ name }) => name === EMBEDDINGS || FORMATS.some((format) => name.endsWith(`.${format}`)))
    .filter(({ name }) => !name.startsWith("guarded") && !name.startsWith("rejects"))
    .map(({ name, sha256 }) => `${name} ${sha256}`)
    .sort();
  const parts = { fingerprint, dtype, dim, textFields: options.textFields, tables };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/**
 * Makes sure that a reference is still the result that was opened.
 * @throws FailedRunError if another run has published into the folder since, or is doing so
 */
export async function requireSameReference({ path, identity }: Reference): Promise<void> {
  const now = hasPlan(path) ? undefined : await readDedupManifest(path).catch(() => undefined);
  if (now !== undefined && identityOf(now) === identity) return;
  throw new FailedRunError(
    `reference ${path} was written anew while it was read, nothing was published; run the same command again`,
  );
}

/** Where a recorded folder may be now, the likeliest place first. @param base folder whose manifest records it */
export function placesOf({ from_out, path, folder }: ReferenceRecord, base: string): string[] {
  return [...new Set([resolve(base, from_out), resolve(path), resolve(folder)])];
}

/**
 * Finds a folder that a manifest records as the result that it was.
 * @param base folder of the manifest
 * @returns its place; `changed` where only other results are at its places; undefined where it is gone
 */
export async function findRecorded(
  record: ReferenceRecord,
  base: string,
): Promise<{ readonly place: string; readonly changed: boolean } | undefined> {
  let other: string | undefined;
  for (const place of placesOf(record, base)) {
    if (!existsSync(join(place, MANIFEST))) continue;
    const manifest = await readDedupManifest(place).catch(() => undefined);
    if (manifest !== undefined && (record.sha256 === undefined || identityOf(manifest) === record.sha256)) {
      return { place, changed: false };
    }
    other ??= place;
  }
  return other === undefined ? undefined : { place: other, changed: true };
}

/**
 * Opens the folder that `_kept_in` of a result names.
 * @param folder the result, and `manifest` its manifest
 * @returns the reference, or in words why its rows cannot be read: it is gone or was written anew
 * @throws InputError as `openReference`
 */
export async function openNamed(folder: string, manifest: DedupManifest, path: string): Promise<Reference | string> {
  const record = manifest.references?.find((each) => each.path === path);
  if (record === undefined) return "the manifest does not list this folder";
  const found = await findRecorded(record, folder);
  if (found === undefined) return `${path} is gone`;
  return found.changed ? `${found.place} was written anew since` : openReference(found.place);
}
