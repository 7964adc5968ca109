import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tableFromIPC } from "apache-arrow";
import { cluster } from "../../src/index.js";
import { seededRandom } from "../../src/random.js";
import { vMeasure } from "../data/agreement.js";
import { openTable } from "./table/record.js";

/**
 * Clusters of the next night with `--like`, without it, and by scikit-learn from the same centroids: the share of the
 * old rows that keep their id, the inertia, and the agreement with the classes. Without `--like` the ids are matched
 * with the former ones in hindsight, the largest overlaps first.
 *
 *   node dist/test/bench/like.js --input rows.jsonl --k 50 [--model FOLDER | --vector-field v] --python python-with-peers
 *
 * The rows have `text` and `label`. Nights: 5 % new rows; a class that was never there; one class that goes as another
 * comes; ten nights that each replace a tenth of the rows.
 */
const { values: flags } = parseArgs({
  options: {
    input: { type: "string" },
    k: { type: "string", default: "50" },
    model: { type: "string" },
    "vector-field": { type: "string" },
    python: { type: "string", default: "python3" },
    seeds: { type: "string", default: "1,2,3" },
  },
});
if (flags.input === undefined) throw new Error("--input is missing; expected JSONL with text and label");

const table = await openTable({
  id: "like",
  title: "Clusters of the next night",
  runs: flags.seeds.split(",").length,
  columns: [
    { key: "input", title: "rows" },
    { key: "night", title: "night" },
    { key: "clusters", title: "clusters" },
    { key: "kept", title: "old rows that keep their id (least)", unit: "%" },
    { key: "inertia", title: "inertia to anew", digits: 4 },
    { key: "agreement", title: "V-measure", digits: 3 },
    { key: "far", title: "far rows", unit: "%", digits: 1 },
  ],
});

interface Row {
  readonly text: string;
  readonly label: string;
}
const all = readFileSync(flags.input, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Row);
const folder = mkdtempSync(join(tmpdir(), "like-"));
const k = Number(flags.k);
let made = 0;

interface Night {
  readonly out: string;
  readonly ids: number[];
  readonly inertia: number;
  readonly far: number;
}

async function night(
  rows: readonly Row[],
  options: { like?: string; assign?: boolean; seed?: number },
): Promise<Night> {
  const out = join(folder, `${++made}`);
  const inputs = `${out}.jsonl`;
  writeFileSync(inputs, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const vectorField = flags["vector-field"];
  const { inertia, drift } = await cluster({
    inputs,
    out,
    ...(options.like === undefined ? { k } : {}),
    ...options,
    ...(flags.model === undefined ? {} : { model: flags.model }),
    ...(vectorField === undefined ? {} : { vectorField }),
  });
  const column = tableFromIPC(readFileSync(join(out, "clusters.arrow"))).getChild("cluster");
  const ids = Array.from(column ?? [], (id) => (id === null ? -1 : Number(id)));
  return { out, ids, inertia, far: drift?.far_share ?? 0 };
}

/** Renames clusters to the former ones with which they share the most rows. */
function matched(before: readonly (number | undefined)[], now: readonly number[]): number[] {
  const shared = new Map<string, number>();
  for (const [row, id] of now.entries()) {
    if (before[row] !== undefined) shared.set(`${before[row]} ${id}`, (shared.get(`${before[row]} ${id}`) ?? 0) + 1);
  }
  const names = new Map<number, number>();
  const taken = new Set<number>();
  for (const [pair] of [...shared].sort((a, b) => b[1] - a[1])) {
    const [was, is] = pair.split(" ").map(Number);
    if (names.has(is) || taken.has(was)) continue;
    names.set(is, was);
    taken.add(was);
  }
  return now.map((id) => names.get(id) ?? -2);
}

/** scikit-learn over the same vectors from the centroids of a folder: the cluster of each row, in the order of the store. */
function sklearn(like: string, out: string): { ids: number[]; inertia: number } | undefined {
  const script = join(import.meta.dirname, "../../../test/bench/peers/kmeans_like.py");
  const args = [script, join(out, "embeddings.arrow"), join(like, "centroids.arrow"), "--peer", "sklearn"];
  const { status, stdout } = spawnSync(flags.python, [...args, "--threads", "2"], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) return undefined;
  const { labels, inertia } = JSON.parse(stdout) as { labels: number[]; inertia: number };
  const rowOf = tableFromIPC(readFileSync(join(out, "embeddings.arrow"))).getChild("_row");
  const ids: number[] = [];
  for (const [position, row] of Array.from(rowOf ?? [], Number).entries()) ids[row] = labels[position];
  return { ids, inertia };
}

/** Share of the rows with a former id that have it still. */
function keptShare(before: readonly (number | undefined)[], now: readonly (number | undefined)[]): number {
  let [old, kept] = [0, 0];
  for (const [row, id] of before.entries()) {
    if (id === undefined || now[row] === undefined) continue;
    old++;
    if (id === now[row]) kept++;
  }
  return kept / old;
}

const figures = new Map<string, number[][]>();
function record(name: string, values: readonly number[]): void {
  figures.set(name, [...(figures.get(name) ?? []), [...values]]);
}

/** Clusters today's rows in each way. `before[row]` is the former id of a row, undefined for a new one. */
async function compare(
  name: string,
  today: readonly Row[],
  former: Night,
  before: readonly (number | undefined)[],
  seed: number,
) {
  const classes = today.map(({ label }) => label);
  const anew = await night(today, { seed: seed + 100 });
  const like = await night(today, { like: former.out });
  const assigned = await night(today, { like: former.out, assign: true });
  const row = (ids: readonly number[], inertia: number) => [
    keptShare(before, ids),
    inertia / anew.inertia,
    vMeasure(
      Array.from(today, (_, i) => ids[i]),
      classes,
    ),
  ];
  record(`${name} | --like`, [...row(like.ids, like.inertia), like.far]);
  record(`${name} | --assign`, [...row(assigned.ids, assigned.inertia), assigned.far]);
  record(`${name} | anew, matched`, row(matched(before, anew.ids), anew.inertia));
  const peer = sklearn(former.out, anew.out);
  // Copies of a text count once there, so that the inertia is of other rows.
  if (peer !== undefined) {
    const ids = today.map((_, i) => peer.ids[i]);
    record(`${name} | scikit-learn, warm`, [
      keptShare(before, ids),
      peer.inertia / anew.inertia,
      vMeasure(ids, classes),
    ]);
  }
}

try {
  for (const seed of flags.seeds.split(",").map(Number)) {
    const random = seededRandom(seed);
    const keys = new Map(all.map((row) => [row, random()]));
    const rows = [...all].sort((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0));
    const old = rows.slice(0, Math.floor(rows.length / 1.05));
    const first = await night(old, { seed });
    await compare("5 % new rows", rows, first, first.ids, seed);

    const labels = [...new Set(rows.map(({ label }) => label))].sort();
    const [a, b] = [labels[Math.floor(random() * labels.length)], labels[Math.floor(random() * labels.length)]];
    const without = rows.filter(({ label }) => label !== a);
    const injected = await night(without, { seed });
    const withClass = [...without, ...rows.filter(({ label }) => label === a)];
    await compare("a new class", withClass, injected, injected.ids, seed);
    const changed = [...without.filter(({ label }) => label !== b), ...rows.filter(({ label }) => label === a)];
    const idOf = new Map(without.map((row, i) => [row, injected.ids[i]]));
    await compare(
      "a class for another",
      changed,
      injected,
      changed.map((row) => idOf.get(row)),
      seed,
    );

    const half = Math.floor(rows.length / 2);
    const step = Math.floor(half / 10);
    let latest = await night(rows.slice(0, half), { seed });
    for (let n = 1; n < 10; n++) latest = await night(rows.slice(n * step, n * step + half), { like: latest.out });
    const before = Array.from({ length: half }, (_, i) => latest.ids[i + step]);
    await compare("after ten nights", rows.slice(10 * step, 10 * step + half), latest, before, seed);
  }
  console.log(`${flags.input}, ${all.length} rows, k = ${k}; means over seeds ${flags.seeds}`);
  console.log("| night | clusters | old rows that keep their id (least) | inertia to anew | V-measure | far rows |");
  console.log("|---|---|---|---|---|---|");
  for (const [name, runs] of figures) {
    const mean = (i: number) => runs.reduce((sum, values) => sum + values[i], 0) / runs.length;
    const least = Math.min(...runs.map(([kept]) => kept));
    const far = runs[0].length > 3 ? `${(100 * mean(3)).toFixed(1)} %` : "";
    const kept = `${(100 * mean(0)).toFixed(1)} % (${(100 * least).toFixed(1)})`;
    const [night, clusters] = name.split(" | ");
    const input = (flags.input as string).split(/[\\/]/).at(-1) as string;
    table.add(`${input} k ${k} ${name}`.toLowerCase().replace(/[^a-z0-9]+/g, "-"), {
      ...{ input: `${input}, ${all.length}, k = ${k}`, night, clusters, kept: kept.replace(" %", "") },
      ...{ inertia: mean(1), agreement: mean(2), far: runs[0].length > 3 ? 100 * mean(3) : null },
    });
    console.log(`| ${name} | ${kept} | ${mean(1).toFixed(4)} | ${mean(2).toFixed(3)} | ${far} |`);
  }
  table.write();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
