/** Share of rejected records beyond which a run that succeeds says so in its last lines. */
const SUSPICIOUS_SHARE = 0.1;

/**
 * What a person should know of a run that succeeded.
 * @param out folder of rejects.jsonl; absent for a dry run, which writes nothing
 */
export function rejectsWarning(rejected: number, read: number, out?: string): string[] {
  if (rejected <= SUSPICIOUS_SHARE * read) return [];
  const percent = ((100 * rejected) / read).toFixed(1);
  return [
    `${rejected} of ${read} records (${percent} %) ${out === undefined ? "would be" : `were`} rejected` +
      `${out === undefined ? "" : `, see ${out}/rejects.jsonl`}; --max-rejects sets a limit`,
  ];
}

/**
 * Says that fewer clusters were made than asked for.
 * @param distinct vectors that can be told apart
 */
export function clustersWarning(wanted: number, distinct: number): string[] {
  if (distinct >= wanted) return [];
  return [`--k ${wanted} is more than there are texts to tell apart: ${distinct} clusters were made`];
}
