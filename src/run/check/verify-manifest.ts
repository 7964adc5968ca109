import { existsSync } from "node:fs";
import { join } from "node:path";
import type { KeptTable, RemovedTable } from "../../proofs/certificates.js";
import { COUNTS, type CountName } from "../work/dedup-folder.js";
import { type FileRecord, fileRecord } from "../work/manifest.js";

/**
 * Compares the counts of the manifest with the tables.
 * @returns the first difference in words, or undefined
 */
export function findWrongCount(
  counts: Readonly<Record<CountName, number>>,
  { kept, removed, rejected }: { kept: KeptTable; removed: RemovedTable; rejected: number },
): string | undefined {
  const found: Record<CountName, number> = {
    read: kept.rows.length + removed.rows.length + rejected,
    rejected,
    kept: kept.rows.length,
    removed: removed.rows.length,
    exact: 0,
    normalized: 0,
    semantic: 0,
  };
  for (const reason of removed.reasons) found[reason as "exact" | "normalized" | "semantic"]++;
  const wrong = COUNTS.find((name) => counts[name] !== found[name]);
  return wrong && `the manifest counts ${counts[wrong]} rows ${wrong}, but the tables hold ${found[wrong]}`;
}

/**
 * Hashes the files that the manifest lists.
 * @returns the first file that differs from its record, in words, or undefined
 */
export async function findChangedFile(folder: string, outputs: readonly FileRecord[]): Promise<string | undefined> {
  for (const { name, sha256 } of outputs) {
    const path = join(folder, name);
    if (!existsSync(path)) return `${name} is listed in the manifest but is missing`;
    try {
      const found = await fileRecord(path, name);
      if (found.sha256 !== sha256) return `${name} has sha256 ${found.sha256}, but the manifest says ${sha256}`;
    } catch (error) {
      return `${name} is listed in the manifest but cannot be read: ${(error as Error).message}`;
    }
  }
  return undefined;
}
