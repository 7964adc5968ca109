import { existsSync } from "node:fs";
import yargs, { type Argv, type Options } from "yargs";
import { UsageError } from "../errors.js";
import { closest } from "../run/flags/suggest.js";
import { VERSION } from "../run/work/manifest.js";
import { clusterFlags, dedupFlags, sharedFlags } from "./flags.js";
import type { LogFormat } from "./progress.js";

/** Every flag there is in one of the commands. */
const FLAGS: Readonly<Record<string, Options>> = { ...sharedFlags, ...dedupFlags, ...clusterFlags };

/** Their short names. */
const ALIASES: ReadonlyMap<string, string> = new Map(
  Object.entries(FLAGS).flatMap(([flag, { alias }]) => (typeof alias === "string" ? [[alias, flag]] : [])),
);

/** Put before what yargs would take for a flag or drop; no argument can hold it. */
const LITERAL = "\0";

/**
 * The arguments as yargs gets them: a lone "-", and all that follows a "--", stand for themselves. (yargs drops the one and
 * takes the other away from the positional arguments.)
 */
function marked(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  const before = end < 0 ? argv : argv.slice(0, end);
  const behind = end < 0 ? [] : argv.slice(end + 1);
  return [
    ...before.map((argument) => (argument === "-" ? LITERAL + argument : argument)),
    ...behind.map((argument) => LITERAL + argument),
  ];
}

/**
 * What yargs lets pass in silence, or tells in single letters: a file named like a flag, a flag without its value, which it
 * takes for empty or for the default, and a switch with a value that it takes for false, so that `--dry-run=1` would be a
 * real run.
 * @throws UsageError for each of them
 */
function checkValues(argv: readonly string[]): void {
  for (const [i, argument] of argv.entries()) {
    if (argument === "--") return;
    const [, name = "", given] = /^--?([a-z][a-z-]*)(?:=(.*))?$/s.exec(argument) ?? [];
    const flag = Object.hasOwn(FLAGS, name) ? name : ALIASES.get(name);
    if (flag === undefined) {
      if (!/^-./.test(argument) || !existsSync(argument)) continue;
      throw new UsageError(`the file ${argument} is taken for a flag; write it as ./${argument}, or behind --`);
    }
    if (FLAGS[flag].type === "boolean") {
      if (given === undefined || given === "true" || given === "false") continue;
      throw new UsageError(`--${flag} ${given} is neither true nor false; expected --${flag} alone, or nothing`);
    }
    const next = argv[i + 1];
    if (given !== undefined || (next !== undefined && !/^-[^\d.]/.test(next))) continue;
    throw new UsageError(`--${flag} is given without a value; one that begins with "-" is written as --${flag}=VALUE`);
  }
}

/** A value as the user wrote it. */
function written<T>(value: T): T {
  if (Array.isArray(value)) return value.map(written) as T;
  return typeof value === "string" && value.startsWith(LITERAL) ? (value.slice(LITERAL.length) as T) : value;
}

/**
 * Common set-up of both parsers: strict, our exit codes, help that fits the terminal.
 * @param commands names of the commands there are beside the main one
 */
export function parser(name: string, argv: readonly string[], commands: readonly string[] = []): Argv {
  const instance = yargs(marked(argv))
    .scriptName(name)
    .version(VERSION)
    .parserConfiguration({ "duplicate-arguments-array": true, "greedy-arrays": false, "camel-case-expansion": true })
    .strict()
    .help()
    .alias("help", "h")
    .exitProcess(false)
    .middleware((flags) => {
      for (const [flag, value] of Object.entries(flags)) (flags as Record<string, unknown>)[flag] = written(value);
    })
    .fail((message, error) => {
      // What yargs itself throws is a mistake of the command line as well.
      if (error && error.name !== "YError") throw error;
      const text = message ?? error.message;
      throw new UsageError(`${oneLine(text)}; ${meant(text, commands)}${name} --help lists the flags`);
    });
  checkValues(argv);
  return instance.wrap(Math.min(110, instance.terminalWidth()));
}

/** How error lines are written, where the flags themselves cannot be parsed. */
export function wantedLogFormat(argv: readonly string[]): LogFormat {
  const json = argv.some(
    (argument, i) => argument === "--log-format=json" || (argument === "--log-format" && argv[i + 1] === "json"),
  );
  return json ? "json" : "text";
}

/** What yargs says, as our messages are. */
function oneLine(message: string): string {
  const text = message
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replaceAll(LITERAL, "");
  // An unknown flag of two words is listed a second time as a program's name for it.
  const once = text.replace(/\b([a-z]+(?:-[a-z]+)+), ([a-zA-Z]+)/g, (both, flag: string, other: string) =>
    flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) === other ? flag : both,
  );
  return once.charAt(0).toLowerCase() + once.slice(1);
}

/** What was probably meant in place of unknown words, as a question; empty where nothing is near. */
function meant(message: string, commands: readonly string[]): string {
  const unknown = /^unknown arguments?: (.+)$/i.exec(message.trim())?.[1].split(", ") ?? [];
  const words = [...Object.keys(FLAGS), "version", "help", ...commands];
  const word = unknown.map((typed) => closest(typed, words)).find((near) => near !== undefined);
  return word === undefined ? "" : `did you mean ${commands.includes(word) ? "" : "--"}${word}? `;
}
