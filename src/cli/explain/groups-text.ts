import { counted } from "../../counted.js";
import type { DuplicateGroup, GroupsReport } from "../../run/groups.js";
import { entry, entryLines, legend, type Page, shortEntry, tableLines } from "./layout.js";
import { cosineText, groupCounts, guardSentence, rowCells, rowName } from "./words.js";

/** The answer of `groups` for a person. */
export function formatGroups(report: GroupsReport, page: Page): string {
  const { groups, removed, top, sort } = report;
  const rows = top.flatMap(({ kept, removed }) => removed.map(({ text }) => ({ cells: [], text, base: kept.text })));
  if (groups === 0) return "no group: every row was kept or rejected, none removed\n";
  const order = sort === "size" ? "largest first" : "the one with the least similar row first";
  const shown = top.length < groups ? `${top.length} of ${counted(groups, "group")}` : counted(groups, "group");
  const head = `${shown}, ${order}; ${counted(removed, "removed row")} in all\n${legend(rows, "the kept row", page)}`;
  return head + top.map((group) => `\n${formatGroup(group, report, page)}`).join("");
}

function formatGroup(group: DuplicateGroup, { id_field, threshold }: GroupsReport, page: Page): string {
  const { kept, least, mean, removed } = group;
  const withIds = id_field !== undefined;
  const rows = removed.map((row) => ({
    cells: [...rowCells(row, withIds), row.reason, cosineText(row.similarity, threshold)],
    text: row.text,
    base: kept.text,
  }));
  const traps = removed.flatMap(({ row, differs }) => {
    const sentence = guardSentence(differs, [], false);
    return sentence === undefined ? [] : [`  row ${row}: ${sentence}\n`];
  });
  const entries = [
    ...(least < 1 ? [entry("cosine", `${cosineText(least, threshold)} at least, ${mean.toFixed(4)} on average`)] : []),
    ...(kept.text === null ? [] : [shortEntry("kept", kept.text)]),
  ];
  return (
    `${rowName(kept)}: ${groupCounts(group)}\n` +
    (entries.length > 0 ? entryLines(entries, page) : "") +
    tableLines(["row", ...(withIds ? ["id"] : []), "reason", "cosine"], rows, page) +
    traps.join("")
  );
}
