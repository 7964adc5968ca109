/** What is known of one of two rows that are compared. */
export type ComparedRow =
  | { readonly row: number; readonly fate: "kept" }
  | { readonly row: number; readonly fate: "removed"; readonly keptRow: number; readonly keptIn?: string }
  | { readonly row: number; readonly fate: "rejected" };

/**
 * Why two rows were merged or were not:
 *
 * - `merged`: one is removed on account of the other;
 * - `same-group`: both are removed on account of a third row;
 * - `below`: they are not near enough, whatever became of them;
 * - `guarded`: they are near enough, but a guard of the run keeps them apart;
 * - `earlier`: they are near enough, but one is removed on account of a kept row that comes before the other;
 * - `no-chain`: they are near enough, but both are removed, each on account of another kept row;
 * - `known`: a reference has the text of one, which was therefore not embedded, and the row goes on account of its row;
 * - `undirected`: one has no vector, and is merged with equal texts only;
 * - `rejected`: one was rejected, so it was never compared;
 * - `unmeasured`: the vectors are missing;
 * - `contradiction`: both are kept though nothing keeps them apart, so the folder is damaged.
 */
export type Verdict =
  | "merged"
  | "same-group"
  | "below"
  | "guarded"
  | "earlier"
  | "no-chain"
  | "known"
  | "undirected"
  | "rejected"
  | "unmeasured"
  | "contradiction";

/**
 * Judges two rows.
 * @param cosine of their vectors; null where one has none, undefined where it cannot be measured
 * @param guarded whether a guard of the run tells their texts apart
 */
export function verdictOf(
  a: ComparedRow,
  b: ComparedRow,
  { cosine, threshold, guarded }: { cosine: number | null | undefined; threshold: number; guarded: boolean },
): Verdict {
  if (a.fate === "rejected" || b.fate === "rejected") return "rejected";
  const folder = (row: ComparedRow) => (row.fate === "removed" ? row.keptIn : undefined);
  const keeper = (row: ComparedRow) => `${row.fate === "removed" ? row.keptRow : row.row} ${folder(row) ?? ""}`;
  if (keeper(a) === keeper(b)) return a.fate === "removed" && b.fate === "removed" ? "same-group" : "merged";
  if (cosine === null) return folder(a) === undefined && folder(b) === undefined ? "undirected" : "known";
  if (cosine === undefined) return "unmeasured";
  if (cosine < threshold) return "below";
  if (guarded) return "guarded";
  if (a.fate === "removed" && b.fate === "removed") return "no-chain";
  return a.fate === "removed" || b.fate === "removed" ? "earlier" : "contradiction";
}
