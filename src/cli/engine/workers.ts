import { parseNumber, single, type Value } from "../../run/flags/parse.js";

/** Workers where nobody names a number. */
const WORKERS = 4;

/** The number of `--workers`, 1 to 10,000 (4). @throws UsageError */
export function workersOf(workers: Value = WORKERS): number {
  return parseNumber("workers", single("workers", workers), { min: 1, max: 10_000, integer: true });
}
