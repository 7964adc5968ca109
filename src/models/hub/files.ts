import { onnxCandidates } from "../onnx-files.js";
import type { Dtype } from "../spec.js";

/** A file of a repository as the hub lists it. */
export interface HubFile {
  /** With forward slashes; always one of the names below, so it cannot lead out of a folder. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of the content, or git's blob id (SHA-1 over a header and the content). Its hex digits name the blob. */
  readonly digest: { readonly algorithm: "sha256" | "git-sha1"; readonly hex: string };
}

/** An entry of the hub's answer, before it is trusted. */
export interface ListedFile {
  readonly path?: unknown;
  readonly size?: unknown;
  readonly oid?: unknown;
  readonly lfs?: { readonly oid?: unknown; readonly size?: unknown };
}

/** What a model cannot do without. */
export const REQUIRED_FILE = "tokenizer.json";

/** What says more about a model, where the repository has it. */
export const OPTIONAL_FILES: readonly string[] = [
  "config.json",
  "tokenizer_config.json",
  "sentence_bert_config.json",
  "1_Pooling/config.json",
  "modules.json",
];

/** Whether a path is a file of weights that belongs to the ONNX file `onnx`, by the names that exporters give them. */
function isDataOf(onnx: string, path: string): boolean {
  return path.startsWith(onnx) && /^[._]data(_\d{1,3})?$/.test(path.slice(onnx.length));
}

/** What of a repository is wanted. */
export interface WantedFiles {
  readonly dtype: Dtype;
  /** The ONNX file last: where it lies, all else lies. */
  readonly files: readonly HubFile[];
  /** Optional files that the repository does not have. */
  readonly absent: readonly string[];
}

/** Takes over an entry of the answer. @throws Error where size or digest are not what they must be */
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
 * Picks the files of one dtype from a listing; names that it does not look for are passed over, whatever they are.
 * @returns undefined in place of a file set where the tokenizer or the ONNX file is missing, with what ONNX files there are
 * @throws Error where a wanted entry is malformed
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
