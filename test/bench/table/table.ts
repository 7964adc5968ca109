import type { Load, Machine } from "./machine.js";

/** Median and spread of several runs. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** null is printed as an empty cell: nobody measured it. */
export type Cell = number | string | Spread | null;

export interface Column {
  readonly key: string;
  readonly title: string;
  readonly unit?: string;
  /** Digits behind the point with which its numbers are shown; by default as many as they have. */
  readonly digits?: number;
}

/** A row: its key, by which a later run replaces it and prose quotes it, and its cells by column. */
export interface Row {
  readonly key: string;
  readonly cells: Readonly<Record<string, Cell>>;
}

/** What one run of a script measured. */
export interface Measurement {
  /** Repeats it in a checkout; null where no script does. */
  readonly command: string | null;
  /** Day of the run, null where nobody wrote it down. */
  readonly date: string | null;
  /** Versions of bge-dedup, Node, onnxruntime and of the peers that took part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly load: Load | null;
  /** Times that each figure was measured; null where nobody wrote it down, or the title says it. */
  readonly runs: number | null;
  /** What was found equal before any speed was written: "decisions equal to those from FAISS's pairs". */
  readonly checks: readonly string[];
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
}

/** A table of one machine, as it lies in `results/MACHINE/ID.json`. */
export interface Table {
  readonly id: string;
  readonly title: string;
  readonly machine: Machine;
  /** Copied by hand from a README of that time, not written by a script. */
  readonly transcribed?: true;
  readonly columns: readonly Column[];
  readonly measurements: readonly Measurement[];
}

/** "100,000 x 1,024". */
export const shapeOf = (rows: number, dim: number) => `${formatNumber(rows)} x ${formatNumber(dim)}`;

/** Median and spread of a list of figures; a plain number where there is one. */
export function spreadOf(values: readonly number[]): number | Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, median, max] = [sorted[0], sorted[sorted.length >> 1], sorted[sorted.length - 1]];
  return values.length === 1 ? median : { median, min, max };
}

/** The same table with the rows of `added` in place of those of the same key or the same command. */
export function withMeasurement(table: Table, added: Measurement): Table {
  const replaced = new Set(added.rows.map(({ key }) => key));
  const others: Measurement[] = table.measurements
    .filter(({ command }) => command !== added.command)
    .map((measurement) => ({ ...measurement, rows: measurement.rows.filter(({ key }) => !replaced.has(key)) }))
    .filter(({ rows }) => rows.length > 0);
  // A repeated measurement keeps its place, so that the order of the rows stays.
  const place = table.measurements.findIndex(({ command }) => command === added.command);
  const at = place < 0 ? others.length : Math.min(place, others.length);
  return { ...table, measurements: others.toSpliced(at, 0, added) };
}

/** A number with thousands separators and so many digits behind the point. */
export function formatNumber(value: number, digits?: number): string {
  const fraction = { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 6 };
  return value.toLocaleString("en-US", fraction);
}

/** "2.2 (2.1-2.4)", "1,024", "99.9 %", "". */
export function formatCell(cell: Cell | undefined, digits?: number): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "string") return cell;
  if (typeof cell === "number") return formatNumber(cell, digits);
  const [median, min, max] = [cell.median, cell.min, cell.max].map((value) => formatNumber(value, digits));
  return min === max ? median : `${median} (${min}-${max})`;
}

/** All cells of a table as text, the heads first. */
export function cellsOf({ columns, measurements }: Pick<Table, "columns" | "measurements">): string[][] {
  const heads = columns.map(({ title, unit }) => (unit === undefined ? title : `${title}${title ? ", " : ""}${unit}`));
  const rows = measurements.flatMap(({ rows }) => rows);
  return [heads, ...rows.map(({ cells }) => columns.map(({ key, digits }) => formatCell(cells[key], digits)))];
}
