import type { PageData } from "../report/page/data.js";
import { shownText, textNodes } from "./compared.js";
import { type Child, el, fill } from "./dom.js";
import { count, plural } from "./format.js";
import { pointColours } from "./map-colours.js";
import { listenToMap } from "./map-input.js";
import { createMapView } from "./map-view.js";
import { pager } from "./pager.js";
import { createGrid, pointsInside } from "./point-grid.js";
import { createPoints } from "./points.js";
import { isDark, onTheme } from "./theme.js";

/** Texts of a selection on one page, and pixels in which the pointer finds a point. */
const PAGE = 12;
const REACH = 9;

/** The map of kept texts, and what other parts of the page may do with it. */
export interface TextMap {
  readonly element: HTMLElement;
  /** Shows the texts of a cluster and fades the others. */
  selectCluster(cluster: number): void;
}

/** Draws the map; undefined where there is none, or the browser has no WebGL. */
export function textMap(data: PageData): TextMap | undefined {
  const { columns: c, facts } = data;
  if (facts.map === undefined) return undefined;
  const canvas = el("canvas", {
    tabindex: 0,
    role: "application",
    "aria-label":
      "Map of kept texts. Arrow keys move, plus and minus zoom, 0 shows all, Enter selects the cluster in the middle, Escape selects nothing.",
  });
  const points = createPoints(canvas, c.mapX, c.mapY);
  if (points === undefined) return undefined;
  const grid = createGrid(c.mapX, c.mapY);
  const size = () => ({ width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 });
  const map = createMapView(size, tallnessOf(c.mapX, c.mapY));
  const tip = el("div", { class: "tip", hidden: true });
  const lasso = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  lasso.setAttribute("class", "lasso");
  lasso.setAttribute("aria-hidden", "true");
  const chosen = selectionList(data);
  let selected: ReadonlySet<number> | undefined;

  let due = 0;
  const draw = () => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(() => {
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [Math.round(size().width * ratio), Math.round(size().height * ratio)];
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      const zoom = 1 / map.view.width;
      const base = c.mapX.length > 50_000 ? 2 : c.mapX.length > 5000 ? 4 : c.mapX.length > 500 ? 7 : 10;
      points.draw({ view: map.view, size: ratio * Math.min(12, base * Math.max(1, zoom ** 0.5)) });
    });
  };
  const paint = () => {
    const now = selected;
    points.colour(pointColours(c.mapCluster, now && ((point) => now.has(point)), isDark()));
    draw();
  };
  const select = (of: readonly number[] | undefined, name: string) => {
    selected = of && new Set(of);
    chosen.show(of ?? [], name);
    paint();
  };
  const selectCluster = (cluster: number) => {
    const of = Array.from(c.mapCluster.keys()).filter((point) => c.mapCluster[point] === cluster + 1);
    const terms = facts.clusters.find((each) => each.cluster === cluster)?.terms.join(", ") ?? "";
    select(of, `cluster ${cluster}${terms === "" ? "" : `: ${terms}`}`);
  };
  const pointAt = (pixelX: number, pixelY: number) => {
    const [x, y] = map.placeOf(pixelX, pixelY);
    const [right] = map.placeOf(pixelX + REACH, pixelY);
    return grid.nearest(x, y, right - x, map.view.stretch);
  };
  listenToMap({
    canvas,
    map,
    draw,
    hover(pixel) {
      const point = pixel === undefined ? -1 : pointAt(...pixel);
      tip.hidden = point < 0;
      if (point < 0) return;
      const cluster = c.mapCluster[point];
      fill(
        tip,
        el("span", { class: "row" }, `row ${c.mapRow[point]}${cluster > 0 ? ` · cluster ${cluster - 1}` : ""}`),
        textNodes(shownText(data, c.mapText[point])),
      );
      const [x, y] = map.pixelOf(c.mapX[point], c.mapY[point]);
      const left = x > size().width / 2;
      tip.style.cssText = `${left ? `right:${size().width - x + 10}px` : `left:${x + 10}px`};top:${Math.min(Math.max(0, y - 20), size().height - 60)}px`;
    },
    click(pixel) {
      const point = pointAt(...pixel);
      if (point < 0) select(undefined, "");
      else if (c.mapCluster[point] > 0) selectCluster(c.mapCluster[point] - 1);
      else select([point], "a text");
    },
    lasso(pixels, done) {
      const line = pixels.map(([x, y]) => `${x},${y}`).join(" ");
      lasso.replaceChildren();
      if (!done) {
        const polygon = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
        polygon.setAttribute("points", line);
        lasso.append(polygon);
      } else if (pixels.length > 2) {
        const inside = pointsInside(
          pixels.flatMap(([x, y]) => map.placeOf(x, y)),
          c.mapX,
          c.mapY,
        );
        select(inside.length > 0 ? inside : undefined, "drawn selection");
      }
    },
    clear: () => select(undefined, ""),
  });
  onTheme(paint);
  new ResizeObserver(() => {
    if (map.view.width >= 1) map.reset();
    draw();
  }).observe(canvas);
  paint();
  const frame = el("div", { class: "map" }, canvas, tip);
  frame.append(lasso);
  const element = el(
    "figure",
    {},
    el("h3", {}, "Map of the kept texts"),
    frame,
    mapControls(map, draw, canvas),
    el("figcaption", {}, mapCaption(data)),
    chosen.element,
  );
  return { element, selectCluster };
}

/** Height of the points by their width. */
function tallnessOf(x: Uint16Array, y: Uint16Array): number {
  const range = (values: Uint16Array) =>
    values.reduce((most, value) => Math.max(most, value), 0) -
    values.reduce((least, value) => Math.min(least, value), 65_535);
  return Math.min(1, range(y) / Math.max(1, range(x))) * 1.06;
}

function mapControls(map: ReturnType<typeof createMapView>, draw: () => void, canvas: HTMLCanvasElement): HTMLElement {
  const middle = () => [canvas.clientWidth / 2, canvas.clientHeight / 2] as const;
  const button = (name: string, act: () => void) =>
    el("button", { type: "button", onclick: () => [act(), draw()] }, name);
  const lasso = el(
    "button",
    {
      type: "button",
      "aria-pressed": "false",
      onclick: () => {
        const on = canvas.dataset.lasso !== "on";
        canvas.dataset.lasso = on ? "on" : "off";
        lasso.setAttribute("aria-pressed", String(on));
      },
    },
    "Lasso",
  );
  return el(
    "div",
    { class: "controls", role: "group", "aria-label": "Map" },
    button("Zoom in", () => map.zoom(0.6, ...middle())),
    button("Zoom out", () => map.zoom(1 / 0.6, ...middle())),
    button("Show all", () => map.reset()),
    lasso,
  );
}

function mapCaption({ facts: { map, clusters } }: PageData): Child {
  if (map === undefined) return undefined;
  const how =
    map.method === "pca"
      ? "Placed by the two principal components of their vectors."
      : `Placed by UMAP${map.fitted < map.points ? ` of ${count(map.fitted)} texts, the others between their nearest of these` : ""}.`;
  const what =
    map.points < map.of ? `${count(map.points)} of ${count(map.of)} texts.` : `${plural(map.points, "text")}.`;
  const colour = clusters.length > 0 ? " Colours tell neighbouring clusters apart and repeat." : "";
  return `${what} ${how} Near points have similar texts; far ones need not differ much.${colour} Click a point for its ${clusters.length > 0 ? "cluster" : "text"}; with the lasso, or with Shift held, draw around points.`;
}

/** The texts of a selection, page by page. */
function selectionList(data: PageData) {
  const { columns: c } = data;
  const heading = el("h4", { role: "status" });
  const list = el("ul", { class: "texts" });
  let points: readonly number[] = [];
  const pages = pager({
    name: "selection",
    size: PAGE,
    show: (start) =>
      fill(
        list,
        ...points
          .slice(start, start + PAGE)
          .map((point) =>
            el(
              "li",
              {},
              el("span", { class: "row" }, String(c.mapRow[point])),
              el("span", { class: "text", dir: "auto" }, textNodes(shownText(data, c.mapText[point]))),
            ),
          ),
      ),
  });
  const element = el("div", { class: "selection", hidden: true }, heading, list, pages.element);
  return {
    element,
    show(of: readonly number[], name: string): void {
      points = of;
      element.hidden = of.length === 0;
      fill(heading, `${plural(of.length, "text")} in ${name}`);
      pages.reset(of.length);
    },
  };
}
