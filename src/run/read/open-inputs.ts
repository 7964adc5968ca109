import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { withAddedColumns } from "../../io/added-columns.js";
import { STDIN } from "../../io/find-files.js";
import { type FileStamp, type InputFile, openSources } from "../../io/open-sources.js";
import type { RunContext, SharedOptions } from "../options.js";
import { type FileRecord, fileRecord } from "../work/manifest.js";
import { findInputs } from "./find-inputs.js";

/** An input as the manifest describes it. */
export interface InputRecord extends FileRecord {
  readonly format: string;
  /** Records of the file, rejected ones too, and the number of the first of them. */
  readonly rows: number;
  readonly first_row: number;
}

/**
 * Saves standard input and pipes to files of a folder, because every input is read several times.
 * @returns the path of the copy by the name of the input
 */
export async function copyPipes(
  names: readonly string[],
  folder: string,
  { stdin, signal }: Pick<RunContext, "stdin" | "signal">,
): Promise<Map<string, string>> {
  const copies = new Map<string, string>();
  for (const [at, name] of names.entries()) {
    if (copies.has(name) || (name !== STDIN && (await stat(name)).isFile())) continue;
    await mkdir(folder, { recursive: true });
    const copy = join(folder, String(at));
    const content = name === STDIN ? stdin : createReadStream(name);
    await pipeline(content, createWriteStream(copy), { signal });
    copies.set(name, copy);
  }
  return copies;
}

/**
 * Finds, recognises and opens the inputs, with the columns that their paths add.
 * @param folder where standard input and pipes are saved; made if it is needed
 */
export async function openInputs(shared: SharedOptions, folder: string, context: RunContext): Promise<InputFile[]> {
  const found = await findInputs(shared, context.reporter.note);
  const copies = await copyPipes(found, folder, context);
  return openFiles(found, { shared, copies });
}

/**
 * Recognises and opens files, with the columns that their paths add.
 * @param options.copies where the content of standard input and of pipes was saved, by name
 * @param options.stamps what each file was when it was scanned before, see `openSources`
 * @param options.all names of all files of the run and the place of these ones among them, where there are more
 * @throws InputError where a file cannot be recognised or read
 */
export async function openFiles(
  names: readonly string[],
  options: {
    readonly shared: SharedOptions;
    readonly copies: ReadonlyMap<string, string>;
    readonly stamps?: readonly FileStamp[];
    readonly all?: { readonly names: readonly string[]; readonly first: number };
  },
): Promise<InputFile[]> {
  const { shared, copies, stamps, all } = options;
  const wishes = { format: shared.inputFormat, delimiter: shared.delimiter };
  const files = await openSources(names, { copies, memory: shared.memory, wishes, stamps });
  const sources = withAddedColumns(
    files.map(({ source }) => source),
    { sourceField: shared.sourceField, ...all },
  );
  return files.map((file, at) => ({ ...file, source: sources[at] }));
}

/** Identifies an input. Files of records are hashed while they are read; every other format is read once more here. */
export async function identifyInput({ source, path }: InputFile): Promise<FileRecord> {
  const { name, byteLength, sha256 } = source;
  return sha256 === undefined ? await fileRecord(path, name) : { name, bytes: byteLength, sha256 };
}
