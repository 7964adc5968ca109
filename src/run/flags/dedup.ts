import { parseKeepPolicy } from "../../exact/priority.js";
import { parseLimit } from "../check/limit.js";
import type { DedupOptions } from "../options.js";
import { chosen, listOf, parseNumber, single, textOf, textsOf, type Value } from "./parse.js";
import { type SharedFlags, sharedOptions } from "./shared.js";

/** Values of `--guard`. */
export const GUARDS = ["numbers", "negation", "names", "none"] as const;
/** Values of `--format`. */
export const FORMATS = ["arrow", "parquet", "jsonl"] as const;

/** Every name of `DedupFlags` beside the shared ones. */
export const DEDUP_NAMES = ["threshold", "keep", "guard", "format", "maxRemoved", "against"];

/** The flags of bge-dedup as a person or a program gives them. */
export interface DedupFlags extends SharedFlags {
  /** Cosine in (0, 1] from which two texts are near-duplicates (the model's own). */
  readonly threshold?: Value;
  /** Which of several near-duplicates stays: first, last, longest, shortest, max:FIELD or min:FIELD (first). */
  readonly keep?: string;
  /** Texts whose numbers, negations or names differ stay apart (none). */
  readonly guard?: string | readonly string[];
  /** Formats of kept and removed (arrow). */
  readonly format?: string | readonly string[];
  /** Removed rows, a count or a share such as 0.2 or "20%", beyond which nothing is published. */
  readonly maxRemoved?: Value;
  /**
   * Folders that bge-dedup wrote, or globs of them: rows that are near to their kept rows, or equal to any of their rows,
   * are removed. Their rows come first in priority and never change.
   */
  readonly against?: string | readonly string[];
}

/**
 * Checks the flags of bge-dedup and fills in the defaults.
 * @throws UsageError naming the flag, its value and what was expected
 */
export function dedupOptions(flags: DedupFlags, inputs: readonly string[]): DedupOptions {
  const { threshold, keep = "first", guard = [], format = "arrow", maxRemoved, against } = flags;
  const guards = new Set(listOf(guard).map((name) => chosen("guard", name, GUARDS)));
  return {
    ...sharedOptions(flags, inputs, flags.out ?? "bge-out"),
    threshold:
      threshold === undefined
        ? undefined
        : parseNumber("threshold", single("threshold", threshold), { min: 0, max: 1, minExclusive: true }),
    keep: parseKeepPolicy(textOf("keep", keep)),
    guards: { numbers: guards.has("numbers"), negation: guards.has("negation"), names: guards.has("names") },
    formats: [...new Set(textsOf("format", format).map((name) => chosen("format", name, FORMATS)))],
    against: against === undefined ? undefined : referencesOf(against),
    maxRemoved: maxRemoved === undefined ? undefined : parseLimit("max-removed", single("max-removed", maxRemoved)),
  };
}

/** The references that are named. A list may be empty, as a glob on the first night matches nothing. */
function referencesOf(against: string | readonly string[]): readonly string[] {
  return Array.isArray(against) && against.length === 0 ? [] : textsOf("against", against);
}
