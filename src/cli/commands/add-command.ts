import type { ArgumentsCamelCase, Argv } from "yargs";

/** The exit codes of every command, for its help. */
export const EXIT_CODES =
  "Exit codes: 0 done, 1 failed (run again to resume), 2 usage, 3 input, 4 a brake was hit, 5 model or device unavailable, 130/143 interrupted";

/** Takes the exit code of the command that was called. */
export type ExitWith = (code: Promise<number>) => Promise<void>;

/** Declares a command of bge-dedup with its flags. The code of the command is loaded when the command is called. */
export type AddCommand = (parser: Argv, exitWith: ExitWith) => void;

/** The flags that a command declares, as yargs gives them. */
export type FlagsOf<Arguments extends (args: Argv) => Argv<unknown>> =
  ReturnType<Arguments> extends Argv<infer Flags> ? ArgumentsCamelCase<Flags> : never;
