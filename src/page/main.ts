import type { PageData } from "../report/page/data.js";
import { curveFigure, lengthFigure, similarityFigure } from "./charts.js";
import { clusterList, driftBlock } from "./clusters.js";
import { type Child, el, fill, section } from "./dom.js";
import { groupBrowser } from "./groups.js";
import { loadData } from "./load.js";
import { textMap } from "./map.js";
import { overview } from "./overview.js";
import { pairLists } from "./pairs.js";
import { runDetails, sourceTable } from "./sources.js";
import { themeChoice } from "./theme.js";

/** A part of the page below the head: it is made when the browser has drawn what comes before. */
interface Part {
  readonly id: string;
  readonly heading: string;
  readonly content: () => Child;
}

/** The parts of the page in their order; what a folder does not have is left out. */
function partsOf(data: PageData): Part[] {
  const { facts } = data;
  const semantic = facts.counts.semantic > 0 || facts.neighbours !== undefined;
  const parts: (Part | false)[] = [
    semantic && {
      id: "threshold",
      heading: "The threshold",
      content: () =>
        el("div", { class: "columns" }, similarityFigure(facts), facts.curve.length > 1 && curveFigure(facts)),
    },
    semantic && { id: "pairs", heading: "Nearest to the threshold", content: () => pairLists(data) },
    { id: "groups", heading: "Groups", content: () => groupBrowser(data) },
    {
      id: "inputs",
      heading: "Lengths and sources",
      content: () => [facts.lengths.length > 0 && lengthFigure(facts), sourceTable(facts)],
    },
    (facts.clusters.length > 0 || facts.map !== undefined) && {
      id: "clusters",
      heading: facts.clusters.length > 0 ? "Clusters" : "Map",
      content: () => {
        const map = textMap(data);
        return [
          map?.element ??
            (facts.map && el("p", { class: "note" }, "The map needs WebGL 2, which this browser does not offer.")),
          facts.clusters.length > 0 && clusterList(facts, map && ((cluster) => map.selectCluster(cluster))),
          driftBlock(facts),
        ];
      },
    },
    { id: "run", heading: "The run", content: () => runDetails(facts) },
  ];
  return parts.filter((part) => part !== false);
}

/** Draws the page: the head at once, then part by part, so that no part holds up the first. */
async function draw(page: HTMLElement, data: PageData): Promise<void> {
  const parts = partsOf(data);
  const main = el("main", { id: "main" }, overview(data.facts));
  fill(
    page,
    el("a", { class: "skip", href: "#main" }, "Skip to the content"),
    el(
      "header",
      {},
      el(
        "nav",
        { "aria-label": "Parts of the page" },
        ...parts.map(({ id, heading }) => el("a", { href: `#${id}` }, heading)),
      ),
      themeChoice(),
    ),
    main,
    el("footer", {}, licences()),
  );
  for (const { id, heading, content } of parts) {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    main.append(section(id, heading, content()));
  }
  page.removeAttribute("aria-busy");
  // A link to a part that was not there yet when the page was opened.
  if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/** The notices of the packages in this page. */
function licences(): HTMLElement {
  const text = document.getElementById("licences")?.textContent ?? "";
  const plain = new DOMParser().parseFromString(text, "text/html").documentElement.textContent ?? "";
  return el(
    "details",
    {},
    el("summary", {}, "Licences of the libraries in this page"),
    el("pre", { tabindex: 0 }, plain.trim()),
  );
}

const page = document.getElementById("page");
if (page !== null) {
  loadData()
    .then((data) => draw(page, data))
    .catch((error: unknown) =>
      fill(
        page,
        el(
          "p",
          { class: "warning", role: "alert" },
          `This page cannot be shown: ${String(error)}. It needs a browser of 2024 or later.`,
        ),
      ),
    );
}
