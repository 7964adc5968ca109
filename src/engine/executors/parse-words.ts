import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "../../errors.js";

/**
 * Flags of an engine, each with a value, from the words behind `--`.
 * @param names the flags that the engine knows; all may be given once, the last one counts
 * @throws UsageError for a word that is none of them
 */
export function parseWords<Name extends string>(
  words: readonly string[],
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const options: ParseArgsConfig["options"] = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
  try {
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: false }).values as Partial<
      Record<Name, string>
    >;
  } catch (error) {
    const expected = names.map((name) => `--${name}`).join(", ");
    throw new UsageError(
      `behind --: ${(error as Error).message.split(". ")[0]}; expected ${expected}, each with a value`,
    );
  }
}

/**
 * A flag's value as a number.
 * @throws UsageError where it is none or negative
 */
export function numberWord(name: string, value: string): number {
  const number = Number(value);
  if (value.trim() !== "" && number >= 0 && Number.isFinite(number)) return number;
  throw new UsageError(`--${name}=${value} behind -- is not a number, expected 0 or more`);
}
