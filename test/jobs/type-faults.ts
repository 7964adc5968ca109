import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Path of a module of the development dependencies. */
export const resolve = createRequire(import.meta.url).resolve;

/**
 * What the compiler finds wrong with programs that hold documents as literals of declared types: unknown fields, missing
 * ones and values of another type. All programs are compiled at once, since loading the types takes most of the time.
 * @param options.folder where the programs are written
 * @param options.flags how modules are found
 * @returns the messages for each program
 */
export function typeFaults(options: {
  readonly folder: string;
  readonly flags: readonly string[];
  readonly programs: readonly string[];
}): string[][] {
  const { folder, flags, programs } = options;
  const files = programs.map((_, i) => `document${i}.ts`);
  for (const [i, program] of programs.entries()) writeFileSync(join(folder, files[i]), program);
  const compiler = resolve("typescript/package.json").replace(/package\.json$/, "bin/tsc");
  const common = ["--noEmit", "--strict", "--skipLibCheck", "--types", "", "--pretty", "false"];
  const { stdout, status } = spawnSync(process.execPath, [compiler, ...common, ...flags, ...files], {
    cwd: folder,
    encoding: "utf8",
  });
  const lines = stdout.split("\n").filter((line) => line.includes("error TS"));
  assert.equal(status === 0, lines.length === 0, `the compiler ended with ${status}: ${stdout}`);
  const faults = files.map((file) =>
    lines.filter((line) => line.startsWith(`${file}(`)).map((line) => line.replace(/^.*error TS\d+: /, "")),
  );
  assert.equal(faults.flat().length, lines.length, `errors outside of the documents: ${stdout}`);
  return faults;
}
