import type { PageFacts } from "../report/page/data.js";
import { headline, share } from "../report/page/headline.js";
import { el, table } from "./dom.js";
import { count, plural } from "./format.js";

/** What became of the rows, with the words for it. */
const FATES = [
  ["kept", "kept", "the first of its kind, or of no other kind"],
  ["exact", "exact copy", "the same text, character by character"],
  ["normalized", "same after normalising", "equal but for case, width, spaces or punctuation"],
  ["semantic", "near-duplicate", "its cosine with a kept row reaches the threshold"],
  ["rejected", "rejected", "no usable text; listed in rejects.jsonl"],
] as const;

/** Head of the page: what was removed and why, in one sentence, one bar and one table. */
export function overview(facts: PageFacts): HTMLElement {
  const { counts, threshold, thresholdSource, model, warnings, folder, guards, stricter } = facts;
  const fates = FATES.filter(([name]) => name === "kept" || counts[name] > 0);
  return el(
    "section",
    { id: "overview", "aria-labelledby": "title" },
    el("p", { class: "kicker" }, `bge-dedup · ${folder}`),
    el("h1", { id: "title" }, headline(facts)),
    el("p", { class: "lead" }, reasons(facts)),
    ...warnings.map((warning) => el("p", { class: "warning", role: "note" }, warning)),
    el(
      "div",
      { class: "bar", "aria-hidden": "true" },
      ...fates.map(([name]) =>
        el("span", { class: `part ${name}`, style: `flex-grow:${counts[name] / Math.max(1, counts.read)}` }),
      ),
    ),
    table({
      caption: "Rows by what became of them",
      head: ["Rows", "Number", "Share", "Meaning"],
      rows: fates.map(([name, words, meaning]) => [
        [el("span", { class: `swatch ${name}`, "aria-hidden": "true" }), words],
        count(counts[name]),
        share(counts[name], counts.read),
        meaning,
      ]),
      numbers: [1, 2],
    }),
    el(
      "dl",
      { class: "facts" },
      ...[
        ["Model", model],
        ["Threshold", `cosine ≥ ${threshold}${thresholdSource === "" ? "" : ` (${thresholdSource})`}`],
        ...(counts.against !== undefined
          ? [["References", `${plural(counts.against, "removed row")} on account of earlier results`]]
          : []),
        ...(guards.length > 0 ? [["Guards", `texts that differ in ${guards.join(", ")} stay apart`]] : []),
        ...(counts.semantic > 0 && stricter.length > 0
          ? [
              [
                "A stricter threshold",
                `keeps up to about ${stricter.map(({ threshold: at, moreKept }) => `${count(moreKept)} more at ${at}`).join(", ")}`,
              ],
            ]
          : []),
      ].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    ),
  );
}

function reasons({ counts, threshold }: PageFacts): string {
  if (counts.removed === 0) return `No two texts are equal or reach a cosine of ${threshold}.`;
  const copies = counts.exact + counts.normalized;
  const parts = [
    ...(copies > 0 ? [`${plural(copies, "row")} ${copies === 1 ? "is a copy" : "are copies"} of a kept text`] : []),
    ...(counts.semantic > 0
      ? [
          `${count(counts.semantic)} ${counts.semantic === 1 ? "resembles" : "resemble"} one at a cosine of ${threshold} or more`,
        ]
      : []),
  ];
  return `${parts.join("; ")}. Every removed row names the kept row that it goes for.`;
}
