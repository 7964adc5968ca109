import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Stand-ins for the programs of an engine. They note how they are called and what they read, and answer what the test
 * wrote for them.
 */
export interface FakePrograms {
  /** The command lines so far. */
  calls(): string[];
  /** What was read from standard input so far, one entry for each call that had some. */
  inputs(): string[];
  /** Sets the answer to calls that begin with these words, from now on. The longest beginning counts. */
  answers(words: string, stdout: string, given?: { readonly code?: number; readonly stderr?: string }): void;
}

/** Looks for the answer to as many of its words as the test has one for. */
const SCRIPT = `#!/bin/sh
printf '%s\\n' "\${0##*/} $*" >>'FOLDER/calls'
input=$(cat)
[ -z "$input" ] || printf '%s\\036' "$input" >>'FOLDER/inputs'
for answer in "\${0##*/} $1 $2" "\${0##*/} $1" "\${0##*/}"; do
  [ -e "FOLDER/$answer" ] || continue
  cat "FOLDER/$answer"
  cat "FOLDER/$answer.stderr" >&2
  exit "$(cat "FOLDER/$answer.code")"
done
`;

/** Writes the stand-ins to an empty folder and puts them before all else on this process's PATH. */
export function fakePrograms(folder: string, names: readonly string[]): FakePrograms {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const name of names) {
    writeFileSync(join(bin, name), SCRIPT.replaceAll("FOLDER", folder));
    chmodSync(join(bin, name), 0o755);
  }
  process.env.PATH = [bin, "/usr/bin", "/bin"].join(delimiter);
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "");
  return {
    calls: () => read("calls").split("\n").slice(0, -1),
    inputs: () => read("inputs").split("\u001e").slice(0, -1),
    answers(words, stdout, { code = 0, stderr = "" } = {}) {
      writeFileSync(join(folder, words), stdout);
      writeFileSync(join(folder, `${words}.stderr`), stderr);
      writeFileSync(join(folder, `${words}.code`), String(code));
    },
  };
}
