import { formatKeepPolicy, type KeepPolicy } from "../../exact/priority.js";
import type { KeptTable, RemovedTable } from "../../proofs/certificates.js";
import { goesBefore } from "./verify-priority.js";
import type { PolicyColumns } from "./verify-tables.js";

/**
 * Checks that the kept row that a removed row names precedes it under the keep policy, and that no guard keeps the two
 * apart.
 *
 * Together with certificate and independence, precedence makes the kept rows the lexicographically first maximal
 * independent set. A scan of all pairs in priority order would keep the same rows, because there is only one such set.
 * @param kept must hold every row of this run that a removed row names
 * @returns the first violation in words, or undefined
 */
export function findBrokenPolicy(
  policy: KeepPolicy,
  kept: KeptTable & PolicyColumns,
  removed: RemovedTable & PolicyColumns,
): string | undefined {
  const at = new Map<number, number>();
  for (let k = 0; k < kept.rows.length; k++) at.set(kept.rows[k], k);
  for (let r = 0; r < removed.rows.length; r++) {
    // Rows of a reference come before all others, whatever the policy.
    if (removed.keptIn !== undefined && removed.keptIn[r] >= 0) continue;
    const k = at.get(removed.keptRows[r]) as number;
    const row = removed.rows[r];
    const pair = `row ${row} was removed for row ${kept.rows[k]}`;
    if (kept.signatures !== undefined && removed.signatures !== undefined) {
      if (kept.signatures[k] !== removed.signatures[r]) return `${pair}, but a guard keeps their texts apart`;
    }
    if (kept.keys === undefined || removed.keys === undefined) continue;
    if (!goesBefore(policy, { row: kept.rows[k], key: kept.keys[k] }, { row, key: removed.keys[r] })) {
      return `${pair}, but --keep ${formatKeepPolicy(policy)} puts it before that one`;
    }
  }
  return undefined;
}
