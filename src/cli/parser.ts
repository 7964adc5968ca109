import { existsSync } from "node:fs";
import yargs, { type Argv, type Options } from "yargs";
import { UsageError } from "../errors.js";
import type { MetricsFlags } from "../run/flags/metrics.js";
import { VERSION } from "../run/work/manifest.js";
import { closest } from "../text/closest.js";
import * as tables from "./flags.js";
import type { LogFormat } from "./progress.js";
import { widthOf } from "./text-width.js";

/** Every flag of every command. */
const FLAGS: Readonly<Record<string, Options>> = Object.assign({}, ...Object.values(tables));

/** Their short names. */
const ALIASES: ReadonlyMap<string, string> = new Map(
  Object.entries(FLAGS).flatMap(([flag, { alias }]) => (typeof alias === "string" ? [[alias, flag]] : [])),
);

/** Prefix that protects an argument from yargs. No argument of a process can contain this character. */
const LITERAL = "\0";

/**
 * Marks a lone "-" and all arguments after "--", so that they reach the positional arguments as they are: yargs would
 * drop the former and set the latter apart.
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
 * Refuses four mistakes that yargs accepts silently or reports letter by letter: a file named like a flag; a flag
 * without a value, or with an empty one, which yargs takes for empty or for the default; and a switch with a value such as `--dry-run=1`,
 * which yargs takes for false, so that the run would be a real one.
 * @throws UsageError for each of these mistakes
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
    // yargs takes `--format=`, as from an unset variable of a shell, for a flag that is not given.
    if (given === "") throw new UsageError(`--${flag} is empty; expected a value`);
    const next = argv[i + 1];
    if (given !== undefined || (next !== undefined && !/^-[^\d.]/.test(next))) continue;
    throw new UsageError(`--${flag} is given without a value; one that begins with "-" is written as --${flag}=VALUE`);
  }
}

/** Removes the prefix: a value as the user wrote it. */
function written<T>(value: T): T {
  if (Array.isArray(value)) return value.map(written) as T;
  return typeof value === "string" && value.startsWith(LITERAL) ? (value.slice(LITERAL.length) as T) : value;
}

/** Most columns of the help: longer lines are hard to read. */
const MOST_COLUMNS = 110;

/**
 * Common set-up of both parsers: strict, our exit codes, help that fits the terminal.
 * @param commands names of the commands there are beside the main one
 * @param below names of the commands that these have
 */
export function parser(
  name: string,
  argv: readonly string[],
  commands: readonly string[] = [],
  below: readonly string[] = [],
): Argv {
  const called = commands.includes(argv[0]) ? `${name} ${argv[0]}` : name;
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
      // An error that yargs throws itself is a mistake of the command line as well.
      if (error && error.name !== "YError") throw error;
      const text = message ?? error.message;
      throw new UsageError(`${oneLine(text)}; ${meant(text, [...commands, ...below])}${called} --help lists the flags`);
    });
  checkValues(argv);
  return instance.wrap(Math.min(MOST_COLUMNS, widthOf(process.stdout)));
}

/** The log format of error lines for a command line that cannot be parsed. */
export function wantedLogFormat(argv: readonly string[]): LogFormat {
  return valuesOf(argv, "log-format").includes("json") ? "json" : "text";
}

/** Where a command line that cannot be parsed wants its metrics told; nowhere for a dry run, which tells none. */
export function wantedMetrics(argv: readonly string[]): MetricsFlags {
  if (argv.includes("--dry-run")) return {};
  const wanted = (flag: string) => {
    const values = valuesOf(argv, flag);
    return values.length < 2 ? values[0] : values;
  };
  return { metrics: wanted("metrics"), push: wanted("push") };
}

/** The values of a flag, as far as they can be told without parsing. */
function valuesOf(argv: readonly string[], flag: string): string[] {
  const end = argv.indexOf("--");
  const before = end < 0 ? argv : argv.slice(0, end);
  return before.flatMap((argument, i) => {
    if (argument.startsWith(`--${flag}=`)) return [argument.slice(flag.length + 3)];
    return argument === `--${flag}` && before[i + 1] !== undefined ? [before[i + 1]] : [];
  });
}

/** A message of yargs in the form of this program: one line, beginning in lower case. */
function oneLine(message: string): string {
  const text = message
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replaceAll(LITERAL, "");
  // yargs lists an unknown flag of two words a second time, in camelCase.
  const once = text.replace(/\b([a-z]+(?:-[a-z]+)+), ([a-zA-Z]+)/g, (both, flag: string, other: string) =>
    flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) === other ? flag : both,
  );
  return once.charAt(0).toLowerCase() + once.slice(1);
}

/** A question for the flag or command that was probably meant; empty where none is near. */
function meant(message: string, commands: readonly string[]): string {
  const unknown = /^unknown arguments?: (.+)$/i.exec(message.trim())?.[1].split(", ") ?? [];
  const words = [...Object.keys(FLAGS), "version", "help", ...commands];
  const word = unknown
    .map((typed) => closest(typed, words))
    .find((near) => near !== undefined && !unknown.includes(near));
  return word === undefined ? "" : `did you mean ${commands.includes(word) ? "" : "--"}${word}? `;
}
