import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Field, FixedSizeList, Float32, makeData, Schema, Uint32 } from "apache-arrow";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { batchOf } from "../../src/io/columns/take.js";
import { sha256File } from "../../src/io/sha256.js";
import { type Geometry, makeVectors } from "./geometries.js";
import { openTable, spreadOf } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * A whole run of bge-dedup over vectors in Arrow files: by one process, and by workers of an engine. All of them must give
 * the same bytes.
 *
 *   node dist/test/bench/workers.js --rows 100000 --dim 1024 --ways one:1,one:2,local:1,local:2,local:4,slurm:2
 *
 * `one:T` is the ordinary command with T threads, `ENGINE:W` one with W workers of a thread each. `--input FOLDER` keeps the
 * made files for another time; words behind `--` go to the engine.
 */
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "100000" },
    dim: { type: "string", default: "1024" },
    files: { type: "string", default: "8" },
    geometry: { type: "string", default: "bge" },
    threshold: { type: "string", default: "0.9" },
    memory: { type: "string", default: "2GB" },
    ways: { type: "string", default: "one:1,one:2,local:1,local:2,local:4" },
    rounds: { type: "string", default: "1" },
    input: { type: "string" },
    folder: { type: "string", default: tmpdir() },
  },
});
const program = fileURLToPath(new URL("../../../bin/bge-dedup.js", import.meta.url));
const FILES = ["kept.arrow", "removed.arrow", "embeddings.arrow"];

/** Writes the vectors to files of equal size. */
async function makeFiles(folder: string): Promise<void> {
  const [rows, dim, files] = [Number(flags.rows), Number(flags.dim), Number(flags.files)];
  const type = new FixedSizeList(dim, new Field("item", new Float32(), false));
  const schema = new Schema([new Field("id", new Uint32(), false), new Field("vector", type, false)]);
  const writers = [];
  for (let file = 0; file < files; file++) {
    writers.push(await openArrowWriter({ path: join(folder, `${String(file).padStart(4, "0")}.arrow`), schema }));
  }
  let row = 0;
  for (const values of makeVectors({ geometry: flags.geometry as Geometry, rows, dim, seed: 1 })) {
    const length = values.length / dim;
    const id = Uint32Array.from({ length }, (_, i) => row + i);
    const child = makeData({ type: new Float32(), length: values.length, nullCount: 0, data: values });
    const columns = [
      makeData({ type: new Uint32(), length, nullCount: 0, data: id }),
      makeData({ type, length, nullCount: 0, child }),
    ];
    await writers[Math.floor((row * files) / rows)].write(batchOf(schema, columns, length));
    row += length;
  }
  for (const writer of writers) await writer.finish();
}

/** Flags of a way: `one:2` or `slurm:4`. */
function flagsOf(way: string): string[] {
  const [engine, count] = way.split(":");
  if (engine === "one") return ["--threads", count];
  return [
    "--executor",
    engine,
    "--workers",
    count,
    "--threads",
    "1",
    ...(positionals.length ? ["--", ...positionals] : []),
  ];
}

/** Runs a way and returns its seconds, those of its tasks together, and the digests of its files. */
async function run(way: string, input: string, folder: string) {
  const out = join(folder, way.replace(":", "-"));
  await rm(out, { recursive: true, force: true });
  const shared = ["-o", out, "--vector-field", "vector", "--threshold", flags.threshold, "--memory", flags.memory];
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [program, input, ...shared, "--quiet", ...flagsOf(way)], {
    encoding: "utf8",
  });
  const seconds = (performance.now() - started) / 1000;
  assert.equal(status, 0, stderr);
  const manifest = JSON.parse(await readFile(join(out, "manifest.json"), "utf8"));
  const digests = [];
  for (const name of FILES) digests.push(await sha256File(join(out, name)));
  await rm(out, { recursive: true });
  return { seconds, stages: manifest.seconds as Record<string, number>, engine: manifest.engine, digests };
}

const table = await openTable({
  id: "workers",
  title: "Whole runs by workers",
  runs: Number(flags.rounds),
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "way", title: "way" },
    { key: "seconds", title: "", unit: "s", digits: 1 },
    { key: "tasks", title: "all tasks", unit: "s", digits: 1 },
    { key: "stages", title: "stages", unit: "s" },
  ],
});
const folder = await mkdtemp(join(flags.folder, "workers-"));
const input = flags.input ?? join(folder, "input");
try {
  if (!existsSync(input)) {
    await mkdir(input, { recursive: true });
    await makeFiles(input);
  }
  console.log(`${flags.rows} x ${flags.dim} ${flags.geometry} in ${flags.files} files, threshold ${flags.threshold}`);
  let expected: readonly string[] | undefined;
  const times = new Map<string, { seconds: number[]; tasks: number | null; stages: string }>();
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const way of flags.ways.split(",")) {
      const { seconds, stages, engine, digests } = await run(way, input, folder);
      expected ??= digests;
      assert.deepEqual(digests, expected, `${way} gives other bytes`);
      const parts = Object.entries(stages).map(([name, value]) => `${name} ${value.toFixed(1)}`);
      const tasks =
        engine === undefined ? "" : `; ${engine.tasks} tasks, ${engine.seconds.summed.toFixed(1)} s of work`;
      times.set(way, {
        seconds: [...(times.get(way)?.seconds ?? []), seconds],
        tasks: engine === undefined ? null : engine.seconds.summed,
        stages: parts.join(", "),
      });
      console.log(`${way.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s  (${parts.join(", ")}${tasks})`);
    }
  }
  table.check(`the same bytes by all ways in ${FILES.join(", ")}`);
  for (const [way, { seconds, ...rest }] of times) {
    const vectors = `${shapeOf(Number(flags.rows), Number(flags.dim))}, ${flags.geometry}`;
    const key = `${flags.rows}x${flags.dim}-${flags.geometry}-${way.replace(":", "-")}`;
    table.add(key, { vectors, way, seconds: spreadOf(seconds), ...rest });
  }
  table.write();
} finally {
  await rm(folder, { recursive: true, force: true });
}
