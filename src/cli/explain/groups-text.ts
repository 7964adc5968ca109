import type { DuplicateGroup, GroupsReport } from "../../run/groups.js";
import { entryLines, legend, type Page, shortEntry, tableLines } from "./layout.js";
import { cosineText, counted, groupCounts, guardSentences, rowCells, rowName } from "./words.js";

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
  const spread = `; cosine ${cosineText(least, threshold)} at least, ${mean.toFixed(4)} on average`;
  const rows = removed.map((row) => ({
    cells: [...rowCells(row, withIds), row.reason, cosineText(row.similarity, threshold)],
    text: row.text,
    base: kept.text,
  }));
  const traps = removed.flatMap(({ row, differs }) =>
    guardSentences(differs, [], false).map((sentence) => `  row ${row}: ${sentence}\n`),
  );
  return (
    `${rowName(kept)}: ${groupCounts(group)}${least < 1 ? spread : ""}\n` +
    (kept.text === null ? "" : entryLines([shortEntry("kept", kept.text)], page)) +
    tableLines(["row", ...(withIds ? ["id"] : []), "reason", "cosine"], rows, page) +
    traps.join("")
  );
}
