import { GUARDED } from "./guarded.js";
import { CLUSTER_FILES, REJECTS, TABLE_FILES } from "./output-names.js";
import { stalePage } from "./stale-page.js";

/**
 * Outputs that an earlier run may have left in the output folder. A run publishes some of these files and removes the
 * others, so that a folder never mixes the results of two runs.
 */
const OPTIONAL = [REJECTS, GUARDED, ...TABLE_FILES];

/**
 * Files of the output folder that no longer belong to its content once a run of bge-dedup has published.
 * @param files names of the files that the run publishes
 */
export async function staleFiles(out: string, files: readonly string[]): Promise<string[]> {
  const absent = OPTIONAL.filter((name) => !files.includes(name));
  return [...CLUSTER_FILES, ...absent, ...(await stalePage(out))];
}
