import type { ClusterSummary } from "../run/summary.js";
import { printable } from "./printable.js";
import { bytes, count, counted, seconds, table, warned } from "./summary.js";
import { fitted } from "./text-width.js";

/** Fewest columns for the text of a cluster, however narrow the terminal. */
const LEAST = 20;

/**
 * The summary of bge-cluster for a person.
 * @param columns width of the terminal
 */
export function formatCluster(summary: ClusterSummary, columns: number): string {
  const { counts, chosen_k, out, files, inertia, iterations, converged } = summary;
  const rows: [string, number, string?][] = [
    ["clustered", counts.clustered],
    ["clusters", counts.clusters, chosen_k === undefined ? undefined : "chosen by --k auto"],
  ];
  if (counts.rejected > 0) rows.push(["rejected", counts.rejected, `see ${out}/rejects.jsonl`]);
  if (counts.undirected > 0) rows.push(["undirected", counts.undirected, "rows without a direction: cluster is null"]);
  const state = converged ? "converged" : "stopped before the tolerance was met";
  const lines: [string, string][] = [...counted(rows)];
  if (chosen_k !== undefined) lines.push(["why", chosen_k.why]);
  lines.push(
    ["k-means", `${iterations} iterations, ${state}, inertia ${inertia.toFixed(2)}`],
    ["seconds", seconds(summary.seconds)],
    ["memory", `${bytes(summary.peak_memory)} at most`],
    ["written", `${out}/ ${files.join(" ")}`],
  );
  return `${table(lines)}${largest(summary, columns)}${warned(summary.warnings)}`;
}

/** The largest clusters, each with its key terms and, on a line of its own, the text nearest to its centroid. */
function largest({ largest: clusters }: ClusterSummary, columns: number): string {
  const width = Math.max(...clusters.map(({ size }) => count.format(size).length));
  const indent = 2 + 5 + 2 + width + 2;
  const left = Math.max(LEAST, columns - indent);
  const lines = clusters.map(({ cluster, size, label, representatives }) => {
    const none = representatives.some((row) => row.text !== null) ? "(no term sets it apart)" : "(no text)";
    const terms = label.length > 0 ? printable(label.join(", ")) : none;
    const head = `  ${String(cluster).padStart(5)}  ${count.format(size).padStart(width)}  ${fitted(terms, left)}\n`;
    const text = printable(representatives[0]?.text ?? "").trim();
    return text === "" ? head : `${head}${" ".repeat(indent)}${fitted(text, left)}\n`;
  });
  return `Largest clusters (number, rows, key terms; below them the text nearest to the centroid):\n${lines.join("")}`;
}
