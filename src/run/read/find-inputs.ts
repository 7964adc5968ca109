import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors.js";
import { findFiles, STDIN } from "../../io/find-files.js";
import type { Reporter } from "../../reporter.js";
import { OUTPUT_FILES } from "../write/output-names.js";

/**
 * Expands the inputs to files, in order, and makes sure that no input is a file that the run would overwrite or remove.
 * Files are compared by device and inode, so a link or another path to an output is recognised.
 * @param note told of files that are passed over
 * @throws InputError if an input is missing; UsageError if an input is also an output of `out`
 */
export async function findInputs(
  { inputs, out }: { readonly inputs: readonly string[]; readonly out: string },
  note: Reporter["note"] = () => {},
): Promise<readonly string[]> {
  const { files, ignored } = await findFiles(inputs, out, OUTPUT_FILES);
  if (ignored.length > 0) {
    const which = ignored.slice(0, 3).join(", ") + (ignored.length > 3 ? ", ..." : "");
    note(`${ignored.length} files of folders are no rows of a data set and are passed over: ${which}`);
  }
  const identity = async (path: string) => {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    return found && `${found.dev} ${found.ino}`;
  };
  const outputs = new Map<string | undefined, string>();
  for (const name of OUTPUT_FILES) outputs.set(await identity(join(out, name)), name);
  outputs.delete(undefined);
  if (outputs.size === 0) return files;
  for (const file of files) {
    const name = file === STDIN ? undefined : outputs.get(await identity(file));
    if (name === undefined) continue;
    throw new UsageError(
      `input ${file} is ${name} of the output folder ${out}, which this run replaces; choose another --out`,
    );
  }
  return files;
}
