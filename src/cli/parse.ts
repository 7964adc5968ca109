import { UsageError } from "../errors.js";

/**
 * Parses a number flag.
 * @throws UsageError naming the flag, the value and what was expected
 */
export function parseNumber(
  flag: string,
  text: string,
  {
    min,
    max,
    integer = false,
    minExclusive = false,
  }: { min: number; max: number; integer?: boolean; minExclusive?: boolean },
): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const inside = value <= max && (minExclusive ? value > min : value >= min);
  if (!inside || (integer && !Number.isInteger(value))) {
    const kind = integer ? "a whole number" : "a number";
    const upper = max === Number.MAX_SAFE_INTEGER || max === Number.POSITIVE_INFINITY ? "" : ` and at most ${max}`;
    throw new UsageError(
      `--${flag} ${text} is not ${kind} ${minExclusive ? "greater than" : "of at least"} ${min}${upper}`,
    );
  }
  return value;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Parses a size such as 4GB, 512M, 1.5GiB; units are powers of 1024.
 * @throws UsageError for anything else and for less than 64 MB, which no run can live in
 */
export function parseBytes(flag: string, text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = number === undefined ? Number.NaN : Number(number) * UNITS[unit.toUpperCase()];
  if (!(bytes >= 64 * 2 ** 20)) throw new UsageError(`--${flag} ${text} is not a size of at least 64MB, such as 4GB`);
  return Math.floor(bytes);
}
