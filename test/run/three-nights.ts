import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before } from "node:test";
import { dedup, numbers, readTable, testFolder, values, writeJsonl } from "./folders.js";

/** The folder of the nights, which goes at the end of the test file that imports this. */
export const folder = testFolder();

/** Texts of three nights: equal, equal but for case, near, and new ones; a chain of a removed text in the last. */
export const NIGHTS = [
  ["how do I reset my password for this account", "where is the parcel of order 12 please", "退款三天没有到账怎么办"],
  ["HOW do I reset my password for this account", "where is the parcel of order 12 pleasex", "an invoice without tax"],
  ["where is the parcel of order 12 pleasex", "An invoice without tax", "a text that nobody has written before"],
];
/** The input of each night. */
export const inputs = NIGHTS.map((texts, n) => join(folder, `night-${n}-of-${texts.length}.jsonl`));
let made = 0;

/** A path of the folder that no other call has returned. */
export function freshPath(name: string): string {
  return join(folder, `${name}-${made++}`);
}

/** Results of three nights in one folder. */
export interface ThreeNights {
  readonly root: string;
  readonly paths: readonly string[];
}

let template: Promise<ThreeNights> | undefined;

/** A copy of the three nights of its own, which were moved together. */
export async function threeNights(): Promise<ThreeNights> {
  template ??= makeNights();
  const { paths, root } = await template;
  const copy = freshPath("nights");
  cpSync(root, copy, { recursive: true });
  return { root: copy, paths: paths.map((path) => path.replace(root, copy)) };
}

/** Runs the three nights, each against those before. */
export async function makeNights(options: Parameters<typeof dedup>[2] = {}): Promise<ThreeNights> {
  const root = freshPath("nights");
  const paths = NIGHTS.map((_, n) => join(root, `night-${n}`));
  for (const [n, path] of paths.entries()) {
    await dedup([inputs[n]], path, { threshold: 0.8, against: [`${root}/*`], ...options });
  }
  return { root, paths };
}

/** The manifest of a result. */
export function manifestOf(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")) as Record<string, unknown>;
}

/** Writes the manifest of a result with changes. */
export function changeManifest(path: string, change: (manifest: Record<string, unknown>) => void): void {
  const manifest = manifestOf(path);
  change(manifest);
  writeFileSync(join(path, "manifest.json"), JSON.stringify(manifest));
}

/** Rows of removed.arrow: the folder of the kept row, by the last part of its path, that row, and the reason. */
export function removedOf(path: string): [place: string | null, keptRow: number, reason: string][] {
  const table = readTable(path, "removed.arrow");
  const [places, reasons] = [values(table, "_kept_in"), values(table, "_reason")];
  return numbers(table, "_kept_row").map((row, i) => {
    const place = places[i] as string | null;
    return [place === null ? null : (place.split("/").at(-1) ?? ""), row, String(reasons[i])];
  });
}

before(() => {
  for (const [n, texts] of NIGHTS.entries()) {
    writeJsonl(
      inputs[n],
      texts.map((text) => ({ text })),
    );
  }
});
