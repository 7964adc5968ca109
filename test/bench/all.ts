import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * `npm run bench`: every benchmark in turn at sizes that take minutes; each prints a table and can be run alone with its own
 * flags (`node dist/test/bench/NAME.js`). Arguments are passed on to all, such as `-- --python .venv/bin/python`.
 */
const BENCHMARKS: readonly (readonly [name: string, ...flags: string[]])[] = [
  ["join", "--rows", "20000", "--geometry", "bge"],
  ["join", "--rows", "20000", "--geometry", "isotropic"],
  ["kmeans", "--rows", "20000", "--k", "50"],
];

for (const [name, ...flags] of BENCHMARKS) {
  console.log(`\n${name} ${flags.join(" ")}`);
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...flags, ...process.argv.slice(2)], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
