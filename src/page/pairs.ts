import type { PageData } from "../report/page/data.js";
import { markedPair, shownText } from "./compared.js";
import { type Child, el, fill } from "./dom.js";
import { cosine, count } from "./format.js";
import { inFolder } from "./groups.js";
import { pager } from "./pager.js";

const PAGE = 10;

/** A row of a pair. `place` names the reference that holds it; empty for a row of the folder itself. */
interface PairRow {
  readonly label: "kept" | "removed";
  readonly row: number;
  readonly place: string;
  readonly text: number;
}

/** A pair as the page lists it: rows, texts and similarity. */
interface Pair {
  readonly first: PairRow;
  readonly second: PairRow;
  readonly similarity: number;
}

/** The pairs at the threshold: removed ones just above it, and kept ones just below. */
export function pairLists(data: PageData): Child {
  const { columns: c, facts } = data;
  const above = Array.from(c.nearMember, (member, i): Pair => {
    const group = c.nearGroup[i];
    return {
      first: { label: "kept", row: c.groupRow[group], place: inFolder(data, group), text: c.groupText[group] },
      second: { label: "removed", row: c.memberRow[member], place: "", text: c.memberText[member] },
      similarity: c.memberSimilarity[member],
    };
  });
  const below = Array.from(
    c.apartRowA,
    (row, i): Pair => ({
      first: { label: "kept", row, place: "", text: c.apartTextA[i] },
      second: { label: "kept", row: c.apartRowB[i], place: "", text: c.apartTextB[i] },
      similarity: c.apartSimilarity[i],
    }),
  );
  const sampled = facts.neighbours !== undefined && facts.neighbours.sample < facts.neighbours.of;
  return el(
    "div",
    { class: "columns" },
    list(data, {
      id: "above",
      heading: "Removed, barely",
      note: [
        "If these should have stayed, the threshold is too low; where it is numbers, negations or names that set them apart, add ",
        el("code", {}, "--guard"),
        ".",
      ],
      none: "No row was removed as a near-duplicate.",
      pairs: above,
    }),
    list(data, {
      id: "below",
      heading: "Kept, barely",
      note: `If these mean the same, the threshold is too high.${sampled ? ` From a sample of ${count(facts.neighbours?.sample ?? 0)} kept texts.` : ""}`,
      none: "No two kept texts are near each other.",
      pairs: below,
    }),
  );
}

function list(
  data: PageData,
  {
    id,
    heading,
    note,
    none,
    pairs,
  }: { id: string; heading: string; note: Child; none: string; pairs: readonly Pair[] },
): HTMLElement {
  const items = el("ol", { class: "pairs", "aria-labelledby": `${id}-pairs` });
  const pages = pager({
    name: heading,
    size: PAGE,
    show: (start) => fill(items, ...pairs.slice(start, start + PAGE).map((pair) => pairItem(data, pair))),
  });
  pages.reset(pairs.length);
  return el(
    "div",
    {},
    el("h3", { id: `${id}-pairs` }, heading),
    el("p", { class: "note" }, pairs.length === 0 ? none : note),
    pairs.length > 0 && [items, pages.element],
  );
}

function pairItem(data: PageData, { first, second, similarity }: Pair): HTMLElement {
  const texts = markedPair(shownText(data, first.text), shownText(data, second.text));
  return el(
    "li",
    { class: "pair" },
    el("span", { class: "similarity" }, cosine(similarity)),
    ...[first, second].map(({ label, row, place }, i) =>
      el(
        "p",
        { class: label },
        el("span", { class: "row" }, `${label} ${row}${place}`),
        el("span", { class: "text", dir: "auto" }, texts[i]),
      ),
    ),
  );
}
