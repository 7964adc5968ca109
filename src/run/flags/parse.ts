import { UsageError } from "../../errors.js";

/** A number, or its text on a command line. */
export type Value = string | number;

/** The values of a flag that may be repeated. */
export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

/**
 * One value of a flag that is not a list.
 * @throws UsageError for a flag that is given twice, which is a mistake, or is empty, as from an unset variable of a
 * shell
 */
export function single<T>(flag: string, value: T | T[]): T {
  if (Array.isArray(value)) throw new UsageError(`--${flag} is given ${value.length} times; expected once`);
  if (value === "") throw new UsageError(`--${flag} is empty; expected a value`);
  return value;
}

/**
 * The text of a flag that is not a list.
 * @throws UsageError as `single`, and for what is no text
 */
export function textOf(flag: string, value: string | string[]): string {
  const one: unknown = single(flag, value);
  if (typeof one !== "string") throw new UsageError(`--${flag} ${String(one)} is no text; expected a string`);
  return one;
}

/**
 * The texts of a flag that may be repeated.
 * @throws UsageError for none, an empty one, and what is no text
 */
export function textsOf(flag: string, value: string | readonly string[]): readonly string[] {
  const texts = listOf(value).map((text) => textOf(flag, text));
  if (texts.length === 0) throw new UsageError(`--${flag} is an empty list; expected a value at least`);
  return texts;
}

/**
 * One of the values that a flag may have.
 * @throws UsageError listing them for any other
 */
export function chosen<T extends string>(flag: string, value: string | string[], choices: readonly T[]): T {
  const one = single(flag, value);
  const choice = choices.find((each) => each === one);
  if (choice === undefined) throw new UsageError(`--${flag} ${one} is unknown; expected one of ${choices.join(", ")}`);
  return choice;
}

/**
 * Parses a number flag.
 * @throws UsageError naming the flag, the value and what was expected
 */
export function parseNumber(
  flag: string,
  given: Value,
  {
    min,
    max,
    integer = false,
    minExclusive = false,
  }: { min: number; max: number; integer?: boolean; minExclusive?: boolean },
): number {
  const text = String(given);
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
 * @returns bytes
 * @throws UsageError for any other text
 */
export function parseSize(flag: string, given: Value): number {
  const bytes = sizeOf(given);
  if (!Number.isFinite(bytes)) throw new UsageError(`--${flag} ${given} is not a size such as 10GB`);
  return bytes;
}

/**
 * Parses a size of memory.
 * @returns bytes
 * @throws UsageError for what is no size, and for less than 64 MB, with which no run can work
 */
export function parseBytes(flag: string, given: Value): number {
  const bytes = sizeOf(given);
  if (!(bytes >= 64 * 2 ** 20)) throw new UsageError(`--${flag} ${given} is not a size of at least 64MB, such as 4GB`);
  return bytes;
}

/** Bytes of a size; NaN if the text is none. */
function sizeOf(given: Value): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(String(given).trim()) ?? [];
  return number === undefined ? Number.NaN : Math.floor(Number(number) * UNITS[unit.toUpperCase()]);
}
