import { UsageError } from "../../errors.js";

/** A brake: so many rows, or such a share of them. */
export interface Limit {
  readonly kind: "count" | "share";
  readonly value: number;
  /** As the user wrote it. */
  readonly text: string;
}

/**
 * Parses `--max-removed` and `--max-rejects`: a whole number is a count, a percentage or a fraction below 1 a share.
 * @throws UsageError for anything else
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
