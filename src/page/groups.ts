import { type PageData, REASONS } from "../report/page/data.js";
import { markedAgainst, shownText, textNodes } from "./compared.js";
import { type Child, el, fill } from "./dom.js";
import { cosine, count, plural } from "./format.js";
import { pager } from "./pager.js";
import { findGroups, type GroupQuery, memberStarts } from "./search.js";

/** Groups on a page, and rows of a group that are shown before one asks for more. */
const PAGE = 20;
const FEW = 4;
/** Milliseconds without a key before the search begins. */
const PAUSE = 120;

const REASON_WORDS = ["exact copy", "same after normalising", "near-duplicate"] as const;

/** Groups with search, order, filter and pages. */
export function groupBrowser(data: PageData): Child {
  const { groups } = data.facts;
  if (groups.total === 0) return el("p", { class: "note" }, "No row was removed, so there are no groups.");
  const starts = memberStarts(data);
  const list = el("div", { class: "groups" });
  let found: Uint32Array = new Uint32Array();
  const pages = pager({
    name: "groups",
    size: PAGE,
    show: (start) =>
      fill(list, ...Array.from(found.subarray(start, start + PAGE), (group) => groupItem(data, starts, group))),
  });
  const status = el("p", { class: "note", role: "status" });
  const words = el("input", { type: "search", id: "group-words", autocomplete: "off", spellcheck: "false" });
  const order = select("group-order", [
    ["page", "near-duplicates first"],
    ["similarity", "least similar first"],
    ["size", "largest first"],
    ["row", "by row"],
  ]);
  const reason = select("group-reason", [
    ["", "any reason"],
    ...REASON_WORDS.map((name, i) => [String(i), name] as const),
  ]);
  let running = new AbortController();
  const search = async () => {
    running.abort();
    running = new AbortController();
    const query: GroupQuery = {
      words: words.value.trim(),
      order: order.value as GroupQuery["order"],
      reason: reason.value === "" ? undefined : Number(reason.value),
    };
    const result = await findGroups(data, starts, query, running.signal);
    if (result === undefined) return;
    found = result;
    fill(status, `${plural(found.length, "group")}${found.length < groups.shown ? ` of ${count(groups.shown)}` : ""}`);
    pages.reset(found.length);
  };
  let timer = 0;
  words.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(search, PAUSE);
  });
  order.addEventListener("change", search);
  reason.addEventListener("change", search);
  void search();
  return [
    el("p", { class: "note" }, leftOut(data)),
    el(
      "form",
      { class: "controls", role: "search", onsubmit: (event: Event) => event.preventDefault() },
      el("label", { for: "group-words" }, "Search texts and rows", words),
      el("label", { for: "group-order" }, "Order", order),
      el("label", { for: "group-reason" }, "Reason", reason),
    ),
    status,
    list,
    pages.element,
  ];
}

function select(id: string, choices: readonly (readonly [value: string, words: string])[]): HTMLSelectElement {
  return el("select", { id }, ...choices.map(([value, words]) => el("option", { value }, words)));
}

/** What the page does not carry, in words. */
function leftOut({ facts: { groups, cutAt } }: PageData): string {
  const parts = ["A kept row and the rows removed on its account."];
  if (groups.shown < groups.total) parts.push(`Shown are ${count(groups.shown)} of ${count(groups.total)} groups.`);
  if (groups.withTexts < groups.shown)
    parts.push(`The page has room for the texts of ${count(groups.withTexts)} of them.`);
  parts.push(`Texts are cut after ${count(cutAt)} characters.`);
  return parts.join(" ");
}

function groupItem(data: PageData, starts: Uint32Array, group: number): HTMLElement {
  const { columns: c, facts } = data;
  const kept = shownText(data, c.groupText[group]);
  const [start, end] = [starts[group], starts[group + 1]];
  const rows = el("ul", {});
  const showRows = (to: number) => {
    for (let m = start + rows.childElementCount; m < to; m++) rows.append(memberItem(data, m, c.groupText[group]));
  };
  showRows(Math.min(end, start + FEW));
  const more = end - start - FEW;
  const unlisted = c.groupSize[group] - 1 - (end - start);
  const button =
    more > 0 &&
    el(
      "button",
      {
        type: "button",
        class: "more",
        onclick: (event: Event) => {
          showRows(end);
          const next = rows.children[FEW] as HTMLElement;
          next.tabIndex = -1;
          next.focus();
          (event.currentTarget as Element).remove();
        },
      },
      `Show ${count(more)} more`,
    );
  return el(
    "article",
    { class: "group", "aria-label": `Group of row ${c.groupRow[group]}${inFolder(data, group)}` },
    el(
      "p",
      { class: "kept" },
      el(
        "span",
        { class: "row" },
        `kept ${c.groupRow[group]}${inFolder(data, group)}`,
        idOf(data, c.groupId[group], facts.idField),
      ),
      el("span", { class: "text", dir: "auto" }, textNodes(kept)),
      el("span", { class: "size" }, plural(c.groupSize[group], "row")),
    ),
    rows,
    button,
    unlisted > 0 && el("p", { class: "note" }, `${count(unlisted)} more rows are not in this page.`),
  );
}

function memberItem(data: PageData, member: number, keptText: number): HTMLElement {
  const { columns: c, facts } = data;
  const reason = c.memberReason[member];
  const marked = markedAgainst(shownText(data, keptText), shownText(data, c.memberText[member]));
  const same = REASONS[reason] === "exact" && c.memberText[member] === keptText;
  return el(
    "li",
    {},
    el("span", { class: "row" }, `removed ${c.memberRow[member]}`, idOf(data, c.memberId[member], facts.idField)),
    el("span", { class: "text", dir: "auto" }, same ? el("span", { class: "absent" }, "the same text") : marked),
    el(
      "span",
      { class: `why ${REASONS[reason]}` },
      REASONS[reason] === "semantic" ? cosine(c.memberSimilarity[member]) : REASON_WORDS[reason],
    ),
  );
}

/** Names the reference that holds the kept row of a group; nothing for a row of the folder itself. */
export function inFolder(data: PageData, group: number): string {
  const folder = shownText(data, data.columns.groupFolder[group]);
  return folder === undefined ? "" : ` of ${folder.text}`;
}

function idOf(data: PageData, id: number, field: string | undefined): Child {
  const shown = shownText(data, id);
  return shown !== undefined && [" ", el("span", { class: "id", title: field }, shown.text)];
}
