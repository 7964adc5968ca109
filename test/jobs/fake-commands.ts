import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Stand-ins for bge-dedup and bge-cluster that do no work: they note how they were called, write a manifest and end as the
 * test wants. With them the test of a script takes no time for vectors.
 */
export interface FakeCommands {
  /** Folder for PATH. */
  readonly bin: string;
  /** The command lines so far, in their order, without the flags that all have. */
  calls(): string[];
  /** Decides how a step of a night ends from now on: its exit code, or `wait` until it is told to stop. */
  ends(step: "dedup" | "cluster" | "verify" | "export", date: string, how: number | "wait"): void;
  /** Decides how many rows a night keeps (5). */
  keeps(date: string, rows: number): void;
}

/** How the fakes act; FOLDER is where they find what the test decided. */
const SCRIPT = `#!/usr/bin/env bash
step=\${0##*/bge-}
case $1 in verify | export) step=$1 work=$2 ;; *) work=$1 ;; esac
args=("$@")
for i in "\${!args[@]}"; do
  [[ \${args[i]} != --out ]] || work=\${args[i + 1]}
done
date=\${work##*/}
date=\${date#.}
printf '%s\\n' "$step $*" >>'FOLDER/calls'
how=0
[[ ! -e FOLDER/$step.$date ]] || how=$(<"FOLDER/$step.$date")
if [[ $how == wait ]]; then
  trap 'printf "%s saved its state\\n" "$step" >>"FOLDER/calls"; exit 143' TERM
  printf 'waiting\\n' >'FOLDER/waiting'
  while :; do sleep 0.05; done
fi
((how == 0)) || exit "$how"
if [[ $step == dedup ]]; then
  kept=5
  [[ ! -e FOLDER/kept.$date ]] || kept=$(<"FOLDER/kept.$date")
  mkdir -p "$work"
  printf '{\\n  "counts": {\\n    "read": 9,\\n    "kept": %s,\\n    "undirected": 0\\n  }\\n}\\n' "$kept" >"$work/manifest.json"
elif [[ $step == cluster ]]; then
  : >"$work/centroids.arrow"
fi
`;

/** Writes the stand-ins to a folder that is there. */
export function fakeCommands(folder: string): FakeCommands {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const name of ["bge-dedup", "bge-cluster"]) {
    writeFileSync(join(bin, name), SCRIPT.replaceAll("FOLDER", folder));
    chmodSync(join(bin, name), 0o755);
  }
  const calls = join(folder, "calls");
  return {
    bin,
    calls: () =>
      existsSync(calls)
        ? readFileSync(calls, "utf8")
            .trimEnd()
            .split("\n")
            .map((line) => line.replace(/ --(log-format (text|json)|progress log|json)/g, ""))
        : [],
    ends: (step, date, how) => writeFileSync(join(folder, `${step}.${date}`), String(how)),
    keeps: (date, rows) => writeFileSync(join(folder, `kept.${date}`), String(rows)),
  };
}
