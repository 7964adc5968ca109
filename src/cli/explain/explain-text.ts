import { counted } from "../../counted.js";
import type {
  ExplainedKept,
  ExplainedPair,
  ExplainedRejected,
  ExplainedRemoved,
  ExplainedRow,
  Explanation,
  NamedRow,
  Neighbour,
} from "../../run/explanation.js";
import { shellWord } from "../../shell-word.js";
import { type Entry, entry, entryLines, legend, type Page, shortEntry, tableLines, textEntries } from "./layout.js";
import {
  besideThreshold,
  cosineText,
  fateLine,
  groupCounts,
  guardSentence,
  originText,
  rowCells,
  rowName,
} from "./words.js";

/** What stands for the text of a row that has only a vector. */
const NO_TEXT = "none: the vectors came with the input";

/** The answer of `explain` for a person, without the neighbours. */
export function formatExplanation(explanation: Explanation, page: Page): string {
  const { rows, pair } = explanation;
  if (pair === undefined) return rows.map((row) => formatRow(row, explanation, page)).join("");
  const [first, second] = rows;
  return `${fateLine(first)}${fateLine(second)}${entryLines(pairEntries(first, second, pair, explanation), page)}`;
}

function formatRow(row: ExplainedRow, explanation: Explanation, page: Page): string {
  const from = originText(row).map((text) => entry("from", text));
  if (row.fate === "rejected") return fateLine(row) + entryLines([...from, ...rejectedEntries(row)], page);
  const entries = row.fate === "kept" ? keptEntries(row, explanation) : removedEntries(row, explanation);
  return fateLine(row) + entryLines([...from, ...entries], page) + groupTable(row, explanation, page);
}

function rejectedEntries({ record }: ExplainedRejected): Entry[] {
  if (record === undefined) return [entry("record", "unknown, because rejects.jsonl is missing or shorter")];
  return [
    entry("error", record.error),
    entry("where", `line ${record.line} of ${record.source}`),
    entry(record.encoding === "base64" ? "base64" : "received", record.raw),
  ];
}

function guardEntries(differs: ExplainedPair["differs"], guards: readonly string[], merged: boolean): Entry[] {
  const sentence = guardSentence(differs, guards, merged);
  return sentence === undefined ? [] : [entry("guards", sentence)];
}

function removedEntries(row: ExplainedRemoved, { threshold, guards, folder }: Explanation): Entry[] {
  const entries = [entry("reason", reasonText(row, threshold))];
  if (row.reason === "semantic" && typeof row.cosine === "number" && Math.fround(row.cosine) !== row.similarity) {
    entries.push(
      entry("damaged", `removed.arrow has cosine ${row.similarity}: see bge-dedup verify ${shellWord(folder)}`),
    );
  }
  entries.push(...missingEntries(row.kept));
  if (row.kept.missing === undefined) entries.push(...textEntries(["removed", row.text], ["kept", row.kept.text]));
  else if (row.text !== null) entries.push(shortEntry("removed", row.text));
  if (row.text === null) entries.push(entry("texts", NO_TEXT));
  if (row.reason === "semantic") entries.push(...guardEntries(row.differs, guards, true));
  const { count, rows } = row.copies;
  if (count > 0) {
    const listed = `${rows.join(", ")}${count > rows.length ? ", ..." : ""}`;
    entries.push(
      entry(
        "same text",
        `${counted(count, "more row")} that ${count === 1 ? "shares its vector and goes" : "share its vector and go"} with it: ${listed}`,
      ),
    );
  }
  return entries;
}

/** Says why nothing more is known of a row of a reference. */
function missingEntries({ missing }: NamedRow): Entry[] {
  return missing === undefined ? [] : [entry("kept", `cannot be shown: ${missing}`)];
}

function reasonText({ reason, cosine, similarity, kept }: ExplainedRemoved, threshold: number): string {
  if (reason === "exact") return "exact: its text equals that of the kept row";
  if (reason === "normalized") {
    return "normalized: its text equals that of the kept row but for case, width, punctuation or spaces";
  }
  if (typeof cosine === "number") return `semantic: ${besideThreshold(cosine, threshold)}`;
  const recorded = `semantic: ${besideThreshold(similarity, threshold)}, as removed.arrow has it`;
  if (kept.missing !== undefined) return `${recorded}: ${kept.missing}`;
  if (cosine === null) return `${recorded}: an earlier result removed an equal text, which was not embedded again`;
  return `${recorded}: embeddings.arrow is missing`;
}

function keptEntries(row: ExplainedKept, { guards, threshold }: Explanation): Entry[] {
  const entries = [row.text === null ? entry("text", NO_TEXT) : shortEntry("text", row.text)];
  if (!row.directed)
    entries.push(entry("vector", "none: no token of the text is known, so only equal texts merge with it"));
  if (row.group.size === 1) entries.push(entry("group", "no other row goes on its account"));
  const { guarded_from: other } = row;
  if (other === undefined) return entries;
  const near = other.cosine === undefined ? "near enough" : besideThreshold(other.cosine, threshold);
  entries.push(entry("guarded", `a guard alone keeps it apart from ${rowName(other)}: ${near}`));
  entries.push(
    ...missingEntries(other),
    ...textEntries(["this row", row.text], [rowName({ row: other.row, in: other.in }), other.text]),
  );
  entries.push(...guardEntries(other.differs, guards, false));
  return entries;
}

function groupTable(row: ExplainedKept | ExplainedRemoved, { id_field, threshold }: Explanation, page: Page): string {
  const { group } = row;
  if (group.size === 1) return "";
  const base = row.fate === "kept" ? row.text : row.kept.text;
  const withIds = id_field !== undefined;
  const gone = group.size - 1;
  const which =
    gone > group.first.length ? `the first ${group.first.length} of ${counted(gone, "removed row")}` : "removed";
  const rows = group.first.map((member) => ({
    cells: [...rowCells(member, withIds), member.reason, cosineText(member.similarity, threshold)],
    text: member.text,
    base,
  }));
  return (
    `group of ${rowName({ row: group.kept_row, in: group.kept_in })}: ${groupCounts(group)}; ${which}:\n` +
    tableLines(["row", ...(withIds ? ["id"] : []), "reason", "cosine"], rows, page) +
    legend(rows, "the kept row", page)
  );
}

function pairEntries(
  first: ExplainedRow,
  second: ExplainedRow,
  pair: ExplainedPair,
  explanation: Explanation,
): Entry[] {
  const { threshold, guards } = explanation;
  const merged = pair.verdict === "merged" || pair.verdict === "same-group";
  const entries = [entry("merged", verdictText(first, second, pair, explanation))];
  if (typeof pair.cosine === "number") entries.push(entry("cosine", besideThreshold(pair.cosine, threshold).slice(7)));
  if (first.fate === "rejected" || second.fate === "rejected") {
    for (const row of [first, second]) if (row.fate === "rejected") entries.push(...rejectedEntries(row));
    return entries;
  }
  entries.push(...textEntries([`row ${first.row}`, first.text], [`row ${second.row}`, second.text]));
  const third = pair.verdict === "merged" ? [] : thirdRows(first, second);
  for (const { row, in: folder, text } of third) {
    if (text !== null) entries.push(shortEntry(rowName({ row, in: folder }), text));
  }
  if (first.text !== second.text) entries.push(...guardEntries(pair.differs, guards, merged));
  return entries;
}

/** The kept rows on whose account the two rows go, without the two themselves. */
function thirdRows(...rows: readonly ExplainedRow[]) {
  const kept = rows.flatMap((row) => (row.fate === "removed" ? [row.kept] : []));
  const others = kept.filter(({ row, in: folder }) => rows.every((asked) => folder !== undefined || asked.row !== row));
  return others.filter((row, i) => others.findIndex((other) => other.row === row.row && other.in === row.in) === i);
}

function verdictText(
  first: ExplainedRow,
  second: ExplainedRow,
  { verdict, cosine, differs }: ExplainedPair,
  { keep, guards, folder }: Explanation,
): string {
  const removed = [first, second].filter((row) => row.fate === "removed");
  const accounts = removed.map((row) => `row ${row.row} goes on account of ${rowName({ ...row.kept, id: undefined })}`);
  switch (verdict) {
    case "merged":
      return `yes: ${accounts[0]}, as ${removed[0].reason}`;
    case "same-group":
      return `yes: both go on account of ${rowName({ ...removed[0].kept, id: undefined })}, ${asBoth(removed[0].reason, removed[1].reason)}`;
    case "below":
      return "no: their cosine is below the threshold";
    case "guarded":
      return `no: ${keepers(differs, guards)} them apart`;
    case "earlier":
      return `no: ${accounts[0]}, which comes first (--keep ${keep}), and a row goes on account of one row only`;
    case "no-chain":
      return `no: ${accounts.join(" and ")}, and a removed row takes no other with it`;
    case "known":
      return `no: ${accounts.join(" and ")}, because a reference has the text, which was therefore not embedded`;
    case "undirected": {
      const row = [first, second].find((each) => each.fate !== "rejected" && !each.directed);
      return `no: row ${row?.row} has no vector, because no token of its text is known, so only equal texts merge with it`;
    }
    case "rejected": {
      const row = first.fate === "rejected" ? first : second;
      return `no: row ${row.row} was rejected, so it was not compared`;
    }
    case "unmeasured":
      return "no; why cannot be said, because embeddings.arrow is missing";
    case "contradiction":
      return `no, though their cosine ${cosine} asks for it: the folder is damaged, see bge-dedup verify ${shellWord(folder)}`;
  }
}

/** The guards of the run that tell two texts apart: "the guard numbers keeps", "the guards numbers and names keep". */
function keepers(differs: ExplainedPair["differs"], guards: readonly string[]): string {
  const found = differs.flatMap(({ guard }) => (guards.includes(guard) ? [guard] : []));
  return found.length === 1 ? `the guard ${found[0]} keeps` : `the guards ${found.join(" and ")} keep`;
}

function asBoth(first: string, second: string): string {
  return first === second ? `both as ${first}` : `as ${first} and as ${second}`;
}

/** The neighbours of a kept row for a person. @param seconds that the search took */
export function formatNearest(
  neighbours: readonly Neighbour[],
  { rows: [asked], id_field, threshold, guards }: Explanation,
  page: Page,
  seconds: number,
): string {
  if (neighbours.length === 0) return "nearest kept rows: no other kept row has a vector\n";
  const withIds = id_field !== undefined;
  const base = asked.fate === "rejected" ? null : asked.text;
  const rows = neighbours.map((near) => ({
    cells: [...rowCells(near, withIds), cosineText(near.cosine, threshold), near.below.toFixed(4)],
    text: near.text,
    base,
  }));
  const apart = neighbours
    .filter(({ below }) => below <= 0)
    .map(({ row, differs }) => `  row ${row} is kept apart by a guard: ${guardSentence(differs, guards, false)}\n`);
  return (
    `nearest kept rows (exact search, ${seconds.toFixed(1)} s); below: distance to the threshold ${threshold}\n` +
    tableLines(["row", ...(withIds ? ["id"] : []), "cosine", "below"], rows, page) +
    legend(rows, `row ${asked.row}`, page) +
    apart.join("")
  );
}
