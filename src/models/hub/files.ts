import { onnxCandidates } from "../onnx-files.js";
import type { Dtype } from "../spec.js";

/** A file of a repository as the hub lists it. */
export interface HubFile {
  /** Path with forward slashes. It is always one of the names below, so it cannot lead out of a folder. */
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /**
   * SHA-256 of the content, or git's blob id (SHA-1 over a header and the content). The hex digits name the blob in the
   * cache.
   */
  readonly digest: { readonly algorithm: "sha256" | "git-sha1"; readonly hex: string };
}

/** An entry of the hub's answer before it is checked. */
export interface ListedFile {
  readonly path?: unknown;
  readonly size?: unknown;
  readonly oid?: unknown;
  readonly lfs?: { readonly oid?: unknown; readonly size?: unknown };
}

/** The file that every model needs. */
export const REQUIRED_FILE = "tokenizer.json";

/** Files that describe a model further, if the repository has them. */
export const OPTIONAL_FILES: readonly string[] = [
  "config.json",
  "tokenizer_config.json",
  "sentence_bert_config.json",
  "1_Pooling/config.json",
  "modules.json",
];

/** Whether a path is a file of weights of the ONNX file `onnx`, by the names that exporters give. */
function isDataOf(onnx: string, path: string): boolean {
  return path.startsWith(onnx) && /^[._]data(_\d{1,3})?$/.test(path.slice(onnx.length));
}

/** The files of a repository that a model needs. */
export interface WantedFiles {
  readonly dtype: Dtype;
  /** All files, the ONNX file last: once it is present, all others are. */
  readonly files: readonly HubFile[];
  /** Optional files that the repository lacks. */
  readonly absent: readonly string[];
}

/**
 * Checks an entry of the answer.
 * @throws Error if its size or digest is malformed
 */
function toHubFile({ path, size, oid, lfs }: ListedFile): HubFile {
  const bytes = lfs?.size ?? size;
  const hex = lfs?.oid ?? oid;
  const algorithm = lfs === undefined ? "git-sha1" : "sha256";
  const digits = algorithm === "sha256" ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/;
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0 || typeof hex !== "string" || !digits.test(hex)) {
    throw new Error(`the hub lists ${path} with size ${bytes} and ${algorithm} ${hex}; expected bytes and hex digits`);
  }
  return { path: path as string, size: bytes as number, digest: { algorithm, hex } };
}

/**
 * Picks the files of one dtype from a listing. Entries with other names are ignored, whatever they contain.
 * @returns `wanted`: the files, absent if the tokenizer or the ONNX file is missing; `tokenizer`: whether there is a
 * tokenizer; `onnx`: the ONNX files that there are
 * @throws Error if a wanted entry is malformed
 */
export function chooseFiles(
  listing: readonly ListedFile[],
  dtype: Dtype | "auto",
): { wanted?: WantedFiles; tokenizer: boolean; onnx: readonly string[] } {
  const byPath = new Map<unknown, ListedFile>(listing.map((entry) => [entry.path, entry]));
  const tokenizer = byPath.get(REQUIRED_FILE);
  const onnx = onnxCandidates("auto")
    .map(({ path }) => path)
    .filter((path) => byPath.has(path));
  const chosen = onnxCandidates(dtype).find(({ path }) => byPath.has(path));
  if (tokenizer === undefined || chosen === undefined) return { tokenizer: tokenizer !== undefined, onnx };
  const entries = [
    tokenizer,
    ...OPTIONAL_FILES.flatMap((path) => byPath.get(path) ?? []),
    ...listing.filter(({ path }) => typeof path === "string" && isDataOf(chosen.path, path)),
    byPath.get(chosen.path) as ListedFile,
  ];
  const absent = OPTIONAL_FILES.filter((path) => !byPath.has(path));
  return { wanted: { dtype: chosen.dtype, files: entries.map(toHubFile), absent }, tokenizer: true, onnx };
}
