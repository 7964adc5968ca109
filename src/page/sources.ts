import type { PageFacts } from "../report/page/data.js";
import { share } from "../report/page/headline.js";
import { type Child, el, table } from "./dom.js";
import { bytes, count, seconds } from "./format.js";

/** Most inputs that are listed. */
const LISTED = 200;

/** The inputs with the share removed of each. */
export function sourceTable({ sources }: PageFacts): Child {
  if (sources.length === 0) return undefined;
  const known = sources.every(({ rows }) => rows !== undefined);
  const folder = commonFolder(sources.map(({ name }) => name));
  return [
    el("h3", {}, "By input"),
    table({
      caption: "Inputs",
      head: known ? ["Input", "Size", "Rows", "Removed", "Share"] : ["Input", "Size"],
      rows: sources
        .slice(0, LISTED)
        .map(({ name, bytes: size, rows = 0, removed = 0 }) => [
          el("span", { class: "path", title: name }, name.slice(folder.length)),
          bytes(size),
          ...(known ? [count(rows), count(removed), share(removed, rows)] : []),
        ]),
      numbers: [1, 2, 3, 4],
    }),
    folder !== "" && el("p", { class: "note" }, "In ", el("span", { class: "path" }, folder)),
    !known &&
      el("p", { class: "note" }, "An older version made this folder; it did not record the rows of each input."),
    sources.length > LISTED &&
      el("p", { class: "note" }, `${count(sources.length - LISTED)} more inputs are in manifest.json.`),
  ];
}

/** The folder that all paths begin with, its slash included; empty where they share none. */
function commonFolder(paths: readonly string[]): string {
  const [first] = paths;
  let length = first.lastIndexOf("/") + 1;
  while (length > 0 && !paths.every((path) => path.startsWith(first.slice(0, length)))) {
    length = first.lastIndexOf("/", length - 2) + 1;
  }
  return first.slice(0, length);
}

/** Options, stages and versions of the run. */
export function runDetails(facts: PageFacts): Child {
  return [
    table({
      caption: "Options of the run",
      head: ["Option", "Value"],
      rows: facts.options.map(([name, value]) => [name, el("span", { class: "path" }, value)]),
    }),
    facts.seconds.length > 0 &&
      el(
        "p",
        { class: "note" },
        `Time: ${facts.seconds.map(([stage, value]) => `${stage} ${seconds(value)}`).join(", ")}.`,
      ),
    el(
      "p",
      { class: "note" },
      `Made by bge-dedup ${facts.madeBy}, shown by ${facts.version}. `,
      "Prove the result again with ",
      el("code", {}, "bge-dedup verify"),
      ".",
    ),
  ];
}
