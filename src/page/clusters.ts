import type { PageCluster, PageFacts, PageRow } from "../report/page/data.js";
import { share } from "../report/page/headline.js";
import { type Child, el, fill, table } from "./dom.js";
import { count, plural } from "./format.js";
import { clusterColour } from "./map-colours.js";
import { pager } from "./pager.js";
import { isDark, onTheme } from "./theme.js";

const PAGE = 12;

/**
 * The clusters as cards: size, key terms, typical rows and outliers.
 * @param select shows a cluster on the map; absent where there is no map
 */
export function clusterList(facts: PageFacts, select: ((cluster: number) => void) | undefined): Child {
  const { clusters } = facts;
  const rows = clusters.reduce((sum, { size }) => sum + size, 0);
  const list = el("div", { class: "clusters" });
  let start = 0;
  const show = (from: number) => {
    start = from;
    fill(list, ...clusters.slice(from, from + PAGE).map((cluster) => card(cluster, rows, select)));
  };
  const pages = pager({ name: "clusters", size: PAGE, show });
  pages.reset(clusters.length);
  onTheme(() => show(start));
  return [
    el(
      "p",
      { class: "note" },
      `${plural(clusters.length, "cluster")} of ${plural(rows, "row")}, the largest first. Key terms set a cluster apart from the others.`,
    ),
    list,
    pages.element,
    el(
      "details",
      {},
      el("summary", {}, "All clusters as a table"),
      table({
        caption: "All clusters",
        head: ["Cluster", "Rows", "Share", "Mean distance", "Key terms", "Most typical text"],
        rows: clusters.map(({ cluster, size, terms, meanDistance, typical }) => [
          cluster,
          count(size),
          share(size, rows),
          meanDistance.toFixed(3),
          terms.join(", "),
          typical[0]?.text,
        ]),
        numbers: [1, 2, 3],
        wide: true,
      }),
    ),
  ];
}

function card(
  { cluster, size, terms, typical, outliers }: PageCluster,
  rows: number,
  select?: (cluster: number) => void,
): HTMLElement {
  const name = `Cluster ${cluster}`;
  return el(
    "article",
    { class: "cluster", style: `--colour:${clusterColour(cluster, isDark())}` },
    el(
      "h4",
      { dir: "auto" },
      terms.length > 0 ? terms.join(", ") : el("span", { class: "absent" }, "no term sets it apart"),
    ),
    el("p", { class: "note" }, `${name} · ${plural(size, "row")}, ${share(size, rows)}`),
    rowList(typical),
    outliers.length > 0 && el("details", {}, el("summary", {}, "Outliers"), rowList(outliers)),
    select &&
      el(
        "button",
        { type: "button", class: "more", "aria-label": `Show on the map: ${name}`, onclick: () => select(cluster) },
        "Show on the map",
      ),
  );
}

function rowList(rows: readonly PageRow[]): HTMLElement {
  return el(
    "ul",
    { class: "texts" },
    ...rows.map(({ row, text }) =>
      el("li", {}, el("span", { class: "row" }, String(row)), el("span", { class: "text", dir: "auto" }, text)),
    ),
  );
}

/** How clusters changed since a former run. */
export function driftBlock({ drift }: PageFacts): Child {
  if (drift === undefined) return undefined;
  const { like, figures, clusters, farthest } = drift;
  return [
    el("h3", {}, "Drift"),
    el("p", { class: "note" }, like === undefined ? "Compared with a former run." : `Compared with ${like}.`),
    figures.length > 0 &&
      table({
        caption: "Figures of the drift",
        head: ["Figure", "Value"],
        rows: figures.map(([name, value]) => [name, value]),
      }),
    clusters.length > 0 &&
      table({
        caption: "Share of each cluster before and now",
        head: ["Cluster", "Before", "Now", "Way of the centroid"],
        rows: clusters.map(({ cluster, before, now, shift }) => [
          cluster,
          before === 0 ? "new" : share(before, 1),
          now === 0 ? "vanished" : share(now, 1),
          shift?.toFixed(3),
        ]),
        numbers: [1, 2, 3],
      }),
    farthest.length > 0 &&
      el("details", {}, el("summary", {}, "Rows farthest from every former centroid"), rowList(farthest)),
  ];
}
