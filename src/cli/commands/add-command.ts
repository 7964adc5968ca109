import type { ArgumentsCamelCase, Argv } from "yargs";

/** Takes the exit code of the command that was called. */
export type ExitWith = (code: Promise<number>) => Promise<void>;

/** Declares a command of bge-dedup with its flags. The code of the command is loaded when the command is called. */
export type AddCommand = (parser: Argv, exitWith: ExitWith) => void;

/** The flags that a command declares, as yargs gives them. */
export type FlagsOf<Arguments extends (args: Argv) => Argv<unknown>> =
  ReturnType<Arguments> extends Argv<infer Flags> ? ArgumentsCamelCase<Flags> : never;
