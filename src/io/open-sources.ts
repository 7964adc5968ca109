import { stat } from "node:fs/promises";
import { FailedRunError } from "../errors.js";
import { csvFormat } from "./csv/csv.js";
import type { FormatWishes, InputFormat } from "./input-format.js";
import { openJsonArray, openJsonl } from "./jsonl/jsonl.js";
import { type Recognised, recognise } from "./recognise.js";
import { openRecordFile } from "./record-file.js";
import type { Source } from "./source.js";

/** What a file was when it was read before: the second pass fails where the file is another now. */
export interface FileStamp {
  readonly bytes: number;
  /** Time of the last change, in milliseconds. */
  readonly mtimeMs: number;
  /** SHA-256 of a file of records, which is hashed while it is read. Size and time stand for the content of others. */
  readonly sha256?: string;
}

/** A file to open. */
interface FileToOpen extends Recognised {
  readonly path: string;
  readonly name: string;
  readonly memory: number;
  readonly stamp?: FileStamp;
}

/** The reader of each format. The code of Parquet and Arrow is loaded with the first file, as most runs need one. */
const READERS: Readonly<Record<InputFormat, (file: FileToOpen) => Promise<Source>>> = {
  jsonl: openJsonl,
  json: openJsonArray,
  csv: openCsv,
  tsv: openCsv,
  parquet: async (file) => watched(await (await import("./parquet/parquet.js")).openParquet(file), file),
  arrow: async (file) => watched(await (await import("./arrow/arrow.js")).openArrow(file), file),
};

/** An input file that has been recognised and opened. */
export interface InputFile {
  readonly source: Source;
  readonly format: InputFormat;
  /** Where the content lies; for standard input the path of its copy. */
  readonly path: string;
}

/**
 * Recognises and opens the files that `findFiles` found.
 * @param options.copies where the content of standard input and of pipes was saved, by name
 * @param options.memory bytes that the whole program may take, see `FileOptions`
 * @param options.stamps what each file was when another process scanned it
 * @throws InputError where a file cannot be recognised or read
 */
export async function openSources(
  files: readonly string[],
  options: {
    readonly copies?: ReadonlyMap<string, string>;
    readonly memory: number;
    readonly wishes: FormatWishes;
    readonly stamps?: readonly FileStamp[];
  },
): Promise<InputFile[]> {
  const { copies, memory, wishes, stamps } = options;
  const opened: InputFile[] = [];
  for (const [at, name] of files.entries()) {
    const path = copies?.get(name) ?? name;
    const recognised = await recognise(path, name, wishes);
    const { format } = recognised;
    opened.push({
      source: await READERS[format]({ path, name, memory, stamp: stamps?.[at], ...recognised }),
      format,
      path,
    });
  }
  return opened;
}

function openCsv(file: FileToOpen): Promise<Source> {
  return openRecordFile({ ...file, format: () => csvFormat(file.name, file.delimiter ?? ",") });
}

/**
 * A source whose second pass fails where its file was written to since it was opened: a columnar file is not hashed while it is
 * read, so that its size and time stand for its content.
 */
async function watched(source: Source, { path, stamp }: FileToOpen): Promise<Source> {
  const before = stamp ?? (await stampOf(path));
  return {
    name: source.name,
    byteLength: source.byteLength,
    scan: (options) => source.scan(options),
    schema: () => source.schema(),
    reread: (records) => source.reread(records),
    async *read(options) {
      yield* source.read(options);
      const { bytes, mtimeMs } = await stampOf(path);
      if (bytes === before.bytes && mtimeMs === before.mtimeMs) return;
      throw new FailedRunError(
        `the input changed during the run: ${source.name} was written to while it was read; start again`,
      );
    },
  };
}

/** Size and time of a file as they are now. */
export async function stampOf(path: string): Promise<FileStamp> {
  const { size, mtimeMs } = await stat(path);
  return { bytes: size, mtimeMs };
}
