import type { CalibrateOptions } from "../calibrate.js";
import { parseNumber, single, type Value } from "./parse.js";
import { type SharedFlags, sharedOptions } from "./shared.js";

/** Every name of `CalibrateFlags` beside the shared ones. */
export const CALIBRATE_NAMES = ["sample"];

/** The flags of bge-dedup calibrate as a person or a program gives them. `out` and `fresh` have no meaning here. */
export interface CalibrateFlags extends SharedFlags {
  /** Texts that are damaged on purpose and whose nearest neighbours are looked for (1000). */
  readonly sample?: Value;
}

/**
 * Checks the flags of bge-dedup calibrate and fills in the defaults.
 * @throws UsageError naming the flag, its value and what was expected
 */
export function calibrateOptions(flags: CalibrateFlags, inputs: readonly string[]): CalibrateOptions {
  const { sample = 1000, model, endpoint } = flags;
  return {
    ...sharedOptions(flags, inputs, "bge-out"),
    modelChosen: model !== undefined || endpoint !== undefined,
    sample: parseNumber("sample", single("sample", sample), { min: 1, max: 100_000, integer: true }),
  };
}
