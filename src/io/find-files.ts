import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { InputError } from "../errors.js";
import { shellWord } from "../shell-word.js";
import { remoteCure } from "./foreign.js";

/** The input name of standard input. */
export const STDIN = "-";

/** Extensions that a file in a folder must have; a file that is named itself may have any name. */
const KNOWN =
  /\.(jsonl|ndjson|json|csv|tsv|parquet|arrow|feather)$|\.(jsonl|ndjson|json|csv|tsv)\.(gz|gzip|zst|zstd)$/i;

const EXPECTED = ".jsonl .ndjson .json .csv .tsv (each also .gz .zst) .parquet .arrow .feather";

/** Files that describe a data set and hold no rows of it, as Hugging Face's datasets and this program write them. */
const DESCRIPTIONS = new Set([
  "dataset_info.json",
  "dataset_infos.json",
  "dataset_dict.json",
  "state.json",
  "manifest.json",
]);

/** Folders beside the files of a table whose log says which of the files are live. */
const LOGS: readonly { readonly folder: string; readonly what: string }[] = [
  { folder: "_delta_log", what: "a Delta Lake table" },
  { folder: ".hoodie", what: "a Hudi table" },
];

/** The files of the inputs. */
export interface FoundFiles {
  /** Paths in the order of the inputs, as given or below a folder as given; `STDIN` for standard input. */
  readonly files: readonly string[];
  /** Paths of the files in folders that were passed over although their extension is known. */
  readonly ignored: readonly string[];
}

/**
 * Turns files, pipes, folders and globs into a list of files, in the order given; the files of each folder or glob are sorted.
 * A folder stands for the files in it with a known extension, at any depth, without
 * - names that begin with a dot or an underscore, as Spark's `_SUCCESS` and `_temporary`,
 * - descriptions, and files that the `state.json` of a Hugging Face data set does not list, as its caches,
 * - everything but the kept rows where the folder is one that bge-dedup wrote,
 * - the output folder `out`.
 * A glob stands for its matches with a known extension, except files in `out` that bear one of the names `outputs`: an
 * earlier run left them there.
 * @throws InputError naming what is missing, is no file or folder, or matches nothing
 */
export async function findFiles(
  inputs: readonly string[],
  out: string,
  outputs: ReadonlySet<string>,
): Promise<FoundFiles> {
  const files: string[] = [];
  const ignored: string[] = [];
  for (const input of inputs) {
    const found = input === STDIN ? undefined : await stat(input).catch(() => undefined);
    if (input === STDIN || found?.isFile() || found?.isFIFO() || found?.isCharacterDevice()) files.push(input);
    else if (found?.isDirectory()) {
      const folder = await filesOfFolder(input, out);
      files.push(...folder.files);
      ignored.push(...folder.ignored);
    } else if (found !== undefined) {
      throw new InputError(
        `${input} is neither a file nor a folder; pipe it in: cat ${shellWord(input)} | bge-dedup -`,
      );
    } else files.push(...(await filesOfGlob(input, out, outputs)));
  }
  return { files, ignored };
}

async function filesOfFolder(folder: string, out: string): Promise<FoundFiles> {
  const { glob } = await import("tinyglobby");
  for (const log of LOGS) {
    const found = await stat(join(folder, log.folder)).catch(() => undefined);
    if (found === undefined) continue;
    throw new InputError(
      `folder ${folder} is ${log.what}, whose log says which files are live; write its rows to Parquet files first`,
    );
  }
  const root = folder.replace(/\/+$/, "") || "/";
  const all = await glob("**/*", { cwd: folder, expandDirectories: false, absolute: false });
  const known = all.filter((file) => KNOWN.test(file) && !DESCRIPTIONS.has(basename(file)));
  const path = (file: string) => (root === "/" ? `/${file}` : `${root}/${file}`);
  const outside = known.filter((file) => !isInside(path(file), out));
  // As Spark has it: a partition may be called anything.
  const hidden = (file: string) => file.split("/").some((part) => part.startsWith("_") && !part.includes("="));
  const rows = await holdsRows(folder, all);
  const once = await withoutLinks(inOrder(outside.map(path)));
  const taken = outside.filter((file) => !hidden(file) && rows(file) && once.has(path(file)));
  const isTaken = new Set(taken);
  if (taken.length > 0) {
    return {
      files: inOrder(taken.map(path)),
      ignored: inOrder(outside.filter((file) => !isTaken.has(file)).map(path)),
    };
  }
  const where = known.length > outside.length ? ` outside the output folder ${out}` : "";
  throw new InputError(`folder ${folder} holds no file that can be read${where}; expected ${EXPECTED}`);
}

/** Of several paths that links make of one file, the first. */
async function withoutLinks(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const first = new Map<string, string>();
  for (const path of paths) {
    const real = await realpath(path);
    if (!first.has(real)) first.set(real, path);
  }
  return new Set(first.values());
}

/**
 * Tells which files hold rows of a data set, where a folder says so: a data set that Hugging Face's `save_to_disk` wrote
 * lists its files in `state.json`, and of a folder that bge-dedup wrote only the kept rows count.
 */
async function holdsRows(folder: string, files: readonly string[]): Promise<(file: string) => boolean> {
  const listed = new Map<string, ReadonlySet<string>>();
  for (const file of files) {
    const name = basename(file);
    if (name !== "state.json" && name !== "manifest.json") continue;
    const names = rowFiles(await readFile(join(folder, file), "utf8").catch(() => ""));
    if (names !== undefined) listed.set(dirname(file), names);
  }
  return (file) => listed.get(dirname(file))?.has(basename(file)) ?? true;
}

/** The names of the files with rows that a description lists; undefined where it is of another kind. */
function rowFiles(description: string): ReadonlySet<string> | undefined {
  try {
    const { _data_files, command, files } = JSON.parse(description) as Record<string, unknown>;
    if (Array.isArray(_data_files)) return new Set(_data_files.map(({ filename }) => String(filename)));
    if (command !== "bge-dedup" || !Array.isArray(files)) return undefined;
    return new Set(files.filter((name) => /^kept\./.test(String(name))).slice(0, 1));
  } catch {
    return undefined;
  }
}

async function filesOfGlob(input: string, out: string, outputs: ReadonlySet<string>): Promise<string[]> {
  const cure = remoteCure(input, shellWord(input));
  if (cure !== undefined) throw new InputError(`${input} is not on this machine; ${cure}`);
  if (!/[*?[\]{}!()]/.test(input)) throw new InputError(`input ${input} does not exist; check the path`);
  const { glob } = await import("tinyglobby");
  const matches = await glob(input, { expandDirectories: false, absolute: input.startsWith("/") });
  const isOutput = (file: string) => outputs.has(basename(file)) && resolve(dirname(file)) === resolve(out);
  const known = matches.filter((file) => KNOWN.test(file) && !DESCRIPTIONS.has(basename(file)) && !isOutput(file));
  if (known.length > 0) return inOrder(known);
  throw new InputError(`no file with a known extension matches ${input}; expected ${EXPECTED}`);
}

/**
 * The folders and files that match a glob, sorted; without those whose names begin with a dot.
 * @param inside name of a file: folders that hold it are found even where the match is a link to a folder
 */
export async function matchesOfGlob(pattern: string, inside: string): Promise<string[]> {
  const { glob } = await import("tinyglobby");
  const options = { expandDirectories: false, absolute: pattern.startsWith("/") };
  const [all, files] = await Promise.all([
    glob(pattern, { ...options, onlyFiles: false }),
    glob(`${pattern}/${inside}`, options),
  ]);
  return inOrder([...new Set([...all.map((path) => path.replace(/\/+$/, "")), ...files.map(dirname)])]);
}

/** Sorts by code units, which gives the same order on every machine and in every locale, unlike the order on disk. */
function inOrder(paths: string[]): string[] {
  return paths.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** True where a file lies in a folder, at any depth. On Windows the relative path to another drive is absolute. */
function isInside(file: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(file));
  return !isAbsolute(way) && way !== ".." && !way.startsWith(`..${sep}`);
}
