import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tableFromIPC } from "apache-arrow";
import { createLabeller } from "../../src/cluster/labels.js";
import { termsOf } from "../../src/text/terms.js";
import { openTable } from "./table/record.js";

/**
 * Key terms beside those of c-TF-IDF (M. Grootendorst, BERTopic, 2022), over the same words and phrases. Every second
 * row names the clusters, the others test the names:
 *
 *   F1        of "has one of the terms" as a guess of who belongs to the cluster, mean over the named clusters
 *   typical   share of the terms that are among the 50 most typical ones (chi-squared) of the cluster's commonest class
 *
 *   node dist/test/bench/labels.js --text text --class label bge-out [more folders of bge-cluster]
 */
const { values: flags, positionals: folders } = parseArgs({
  options: {
    text: { type: "string", default: "text" },
    class: { type: "string", default: "label" },
    terms: { type: "string", default: "5" },
    show: { type: "string", default: "0" },
  },
  allowPositionals: true,
});
if (folders.length === 0) throw new Error("no folder is given; expected one that bge-cluster wrote");
const most = Number(flags.terms);

const table = await openTable({
  id: "labels",
  title: "Key terms",
  columns: [
    { key: "folder", title: "clusters" },
    { key: "who", title: "terms by" },
    { key: "named", title: "named" },
    { key: "terms", title: "terms" },
    { key: "f1", title: "F1", digits: 3 },
    { key: "typical", title: "typical", digits: 2 },
  ],
});

interface Row {
  readonly cluster: number;
  readonly text: string;
  readonly terms: ReadonlySet<string>;
  readonly class: unknown;
}

function rowsOf(folder: string): Row[] {
  const table = tableFromIPC(readFileSync(join(folder, "clusters.arrow")));
  const [clusters, texts, classes] = ["cluster", flags.text, flags.class].map((name) => table.getChild(name));
  if (texts === null) throw new Error(`${folder} has no column ${flags.text}; name the text by --text`);
  return Array.from({ length: table.numRows }, (_, i) => i).flatMap((i) => {
    const cluster = clusters?.get(i) as number | null;
    const text = String(texts.get(i) ?? "");
    // The labeller looks at this much of a text.
    return cluster === null
      ? []
      : [{ cluster, text, terms: new Set(termsOf(text.slice(0, 512))), class: classes?.get(i) }];
  });
}

/** How many rows of each part hold a term, by part and term. */
function counted(rows: readonly Row[], partOf: (row: Row) => unknown): Map<unknown, Map<string, number>> {
  const parts = new Map<unknown, Map<string, number>>();
  for (const row of rows) {
    const counts = parts.get(partOf(row)) ?? new Map<string, number>();
    parts.set(partOf(row), counts);
    for (const term of row.terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  }
  return parts;
}

/** The terms of the largest scores. */
const best = (scores: Iterable<readonly [term: string, score: number]>, n: number) =>
  [...scores]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, n)
    .map(([term]) => term);

function ctfidf(rows: readonly Row[], k: number): string[][] {
  const clusters = counted(rows, ({ cluster }) => cluster);
  const totals = counted(rows, () => 0).get(0) ?? new Map<string, number>();
  const words = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const mean = words(totals) / k;
  return Array.from({ length: k }, (_, cluster) => {
    const counts = clusters.get(cluster) ?? new Map<string, number>();
    const all = words(counts);
    return best(
      [...counts].map(([t, n]) => [t, (n / all) * Math.log(1 + mean / (totals.get(t) ?? n))] as const),
      most,
    );
  });
}

function ours(rows: readonly Row[], k: number): string[][] {
  const labeller = createLabeller({ k });
  for (const { cluster, text } of rows) labeller.add(cluster, text);
  return labeller.labels(most);
}

/** The 50 most typical terms of the commonest class of each cluster; null where there are no classes. */
function typicalTerms(rows: readonly Row[], k: number): ReadonlySet<string>[] | null {
  if (rows.some((row) => row.class === null || row.class === undefined)) return null;
  const totals = counted(rows, () => 0).get(0) ?? new Map<string, number>();
  const sizes = new Map<unknown, number>();
  for (const row of rows) sizes.set(row.class, (sizes.get(row.class) ?? 0) + 1);
  const ofClass = new Map(
    [...counted(rows, (row) => row.class)].map(([name, counts]) => {
      const scores = [...counts].map(([term, count]) => {
        const expected = ((totals.get(term) ?? count) * (sizes.get(name) ?? 0)) / rows.length;
        return [term, count > expected ? (count - expected) ** 2 / expected : 0] as const;
      });
      return [name, new Set(best(scores, 50))];
    }),
  );
  return Array.from({ length: k }, (_, cluster) => {
    const within = new Map<unknown, number>();
    for (const row of rows) if (row.cluster === cluster) within.set(row.class, (within.get(row.class) ?? 0) + 1);
    const [commonest] = [...within].sort((a, b) => b[1] - a[1])[0] ?? [];
    return ofClass.get(commonest) ?? new Set<string>();
  });
}

function judged(labels: readonly string[][], rows: readonly Row[], typical: readonly ReadonlySet<string>[] | null) {
  let [named, terms, f1, agreeing] = [0, 0, 0, 0];
  for (const [cluster, label] of labels.entries()) {
    if (label.length === 0) continue;
    named++;
    terms += label.length;
    agreeing += label.filter((term) => typical?.[cluster].has(term)).length;
    const guessed = rows.filter((row) => label.some((term) => row.terms.has(term)));
    const right = guessed.filter((row) => row.cluster === cluster).length;
    const members = rows.filter((row) => row.cluster === cluster).length;
    f1 += right === 0 ? 0 : (2 * right) / (guessed.length + members);
  }
  return { named, terms, f1: f1 / named, typical: typical === null ? null : agreeing / terms };
}

console.log("| folder | terms by | named | terms | F1 | typical |\n|---|---|---|---|---|---|");
for (const folder of folders) {
  const rows = rowsOf(folder);
  const k = 1 + rows.reduce((last, { cluster }) => Math.max(last, cluster), 0);
  const [naming, testing] = [0, 1].map((part) => rows.filter((_, i) => i % 2 === part));
  const typical = typicalTerms(rows, k);
  for (const [name, make] of [
    ["bge-cluster", ours],
    ["c-TF-IDF", ctfidf],
  ] as const) {
    const labels = make(naming, k);
    const { named, terms, f1, typical: share } = judged(labels, testing, typical);
    console.log(
      `| ${folder} | ${name} | ${named} of ${k} | ${terms} | ${f1.toFixed(3)} | ${share?.toFixed(2) ?? ""} |`,
    );
    const clusters = folder.split(/[\\/]/).at(-1) as string;
    const key = `${clusters} ${name}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    table.add(key, { folder: clusters, who: name, named: `${named} of ${k}`, terms, f1, typical: share });
    for (const [cluster, label] of labels.slice(0, Number(flags.show)).entries())
      console.log(`    ${cluster}  ${label.join(", ")}`);
  }
}
table.write();
