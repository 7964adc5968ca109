import { grouped } from "../counted.js";
import type { ClusterDrift, ClusterSummary } from "../run/summary.js";
import { printable } from "./printable.js";
import { bytes, counted, seconds, table, warned } from "./summary.js";
import { fitted } from "./text-width.js";

/** Fewest columns for the text of a cluster, however narrow the terminal. */
const LEAST = 20;

/** Share of far rows from which they are shown: twice the usual one. */
const MANY_FAR = 0.02;

/**
 * The summary of bge-cluster for a person.
 * @param columns width of the terminal
 */
export function formatCluster(summary: ClusterSummary, columns: number): string {
  const { counts, chosen_k, drift, out, files, inertia, iterations, converged } = summary;
  const rows: [string, number, string?][] = [
    ["clustered", counts.clustered],
    ["clusters", counts.clusters, chosen_k === undefined ? undefined : "chosen by --k auto"],
  ];
  if (counts.rejected > 0) rows.push(["rejected", counts.rejected, `see ${out}/rejects.jsonl`]);
  if (counts.undirected > 0) rows.push(["undirected", counts.undirected, "rows without a direction: cluster is null"]);
  const state = converged ? "converged" : "stopped before the tolerance was met";
  const fit = iterations === 0 ? "not needed, the centroids stay where they are" : `${iterations} iterations, ${state}`;
  const lines: [string, string][] = [...counted(rows)];
  if (chosen_k !== undefined) lines.push(["why", chosen_k.why]);
  lines.push(
    ["k-means", `${fit}, inertia ${inertia.toFixed(2)}`],
    ...(drift === undefined ? [] : driftLines(drift)),
    ["seconds", seconds(summary.seconds)],
    ["memory", `${bytes(summary.peak_memory)} at most`],
    ["written", `${out}/ ${files.join(" ")}`],
  );
  return `${table(lines)}${largest(summary, columns)}${farthest(drift, columns)}${warned(summary.warnings)}`;
}

/** What has changed since the former clusters. */
function driftLines(drift: ClusterDrift): [string, string][] {
  const { like, jensen_shannon: sizes, moved_centroids: moved, new_clusters: added, vanished_clusters: gone } = drift;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    ["like", `${like}: ${percent(1 - drift.moved_share)} of the rows are where its centroids put them`],
    [
      "drift",
      `sizes ${sizes.toFixed(4)} (0 to 1), far rows ${percent(drift.far_share)} (usual: 1 %), ` +
        `${grouped(moved)} centroids moved, the farthest by ${drift.largest_shift.toFixed(3)}`,
    ],
    ...(added.length > 0 ? [["new", `clusters ${added.join(", ")}`] as [string, string]] : []),
    ...(gone.length > 0 ? [["vanished", `clusters ${gone.join(", ")}`] as [string, string]] : []),
  ];
}

/** The rows far from every former centroid, where they are more than usual. */
function farthest(drift: ClusterDrift | undefined, columns: number): string {
  if (drift === undefined || drift.far_share < MANY_FAR) return "";
  const width = Math.max(...drift.farthest.map(({ row }) => String(row).length));
  const left = Math.max(LEAST, columns - width - 4);
  const lines = drift.farthest.map(
    ({ row, text }) => `  ${String(row).padStart(width)}  ${fitted(printable(text), left)}\n`,
  );
  return `Rows farthest from every former centroid (row, text):\n${lines.join("")}`;
}

/** The largest clusters, each with its key terms and, on a line of its own, the text nearest to its centroid. */
function largest({ largest: clusters }: ClusterSummary, columns: number): string {
  const width = Math.max(...clusters.map(({ size }) => grouped(size).length));
  const indent = 2 + 5 + 2 + width + 2;
  const left = Math.max(LEAST, columns - indent);
  const lines = clusters.map(({ cluster, size, label, representatives }) => {
    const none = representatives.some((row) => row.text !== null) ? "(no term sets it apart)" : "(no text)";
    const terms = label.length > 0 ? printable(label.join(", ")) : none;
    const head = `  ${String(cluster).padStart(5)}  ${grouped(size).padStart(width)}  ${fitted(terms, left)}\n`;
    const text = printable(representatives[0]?.text ?? "").trim();
    return text === "" ? head : `${head}${" ".repeat(indent)}${fitted(text, left)}\n`;
  });
  return `Largest clusters (number, rows, key terms; below them the text nearest to the centroid):\n${lines.join("")}`;
}
