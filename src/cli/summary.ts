import { grouped } from "../counted.js";
import type { Estimate } from "../run/dry-run.js";
import type { DedupSummary } from "../run/summary.js";
import { shellWord } from "../shell-word.js";
import { printable } from "./printable.js";

/** Formats lines of name and value, with the values aligned. */
export function table(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value)}\n`).join("");
}

/** Formats counts right-aligned, each with its note. */
export function counted(rows: readonly (readonly [name: string, value: number, note?: string])[]): [string, string][] {
  const width = Math.max(...rows.map(([, value]) => grouped(value).length));
  return rows.map(([name, value, note]) => [
    name,
    `${grouped(value).padStart(width)}${note === undefined ? "" : `  ${note}`}`,
  ]);
}

/** Names the seconds of each stage. */
export function seconds(stages: Readonly<Record<string, number>>): string {
  return Object.entries(stages)
    .map(([stage, value]) => `${stage} ${value.toFixed(1)}`)
    .join(", ");
}

/** Why fewer rows may be removed as copies than were found before embedding. */
function copiesNote(removed: number, found: number): string | undefined {
  if (found === 0) return undefined;
  if (found === removed) return "found before embedding";
  return `${grouped(found)} found before embedding; copies of a removed text count as semantic`;
}

/** What slightly higher thresholds would have kept at most; nothing where nothing was removed as near. */
function stricterNote({ stricter, counts }: DedupSummary): string | undefined {
  if (counts.semantic === 0 || stricter.length === 0) return undefined;
  return stricter
    .map(({ threshold, more_kept: more }) => {
      const kept = more === 0 ? "none" : `up to about ${grouped(more)}`;
      return `${kept} more at --threshold ${threshold}`;
    })
    .join(", ");
}

/** Names the texts that are truncated; a server may not tell its limit. */
function longerThan(maxTokens: number): string {
  return `texts longer than ${maxTokens > 0 ? `${maxTokens} tokens` : "the server takes"}`;
}

function where({ model, tokens, reused }: DedupSummary): string {
  if (reused > 0) return `${model.dtype} on ${model.device}; the vectors of the last run were used again`;
  return model.device === "endpoint"
    ? `embedded by a server${tokens > 0 ? `, which counted ${grouped(tokens)} tokens` : ""}`
    : `${model.dtype} on ${model.device}`;
}

/** The removed rows that go on account of references, where there are any. */
function againstRows({ counts: { against }, references }: DedupSummary): [string, number, string][] {
  if (against === undefined) return [];
  const given = references?.filter(({ given }) => given).length ?? 0;
  const of = given === 1 ? "the reference" : `${grouped(given)} references`;
  return [["against", against, given === 0 ? "no reference yet" : `of the removed rows go on account of ${of}`]];
}

/** The last lines of a summary. */
export function warned(warnings: readonly string[]): string {
  return warnings.map((warning) => `warning: ${printable(warning)}\n`).join("");
}

/** The summary of bge-dedup for a person. */
export function formatDedup(summary: DedupSummary): string {
  const { counts, model, threshold, threshold_source, exact_stage, out, files } = summary;
  const rows: [string, number, string?][] = [["read", counts.read]];
  rows.push(["rejected", counts.rejected, counts.rejected > 0 ? `see ${out}/rejects.jsonl` : undefined]);
  rows.push(
    ["exact", counts.exact, copiesNote(counts.exact, exact_stage.exact)],
    ["normalized", counts.normalized, copiesNote(counts.normalized, exact_stage.normalized)],
    ["semantic", counts.semantic, `cosine >= ${threshold} (${threshold_source})`],
    ["kept", counts.kept, stricterNote(summary)],
    ...againstRows(summary),
    ["truncated", counts.truncated, counts.truncated > 0 ? longerThan(model.max_tokens) : undefined],
  );
  if (counts.undirected > 0) rows.push(["undirected", counts.undirected, "texts without a known token: kept"]);
  if (counts.guarded > 0) rows.push(["guarded", counts.guarded, `kept apart by a guard, see ${out}/guarded.arrow`]);
  if (counts.unordered > 0) rows.push(["unordered", counts.unordered, "rows whose --keep field has no order: last"]);
  const lines: [string, string][] = [
    ...counted(rows),
    ["model", `${model.name}, ${model.dim} dimensions, ${where(summary)}`],
    ["seconds", seconds(summary.seconds)],
    ["memory", `${bytes(summary.peak_memory)} at most`],
    ["written", `${out}/ ${files.join(" ")}`],
  ];
  const lexical =
    model.name === "builtin"
      ? "The builtin model is lexical: it finds copies, typos, insertions and reorderings, not paraphrases.\n" +
        "For meaning, use a real model: bge-dedup INPUT --model bge-large-zh-v1.5 (downloaded once), or a model folder.\n"
      : "";
  const last = warned(summary.warnings);
  if (!files.includes("kept.arrow")) {
    return `${table(lines)}${lexical}For bge-cluster and verify add --format arrow\n${last}`;
  }
  const folder = out === "bge-out" ? "" : ` ${printable(shellWord(out))}`;
  return `${table(lines)}${lexical}Next: bge-cluster${folder} --k 50, or prove the result with bge-dedup verify ${printable(shellWord(out))}\n${last}`;
}

/** An amount of memory or disk for a person. */
export function bytes(value: number): string {
  if (value >= 2 ** 30) return `${(value / 2 ** 30).toFixed(1)} GB`;
  return `${Math.ceil(value / 2 ** 20)} MB`;
}

/** The report of `--dry-run` for a person. */
export function formatEstimate(estimate: Estimate): string {
  const { counts, model, dim, reused, seconds: stages, memory, disk, warnings } = estimate;
  const total = Math.max(stages.read, stages.embed) + stages.join + stages.write;
  const lines = table([
    ...counted([
      ["read", counts.read],
      ["rejected", counts.rejected],
      ["exact", counts.exact],
      ["normalized", counts.normalized],
      ...(counts.against === undefined ? [] : [["against", counts.against, "equal rows of references"] as const]),
      ["to embed", counts.distinct],
    ]),
    ["model", `${model}, ${dim} dimensions${reused > 0 ? "; the vectors of the last run will be used again" : ""}`],
    ["time", `about ${total.toFixed(1)} s (${seconds(stages)}; reading and embedding overlap)`],
    ["memory", `about ${bytes(memory)}`],
    ["disk", `about ${bytes(disk)}`],
  ]);
  return lines + warned(warnings);
}
