import { InputError, UsageError } from "../../errors.js";
import type { ModelSpec } from "../../models/spec.js";
import { isSameModel, modelInWords } from "../work/recorded-model.js";
import type { Reference } from "./reference.js";

/** Folders that a message names. */
const NAMED = 3;

/**
 * Makes sure that the vectors of a reference can be compared with those of a run.
 * @param model model of the run
 * @throws UsageError naming both models; InputError where the reference does not say what made its vectors
 */
export function requireSameModel({ path, manifest }: Reference, model: ModelSpec): void {
  const recorded = manifest.model;
  if (typeof recorded.fingerprint !== "string" || typeof recorded.dtype !== "string") {
    throw new InputError(
      `reference ${path} does not record which model made its vectors; run bge-dedup for that folder again`,
    );
  }
  if (isSameModel(recorded, model)) return;
  throw new UsageError(
    `reference ${path} was embedded by ${modelInWords({ ...recorded, dim: undefined })}, but this run by ` +
      `${modelInWords(model)}: their vectors cannot be compared; choose the same --model and --dtype, or another --against`,
  );
}

/** @throws UsageError naming two references whose vectors have different dimensions */
export function requireOneDimension(references: readonly Reference[]): void {
  const dimOf = ({ manifest }: Reference) => manifest.model.dim;
  const [first] = references;
  const other = references.find((reference) => dimOf(reference) !== dimOf(first));
  if (other === undefined) return;
  throw new UsageError(
    `reference ${first.path} has vectors of ${dimOf(first)} dimensions, but ${other.path} of ${dimOf(other)}: they cannot be compared; choose another --against`,
  );
}

/**
 * @param path of the reference whose vectors have `theirs` dimensions; those of the run have `dim`
 * @throws UsageError where the two differ
 */
export function requireDimensionOf(path: string, theirs: unknown, dim: number): void {
  if (theirs === dim) return;
  throw new UsageError(
    `reference ${path} has vectors of ${theirs} dimensions, but this run of ${dim}: they cannot be compared; choose another --against`,
  );
}

/**
 * Warns of references that treat long texts in another way than the run. The vectors of long texts then differ, so a
 * near-duplicate may be kept, or a text removed that only begins like another; texts within both limits are compared as
 * ever. Vectors of a server or of the input have no such limits.
 * @param run the model of the run, and its `--long`
 * @returns a sentence for each other value of `--max-length` and of `--long`
 */
export function longTextWarnings(
  references: readonly Reference[],
  { maxTokens, long }: { readonly maxTokens: number; readonly long: string },
): string[] {
  const limitOf = ({ manifest }: Reference) => manifest.model.max_tokens;
  const limited = references.filter((reference) => Number(limitOf(reference)) > 0);
  if (maxTokens === 0 || limited.length === 0) return [];
  // Folders of versions that knew only one way do not record it.
  const longOf = ({ manifest }: Reference) => manifest.options.long ?? "truncate";
  return [
    ...otherValues({ flag: "max-length", references: limited, told: limitOf, own: maxTokens }),
    ...otherValues({ flag: "long", references: limited, told: longOf, own: long }),
  ];
}

function otherValues(options: {
  readonly flag: string;
  readonly references: readonly Reference[];
  readonly told: (reference: Reference) => unknown;
  readonly own: unknown;
}): string[] {
  const { flag, references, told, own } = options;
  const values = new Set(references.map(told));
  values.delete(own);
  return Array.from(values, (value) => {
    const paths = references.filter((reference) => told(reference) === value).map(({ path }) => path);
    return (
      `--${flag} is ${own} here but ${value} in reference ${namesOf(paths)}: long texts have other vectors there and may ` +
      `not be recognised; give all runs the same --${flag}`
    );
  });
}

/** The first of some paths, and how many there are. */
export function namesOf(paths: readonly string[]): string {
  const more = paths.length > NAMED ? `, ... (${paths.length} in all)` : "";
  return paths.slice(0, NAMED).join(", ") + more;
}
