import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { InputError } from "../errors.js";
import type { FileOptions } from "./file-options.js";
import { openJsonl } from "./jsonl/jsonl.js";
import type { Source } from "./source.js";

/**
 * The reader of each extension. The code of Parquet and Arrow is loaded with the first file of the format, as most runs
 * need one.
 */
const FORMATS: readonly { extension: RegExp; open: (options: FileOptions) => Promise<Source> }[] = [
  { extension: /\.(jsonl|ndjson)$/i, open: openJsonl },
  { extension: /\.(jsonl|ndjson)\.gz$/i, open: (options) => openJsonl({ ...options, compression: "gzip" }) },
  { extension: /\.(jsonl|ndjson)\.zst$/i, open: (options) => openJsonl({ ...options, compression: "zstd" }) },
  { extension: /\.parquet$/i, open: async (options) => (await import("./parquet/parquet.js")).openParquet(options) },
  {
    extension: /\.(arrow|feather)$/i,
    open: async (options) => (await import("./arrow/arrow.js")).openArrow(options),
  },
];

const EXPECTED = ".jsonl .ndjson (also .gz .zst) .parquet .arrow .feather";

/** The input name of standard input. */
export const STDIN = "-";

function formatOf(path: string) {
  return FORMATS.find(({ extension }) => extension.test(path));
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

/**
 * Turns files, folders and globs into a list of files, in the order given; the files of each folder or glob are sorted.
 * A folder stands for all files in it with a known extension, at any depth, except hidden files and files in the output
 * folder `out`. A glob stands for its matches with a known extension, except files in `out` that bear one of the names
 * `outputs`: an earlier run left them there.
 * @throws InputError naming what is missing, has no known extension or matches nothing
 */
export async function expandInputs(
  inputs: readonly string[],
  out: string,
  outputs: ReadonlySet<string>,
): Promise<string[]> {
  const files: string[] = [];
  for (const input of inputs) {
    if (input === STDIN) {
      files.push(STDIN);
      continue;
    }
    const found = await stat(input).catch(() => undefined);
    if (found?.isFile()) {
      if (formatOf(input) === undefined) throw new InputError(`${input} has no known extension; expected ${EXPECTED}`);
      files.push(input);
    } else if (found?.isDirectory()) {
      const { glob } = await import("tinyglobby");
      const all = await glob("**/*", { cwd: input, expandDirectories: false });
      const known = all.map((file) => `${input.replace(/\/+$/, "")}/${file}`).filter(formatOf);
      const outside = known.filter((file) => !isInside(file, out));
      if (outside.length === 0) {
        const where = known.length > 0 ? ` outside the output folder ${out}` : "";
        throw new InputError(`folder ${input} holds no file that can be read${where}; expected ${EXPECTED}`);
      }
      files.push(...inOrder(outside));
    } else if (found !== undefined) {
      throw new InputError(`${input} is neither a file nor a folder; pipe it in with "-" if it holds JSONL`);
    } else {
      if (!/[*?[\]{}!()]/.test(input)) throw new InputError(`input ${input} does not exist; check the path`);
      const { glob } = await import("tinyglobby");
      const matches = await glob(input, { expandDirectories: false, absolute: input.startsWith("/") });
      const isOutput = (file: string) => outputs.has(basename(file)) && resolve(dirname(file)) === resolve(out);
      const known = matches.filter((file) => formatOf(file) !== undefined && !isOutput(file));
      if (known.length === 0)
        throw new InputError(`no file with a known extension matches ${input}; expected ${EXPECTED}`);
      files.push(...inOrder(known));
    }
  }
  return files;
}

/** Saves standard input to a file, so that it can be read twice. */
export async function spoolStdin(path: string, stdin: NodeJS.ReadableStream, signal?: AbortSignal): Promise<void> {
  await pipeline(stdin, createWriteStream(path), { signal });
}

/**
 * Opens the files that `expandInputs` found.
 * @param stdinPath where standard input was saved
 * @param memory bytes that the whole program may take, see `FileOptions`
 * @throws InputError where a file cannot be read as what its extension says
 */
export async function openSources(files: readonly string[], stdinPath: string, memory: number): Promise<Source[]> {
  const sources: Source[] = [];
  for (const file of files) {
    if (file === STDIN) sources.push(await openJsonl({ path: stdinPath, name: STDIN }));
    else {
      const source = await (formatOf(file) as (typeof FORMATS)[number]).open({ path: file, name: file, memory });
      sources.push("inferred" in source ? source : await watched(source, file));
    }
  }
  return sources;
}

/**
 * A source whose second pass fails where its file was written to since it was opened: a columnar file is not hashed while it is
 * read, so that its size and time stand for its content.
 */
async function watched(source: Source, path: string): Promise<Source> {
  const before = await stat(path);
  return {
    name: source.name,
    byteLength: source.byteLength,
    scan: (options) => source.scan(options),
    schema: () => source.schema(),
    async *read(options) {
      yield* source.read(options);
      const { size, mtimeMs } = await stat(path);
      if (size === before.size && mtimeMs === before.mtimeMs) return;
      throw new Error(`the input changed during the run: ${source.name} was written to while it was read; start again`);
    },
  };
}
