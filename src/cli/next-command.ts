import { shellWord } from "../shell-word.js";
import { printable } from "./printable.js";

/** The command of bge-dedup with these arguments, as a person can paste it into a shell. */
export function commandOf(args: readonly string[]): string {
  return ["bge-dedup", ...args.map(word)].join(" ");
}

/** A flag as it is; any other word so that a shell takes it for one. */
const word = (argument: string) => (/^--?[a-z][a-z-]*$/.test(argument) ? argument : printable(shellWord(argument)));
