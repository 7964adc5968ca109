import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { repeatable } from "./command.js";
import { BUSY, type Load, type Machine, machineLine, machineSlug, readLoad, readMachine } from "./machine.js";
import { ownVersions } from "./root.js";
import { type Cell, type Column, type Row, spreadOf, type Table, withMeasurement } from "./table.js";

export { spreadOf };

/** A table that a script is measuring. */
export interface OpenTable {
  /** Adds a row. @param key names it among all rows of the table, whatever the flags: "100000x1024-bge-0.9" */
  add(key: string, cells: Record<string, Cell>): void;
  /** Notes what was found equal, and prints it. */
  check(what: string): void;
  /** Notes what a reader must know of this run. */
  note(what: string): void;
  /** Notes the version of a peer. */
  version(name: string, version: string): void;
  /** Writes the table to `BENCH_RESULTS/MACHINE/ID.json`, where that environment variable names a folder. */
  write(): void;
}

/** Figures are kept to six digits: the others are noise. */
function rounded(cell: Cell): Cell {
  if (cell === null || typeof cell === "string") return cell;
  if (typeof cell === "number") return Number.isInteger(cell) ? cell : Number(cell.toPrecision(6));
  return Object.fromEntries(Object.entries(cell).map(([name, value]) => [name, rounded(value)])) as unknown as Cell;
}

/** Adds what was measured to the file of the table, which it makes where there is none. */
function save(table: Table): string {
  const folder = join(resolve(process.env.BENCH_RESULTS as string), machineSlug(table.machine));
  const path = join(folder, `${table.id}.json`);
  mkdirSync(folder, { recursive: true });
  const known: Table = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { ...table, measurements: [] };
  if (known.transcribed) throw new Error(`${path} was copied from a README; move it to a name of its own first`);
  const merged = withMeasurement({ ...known, ...table, measurements: known.measurements }, table.measurements[0]);
  writeFileSync(path, `${JSON.stringify(merged, null, 1)}\n`);
  return path;
}

let started: Promise<{ machine: Machine; load: Load }> | undefined;

/** Looks at the machine, once for all tables of a process, and prints what it is and how busy. */
function start(): Promise<{ machine: Machine; load: Load }> {
  started ??= (async () => {
    const [machine, load] = [await readMachine(), await readLoad()];
    const { Node, onnxruntime } = ownVersions();
    console.log(`${machineLine(machine)}; Node ${Node}, onnxruntime ${onnxruntime}`);
    const share = `${Math.round(100 * load.busy)} % of the processors in use by others`;
    const warning = load.busy > BUSY ? ": DO NOT TRUST THE TIMES" : "";
    console.log(`load ${load.average.toFixed(2)} at the start, ${share}${warning}`);
    return { machine, load };
  })();
  return started;
}

/**
 * Begins a table: prints the machine, its load and a warning where others keep it busy. Call it before the work.
 * @param options.runs times that each figure is measured; null where the title says what counts of several runs
 */
export async function openTable(options: {
  id: string;
  title: string;
  columns: readonly Column[];
  runs?: number | null;
}): Promise<OpenTable> {
  const { id, title, columns, runs = 1 } = options;
  const { machine, load } = await start();
  const versions = ownVersions();
  const rows: Row[] = [];
  const checks: string[] = [];
  const notes: string[] = [];
  return {
    add(key, cells) {
      const unknown = Object.keys(cells).find((name) => columns.every((column) => column.key !== name));
      if (unknown !== undefined) throw new Error(`table ${id} has no column ${unknown}`);
      if (rows.some((row) => row.key === key)) throw new Error(`table ${id} has two rows ${key}`);
      rows.push({ key, cells: Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, rounded(cell)])) });
    },
    check(what) {
      checks.push(what);
      console.log(`checked: ${what}`);
    },
    note: (what) => notes.push(what),
    version: (name, version) => {
      versions[name] = version;
    },
    write() {
      if (rows.length === 0 || process.env.BENCH_RESULTS === undefined) return;
      const command = repeatable(process.argv.slice(1));
      const date = new Date().toISOString().slice(0, 10);
      const measurement = { command, date, versions, load, runs, checks, notes, rows };
      console.error(`written to ${save({ id, title, machine, columns, measurements: [measurement] })}`);
    },
  };
}
