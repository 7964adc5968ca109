import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BUSY, machineLine } from "./machine.js";
import { cellsOf, formatCell, formatNumber, type Measurement, type Table } from "./table.js";

/** Tables by "MACHINE/ID". */
export type Results = ReadonlyMap<string, Table>;

/** Reads all tables of a folder of results, machine by machine in the order of their names. */
export function readResults(folder: string): Results {
  const results = new Map<string, Table>();
  if (!existsSync(folder)) return results;
  for (const machine of readdirSync(folder).sort()) {
    for (const file of readdirSync(join(folder, machine)).sort()) {
      const text = readFileSync(join(folder, machine, file), "utf8");
      results.set(`${machine}/${file.replace(/\.json$/, "")}`, JSON.parse(text));
    }
  }
  return results;
}

/** "0.1" or "0.1-0.4"; without the values that nobody wrote down. */
function range(values: readonly (number | string | null | undefined)[]): string {
  const known = [...new Set(values)].filter((value) => value !== null && value !== undefined).sort();
  return known.length > 1 ? `${known[0]} to ${known[known.length - 1]}` : `${known[0] ?? ""}`;
}

/** Versions that took part in any of the measurements: "Node 20.20.2, FAISS 1.15.1". */
function versionsOf(measurements: readonly Measurement[]): string {
  const names = [...new Set(measurements.flatMap(({ versions }) => Object.keys(versions)))];
  return names.map((name) => `${name} ${range(measurements.map(({ versions }) => versions[name]))}`).join(", ");
}

/** Where, when and how a table was measured, as one line. */
export function provenance({ machine, measurements, transcribed }: Table): string {
  const runs = Math.max(...measurements.map(({ runs }) => runs ?? 0));
  const load = range(measurements.map(({ load }) => (load === null ? null : load.average.toFixed(1))));
  const busy = measurements.some(({ load }) => load !== null && load.busy > BUSY);
  return [
    `*${machineLine(machine)}`,
    versionsOf(measurements),
    range(measurements.map(({ date }) => date)),
    load === "" ? "" : `load ${load} at the start${busy ? ", **the machine was busy**" : ""}`,
    runs > 1 ? `medians of ${runs} runs, the spread in brackets` : runs === 1 ? "one run" : "",
    transcribed ? "copied from an earlier edition of this page" : "",
  ]
    .filter((part) => part !== "")
    .join("; ")
    .concat(".*");
}

/** A table with its machine above it, and below what was checked, the notes and the commands that repeat it. */
export function renderTable(table: Table): string {
  const { measurements } = table;
  const [heads, ...rows] = cellsOf(table);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const markdown = [line(heads), line(heads.map(() => "---")).replaceAll(" ", ""), ...rows.map(line)].join("\n");
  const all = (list: (measurement: Measurement) => readonly string[]) => [...new Set(measurements.flatMap(list))];
  const checks = all(({ checks }) => checks);
  const commands = all(({ command }) => (command === null ? [] : [command]));
  return [
    provenance(table),
    markdown,
    checks.length === 0 ? "" : `Checked: ${checks.join("; ")}.`,
    all(({ notes }) => notes).join(" "),
    commands.length === 0 ? "" : `\`\`\`sh\n${commands.join("\n")}\n\`\`\``,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The cell "MACHINE/ID ROW COLUMN [DIGITS]" as text. @throws Error where there is none */
export function figure(results: Results, place: string): string {
  const [name, key, column, digits] = place.split(" ");
  const table = results.get(name);
  const row = table?.measurements.flatMap(({ rows }) => rows).find((row) => row.key === key);
  const cell = row?.cells[column];
  if (table === undefined || cell === undefined || cell === null) throw new Error(`no result has the figure ${place}`);
  const shown = digits === undefined ? table.columns.find(({ key }) => key === column)?.digits : Number(digits);
  // Prose quotes the median alone.
  return typeof cell === "object" ? formatNumber(cell.median, shown) : formatCell(cell, shown);
}

/**
 * Fills a template: `{{table ID}}` becomes the table of every machine that has it, the measured ones first, `{{table
 * MACHINE/ID}}` that of one machine, and `{{MACHINE/ID ROW COLUMN}}` one figure, the median where there are several.
 * A table that no machine has is left out.
 * @throws Error for a figure, or a table of one machine, that no result has
 */
export function fillTemplate(template: string, results: Results): string {
  const filled = template.replace(/\{\{(table )?([^}]+)\}\}/g, (_, isTable: string | undefined, place: string) => {
    if (isTable === undefined) return figure(results, place.trim());
    const found = [...results].filter(([name]) => name === place || name.endsWith(`/${place}`));
    const tables = found
      .map(([, table]) => table)
      .sort((a, b) => Number(a.transcribed ?? 0) - Number(b.transcribed ?? 0));
    if (tables.length === 0 && place.includes("/")) throw new Error(`no result has the table ${place}`);
    return tables.map(renderTable).join("\n\n");
  });
  // A table that no machine has leaves nothing behind.
  return filled.replace(/\n{3,}/g, "\n\n");
}

/** Figures of a text marked `<!--= MACHINE/ID ROW COLUMN [DIGITS] -->21<!--=-->` that differ from the results. */
export function wrongFigures(text: string, results: Results): string[] {
  return [...text.matchAll(/<!--= (.*?) -->(.*?)<!--=-->/g)].flatMap(([, place, shown]) => {
    const expected = figure(results, place);
    return shown === expected ? [] : [`${place}: ${shown}, but the result is ${expected}`];
  });
}
