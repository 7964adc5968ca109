import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineSlug } from "../../bench/table/machine.js";
import type { Cell, Table } from "../../bench/table/table.js";
import { type Results, TABLES } from "./table.js";

/**
 * Turns the results of gpu.sh into tables of the benchmarks' folder; of a step in several files the last counts:
 *
 *     node dist/test/by-hand/gpu/record.js --date 2026-11-28 --note "gpu-embed=what its reader must know" OUT/results.json ..
 */
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    date: { type: "string" },
    note: { type: "string", multiple: true, default: [] },
    to: { type: "string", default: "test/bench/results" },
  },
});
const files = positionals.map((path) => JSON.parse(readFileSync(path, "utf8")) as Results);
if (files.length === 0 || files.some(({ tiny }) => tiny)) throw new Error("expected files of results, none of a trial");
const steps = new Map(files.flatMap((file) => file.steps.map((step) => [step.name, step] as const)));
const [{ card, ...known }] = files;
const machine = { ...known.machine, accelerator: card.name };
const versions = { ...known.versions, driver: card.driver, CUDA: card.cuda };

const cell = (value: unknown): Cell => {
  if (value === undefined || value === null) return null;
  return typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value).replaceAll('"', "");
};

for (const { id, steps: beginnings, heading, columns } of TABLES) {
  const rows = [...steps.values()]
    .filter(({ name }) => beginnings.some((beginning) => name.startsWith(beginning)))
    .flatMap(({ name, results }) => results.map((result, i) => ({ key: `${name} ${i}`.replaceAll(" ", "-"), result })))
    .filter(({ result }) => result.device !== undefined)
    .map(({ key, result }) => ({
      key,
      cells: Object.fromEntries(Object.keys(columns).map((column) => [column, cell(result[column])])),
    }));
  if (rows.length === 0) continue;
  const used = Object.entries(columns).filter(([key]) => rows.some(({ cells }) => cells[key] !== null));
  const [command, runs] = ["bash test/by-hand/gpu.sh run OUT", 1];
  const notes = flags.note.filter((note) => note.startsWith(`${id}=`)).map((note) => note.slice(id.length + 1));
  const measurement = { command, date: flags.date ?? null, versions, load: null, runs, checks: [], notes, rows };
  const table: Table = {
    id,
    title: heading,
    machine,
    columns: used.map(([key, title]) => ({ key, title })),
    measurements: [measurement],
  };
  const folder = join(flags.to, machineSlug(machine));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${id}.json`), `${JSON.stringify(table, null, 1)}\n`);
  console.log(`written to ${join(folder, `${id}.json`)}`);
}
