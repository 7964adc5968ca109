const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Share of rejected records beyond which a run that succeeds says so in its last lines. */
const SUSPICIOUS_SHARE = 0.1;

/**
 * What a person should know of a run that succeeded.
 * @param out folder of rejects.jsonl; absent for a dry run, which writes nothing
 */
export function rejectsWarning(rejected: number, read: number, out?: string): string[] {
  if (rejected <= SUSPICIOUS_SHARE * read) return [];
  return [
    `${rejected} of ${read} records (${percent(rejected / read)}) ${out === undefined ? "would be" : "were"} rejected` +
      `${out === undefined ? "" : `, see ${out}/rejects.jsonl`}; --max-rejects sets a limit`,
  ];
}

/** Share of rows far from every former centroid beyond which a run says so in its last lines; 0.01 is usual. */
const MANY_FAR = 0.03;

/** Says that many rows are unlike those of the former clusters. */
export function driftWarning(drift: { readonly far_share: number; readonly like: string } | undefined): string[] {
  if (drift === undefined || drift.far_share <= MANY_FAR) return [];
  return [
    `${percent(drift.far_share)} of the rows are far from every centroid of ${drift.like}, 1 % is usual: see drift.farthest`,
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
