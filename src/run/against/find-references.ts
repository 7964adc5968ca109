import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InputError, UsageError } from "../../errors.js";
import { matchesOfGlob } from "../../io/find-files.js";
import { MANIFEST } from "../work/manifest.js";
import { WORK } from "../work/publication.js";
import { namesOf } from "./comparable.js";
import { openReference, type Reference } from "./reference.js";

/** What a path may be as a reference. */
type Kind = "result" | "unfinished" | "foreign" | "output";

/**
 * Finds the references that `--against` names: folders that bge-dedup wrote, in the order given, the matches of a glob
 * sorted by code units. A folder that is named twice counts once, where it comes first.
 *
 * A pattern may match more than results: the output folder itself, results that were made against it (as when an older
 * night is repeated), folders of runs that never finished, and other files. All of these are passed over with a note.
 * A pattern without a match is the first night.
 * @param out output folder of the run
 * @throws InputError where a path that is no pattern is missing or is no result, or a result is damaged; UsageError where
 * such a path is the output folder or was made against it
 */
export async function findReferences(options: {
  readonly against: readonly string[];
  readonly out: string;
  readonly note: (message: string) => void;
}): Promise<Reference[]> {
  const { against, out, note } = options;
  const output = await realpath(out).catch(() => resolve(out));
  const found = new Map<string, Reference>();
  const passed: Record<Exclude<Kind, "result">, string[]> = { unfinished: [], foreign: [], output: [] };
  const later: string[] = [];
  for (const given of against) {
    const isPattern = !existsSync(given) && /[*?[\]{}!()]/.test(given);
    const paths = isPattern ? await matchesOfGlob(withoutSlash(given), MANIFEST) : [withoutSlash(given)];
    for (const path of paths) {
      const kind = await kindOf(path, output);
      if (kind !== "result") {
        if (!isPattern) refuse(path, kind, out);
        passed[kind].push(path);
        continue;
      }
      const reference = await openReference(path);
      if (isMadeAgainst(reference, output)) {
        if (!isPattern) throw madeAgainst(path, out);
        later.push(path);
      } else if (!found.has(reference.folder)) found.set(reference.folder, reference);
    }
    if (isPattern && paths.length === 0) note(`--against ${given} matches nothing yet`);
  }
  tell(passed.foreign, "no result of bge-dedup and passed over as a reference", note);
  tell(passed.unfinished, "without a finished result and passed over as a reference", note);
  tell(passed.output, "the output folder itself and no reference of its own", note);
  tell(later, "made against the output folder, so later than this run, and passed over as a reference", note);
  return [...found.values()];
}

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}

async function kindOf(path: string, output: string): Promise<Kind> {
  const real = await realpath(path).catch(() => resolve(path));
  if (real === output) return "output";
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (!isFolder) return "foreign";
  if (!existsSync(join(path, MANIFEST))) return existsSync(join(path, WORK)) ? "unfinished" : "foreign";
  const command = await commandOf(join(path, MANIFEST));
  return command === undefined || command === "bge-dedup" ? "result" : "foreign";
}

/** The command that a manifest names; undefined where it is damaged, so that `openReference` says what is wrong. */
async function commandOf(path: string): Promise<string | undefined> {
  try {
    const { command } = JSON.parse(await readFile(path, "utf8")) as { command?: unknown };
    return typeof command === "string" ? command : "";
  } catch {
    return undefined;
  }
}

function refuse(path: string, kind: Exclude<Kind, "result">, out: string): never {
  if (kind === "output") {
    throw new UsageError(
      `--against ${path} is the output folder itself, which this run replaces; leave it out, or choose another --out than ${out}`,
    );
  }
  if (!existsSync(path)) throw new InputError(`--against ${path} does not exist; check the path`);
  throw new InputError(
    kind === "unfinished"
      ? `--against ${path} has no finished result: its run was interrupted or is under way; run that command again, then this one`
      : `--against ${path} is no folder that bge-dedup wrote; ${cureOfForeign(path)}`,
  );
}

function cureOfForeign(path: string): string {
  const entries = statSync(path).isDirectory() ? readdirSync(path) : [];
  return entries.some((name) => existsSync(join(path, name, MANIFEST)))
    ? `for the results in it, give --against '${path}/*'`
    : "name the output folder of an earlier run";
}

/** Whether rows of a reference may have been removed on account of rows of the output folder. */
function isMadeAgainst({ folder, manifest }: Reference, output: string): boolean {
  return (manifest.references ?? []).some((record) =>
    [resolve(folder, record.from_out), record.folder].includes(output),
  );
}

function madeAgainst(path: string, out: string): UsageError {
  return new UsageError(
    `--against ${path} was itself made against the output folder ${out}, whose rows it names; leave it out: ` +
      "results that came later are no references of an earlier one",
  );
}

/** Notes folders that are passed over, by some of their names. */
function tell(paths: readonly string[], what: string, note: (message: string) => void): void {
  if (paths.length === 0) return;
  note(`${namesOf(paths)}: ${what}`);
}
