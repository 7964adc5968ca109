import { UsageError } from "../../errors.js";

/** A limit on a number of rows: a count, or a share of all rows. */
export interface Limit {
  readonly kind: "count" | "share";
  /** Rows of a count; a share lies in [0, 1]. */
  readonly value: number;
  /** As the user wrote it. */
  readonly text: string;
}

/**
 * Parses the value of `--max-removed` or `--max-rejects`. A whole number is a count; a percentage or a fraction below 1
 * is a share.
 * @throws UsageError for any other value
 */
export function parseLimit(flag: string, given: string | number): Limit {
  const text = String(given);
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (percent !== null && Number(percent[1]) <= 100) return { kind: "share", value: Number(percent[1]) / 100, text };
  if (/^\d+$/.test(text)) return { kind: "count", value: Number(text), text };
  if (/^0?\.\d+$/.test(text)) return { kind: "share", value: Number(text), text };
  throw new UsageError(`--${flag} ${text} is neither a count such as 100 nor a share such as 20% or 0.2`);
}

/** Whether `count` of `total` rows are more than the limit allows. */
export function limitReached({ kind, value }: Limit, count: number, total: number): boolean {
  return count > (kind === "count" ? value : value * total);
}
