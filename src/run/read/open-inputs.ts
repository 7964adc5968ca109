import { withAddedColumns } from "../../io/added-columns.js";
import { STDIN } from "../../io/find-files.js";
import { type InputFile, openSources, spoolStdin } from "../../io/open-sources.js";
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
 * Finds, recognises and opens the inputs, with the columns that their paths add.
 * @param spool where standard input is saved
 */
export async function openInputs(shared: SharedOptions, spool: string, context: RunContext): Promise<InputFile[]> {
  const { reporter, stdin, signal } = context;
  const found = await findInputs(shared, reporter.note);
  if (found.includes(STDIN)) await spoolStdin(spool, stdin, signal);
  const wishes = { format: shared.inputFormat, delimiter: shared.delimiter };
  const files = await openSources(found, { stdinPath: spool, memory: shared.memory, wishes });
  const sources = withAddedColumns(
    files.map(({ source }) => source),
    shared.sourceField,
  );
  return files.map((file, at) => ({ ...file, source: sources[at] }));
}

/**
 * Describes an input. Files of records are hashed while they are read; every other format is read once more here.
 * @param bounds number of its first row and of the row behind its last
 */
export async function describeInput(
  { source, format, path }: InputFile,
  [first, end]: readonly number[],
): Promise<InputRecord> {
  const { name, byteLength, sha256 } = source;
  const file = sha256 === undefined ? await fileRecord(path, name) : { name, bytes: byteLength, sha256 };
  return { ...file, format, rows: end - first, first_row: first };
}
