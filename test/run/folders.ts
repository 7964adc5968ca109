import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after } from "node:test";
import { type Table, tableFromIPC } from "apache-arrow";
import { parseKeepPolicy } from "../../src/exact/priority.js";
import type { Reporter } from "../../src/reporter.js";
import { runDedup } from "../../src/run/dedup.js";
import type { DedupOptions, RunContext } from "../../src/run/options.js";
import { verifyFolder } from "../../src/run/verify.js";
import "./no-cache.js";

/** A reporter that says nothing. */
export const silent: Reporter = { stage: () => ({ advance() {}, end() {} }), note() {} };

/** A reporter that remembers what is noted. */
export function noting(): Reporter & { readonly notes: string[] } {
  const notes: string[] = [];
  return { notes, stage: silent.stage, note: (message) => notes.push(message) };
}

/** A folder of its own, removed after the tests of the file. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "bge-test-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes records as JSONL and returns the path. */
export function writeJsonl(path: string, records: readonly unknown[]): string {
  writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return path;
}

/** Options of a run with the embedded model, as the command line fills them in. */
export function dedupOptions(
  inputs: readonly string[],
  out: string,
  { keep, ...others }: Partial<Omit<DedupOptions, "keep">> & { keep?: string } = {},
): DedupOptions {
  return {
    inputs,
    out,
    textFields: ["text"],
    model: "builtin",
    device: "auto",
    dtype: "auto",
    long: "truncate",
    memory: 2 ** 30,
    threads: 1,
    seed: 0,
    fresh: false,
    guards: { numbers: false, negation: false, names: false },
    formats: ["arrow"],
    ...others,
    keep: parseKeepPolicy(keep ?? "first"),
  };
}

/** Runs bge-dedup in this process. */
export function dedup(
  inputs: readonly string[],
  out: string,
  options: Parameters<typeof dedupOptions>[2] & { context?: Partial<RunContext> } = {},
) {
  const { context, ...others } = options;
  return runDedup(dedupOptions(inputs, out, others), { reporter: silent, stdin: Readable.from([]), ...context });
}

/** Proves a folder, with memory for a few vectors only. */
export function verify(folder: string) {
  return verifyFolder({ folder, threads: 1, memory: 64 * 2 ** 20, reporter: silent });
}

/** An Arrow file of a folder, read by the reference implementation. */
export function readTable(folder: string, name: string): Table {
  return tableFromIPC(readFileSync(join(folder, name)));
}

/** A column as numbers, nulls as -1. */
export function numbers(table: Table, name: string): number[] {
  const column = table.getChild(name);
  if (column === null) throw new Error(`no column ${name}`);
  return Array.from({ length: table.numRows }, (_, i) => {
    const value = column.get(i) as bigint | number | null;
    return value === null ? -1 : Number(value);
  });
}

/** A column as it is. */
export function values(table: Table, name: string): unknown[] {
  const column = table.getChild(name);
  if (column === null) throw new Error(`no column ${name}`);
  return Array.from({ length: table.numRows }, (_, i) => column.get(i) as unknown);
}

/** Every published file of a folder but the manifest, whose seconds differ from run to run. */
export function outputBytes(folder: string): Record<string, Buffer> {
  const names = readdirSync(folder).filter((name) => name !== "manifest.json" && name !== ".work");
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name))]));
}
