import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * `npm run bench`: every benchmark in turn at sizes that take minutes; each prints a table and can be run alone with its own
 * flags (`node dist/test/bench/NAME.js`). `-- --python .venv/bin/python` names an interpreter with the peers; with `--input
 * rows.jsonl --model folder` the whole run goes beside semhash too, where python has it.
 */
const { values: flags } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    input: { type: "string" },
    model: { type: "string" },
  },
});
const peers = ["--peers", "flat,hnsw,ivf,usearch", "--python", flags.python];
const benchmarks: (readonly [name: string, ...flags: string[]])[] = [
  ["join", "--rows", "20000", "--geometry", "bge", ...peers],
  ["join", "--rows", "20000", "--geometry", "bge", "--dim", "384", ...peers],
  ["join", "--rows", "20000", "--geometry", "isotropic", ...peers],
  ["join-scale", "--rows", "10000,30000,100000"],
  ["kmeans", "--rows", "20000", "--k", "50", "--python", flags.python],
];
if (flags.input !== undefined) {
  const model = flags.model === undefined ? [] : ["--model", flags.model];
  benchmarks.push(["run", "--input", flags.input, ...model, "--python", flags.python]);
}

for (const [name, ...rest] of benchmarks) {
  console.log(`\n${name} ${rest.join(" ")}`);
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...rest], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
