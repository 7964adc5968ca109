import * as Plot from "@observablehq/plot";
import type { PageFacts } from "../report/page/data.js";
import { share } from "../report/page/headline.js";
import { type Child, el, fill, table } from "./dom.js";
import { count, plural } from "./format.js";

/** Height of a plot, and its margins, in CSS pixels. */
const FRAME = { height: 240, marginLeft: 56, marginRight: 20, marginTop: 28, marginBottom: 38 };

/**
 * A figure: title, the drawing, a caption, and its numbers as a table for those who do not see the drawing. It is drawn
 * anew when its width changes.
 */
function figure(options: {
  readonly title: string;
  /** The drawing in words. */
  readonly summary: string;
  readonly draw: (width: number) => Element;
  /** CSS pixels; that of `FRAME` if absent. */
  readonly height?: number;
  readonly caption: Child;
  readonly numbers: HTMLElement;
}): HTMLElement {
  const drawing = el("div", {
    class: "drawing",
    role: "img",
    "aria-label": `${options.title}. ${options.summary}`,
    // Its room before it is drawn, so that nothing below it jumps.
    style: `min-height:${options.height ?? FRAME.height}px`,
  });
  let drawn = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (width === 0 || width === drawn) return;
    drawn = width;
    const plot = options.draw(width);
    // The drawing as a whole has a name; the names that the library gives its parts would be read in place of it.
    plot.setAttribute("aria-hidden", "true");
    fill(drawing, plot);
  }).observe(drawing);
  return el(
    "figure",
    {},
    el("h3", {}, options.title),
    drawing,
    el("figcaption", {}, options.caption),
    el("details", {}, el("summary", {}, "Numbers of this figure"), options.numbers),
  );
}

const compactNumber = new Intl.NumberFormat("en-US", { notation: "compact" });
const compact = (value: number) => compactNumber.format(value);

/** Ticks of kept rows: in full where they differ by too little for short ones. */
function rowsTick(curve: PageFacts["curve"]): (value: number) => string {
  const kept = curve.map((point) => point.kept);
  return Math.max(...kept) - Math.min(...kept) < 0.2 * Math.max(...kept) ? count : compact;
}

/** Similarities: of removed rows above the threshold, and of kept rows with their nearest neighbour below it. */
export function similarityFigure({ similarities, neighbours, threshold, counts }: PageFacts): HTMLElement {
  const bars = (bins: PageFacts["similarities"], scale: number, fate: string) =>
    bins.counts.map((n, i) => ({
      from: bins.from + i * bins.width,
      to: bins.from + (i + 1) * bins.width,
      // Rows per hundredth, so that bins of different widths compare.
      height: (n * scale * 0.01) / bins.width,
      rows: Math.round(n * scale),
      fate,
    }));
  const kept = neighbours === undefined ? [] : bars(neighbours.bins, neighbours.of / neighbours.sample, "kept");
  const removed = bars(similarities, 1, "removed");
  // What is far below the threshold says nothing of it, and is so much that the rest would vanish beside it.
  const left = Math.max(0, threshold - 2 * (1 - threshold));
  const all = [...kept.filter(({ to }) => to > left + 1e-9), ...removed];
  return figure({
    title: "How similar rows are",
    summary: `${plural(counts.semantic, "row")} removed at cosines from ${threshold} to 1.`,
    draw: (width) =>
      Plot.plot({
        width,
        ...FRAME,
        x: { label: "cosine →", domain: [left, 1] },
        y: { label: "↑ rows per 0.01", type: "sqrt", grid: true, ticks: 5, tickFormat: compact },
        color: { domain: ["kept", "removed"], range: ["var(--kept)", "var(--semantic)"] },
        marks: [
          Plot.rectY(all, { x1: "from", x2: "to", y: "height", fill: "fate", insetLeft: 0.5, insetRight: 0.5 }),
          Plot.ruleY([0], { stroke: "var(--ink)" }),
          Plot.ruleX([threshold], { stroke: "var(--ink)", strokeDasharray: "3 3" }),
          Plot.text([threshold], {
            x: (x: number) => x,
            frameAnchor: "top",
            dy: -16,
            text: () => `threshold ${threshold}`,
            textAnchor: threshold > (left + 1) / 2 ? "end" : "start",
            fill: "var(--ink)",
          }),
        ],
      }),
    caption: [
      el("span", { class: "swatch semantic", "aria-hidden": "true" }),
      "Rows removed as near-duplicates, by the cosine with their kept row. ",
      neighbours !== undefined && [
        el("span", { class: "swatch kept", "aria-hidden": "true" }),
        `Kept texts, by the cosine with the nearest other one, ${
          neighbours.sample < neighbours.of
            ? `from a sample of ${count(neighbours.sample)} scaled to ${count(neighbours.of)}`
            : `all ${count(neighbours.of)}`
        }. `,
      ],
      "Heights grow with the square root, so that a few rows are seen beside many. A threshold in a valley divides well; on a slope, a small step moves many rows.",
    ],
    numbers: table({
      caption: "Rows by similarity",
      head: ["Cosine from", "to", "Rows", "Fate"],
      rows: all
        .filter(({ rows }) => rows > 0)
        .map(({ from, to, rows, fate }) => [from.toFixed(3), to.toFixed(3), count(rows), fate]),
      numbers: [0, 1, 2],
    }),
  });
}

/** Rows kept at other thresholds. */
export function curveFigure({ curve, threshold, counts }: PageFacts): HTMLElement {
  const here = curve.filter((point) => point.threshold === threshold);
  const sampled = curve.filter(({ low }) => low !== undefined);
  return figure({
    title: "What other thresholds would keep",
    summary: `${count(counts.kept)} rows are kept at ${threshold}.`,
    draw: (width) =>
      Plot.plot({
        width,
        ...FRAME,
        x: { label: "threshold →", domain: [curve[0].threshold, curve[curve.length - 1].threshold] },
        y: { label: "↑ rows kept", grid: true, ticks: 5, tickFormat: rowsTick(curve), nice: true },
        marks: [
          Plot.areaY(sampled, { x: "threshold", y1: "low", y2: "high", fill: "var(--kept)", fillOpacity: 0.2 }),
          Plot.lineY(curve, { x: "threshold", y: "kept", stroke: "var(--kept)", strokeWidth: 2 }),
          Plot.ruleX([threshold], { stroke: "var(--ink)", strokeDasharray: "3 3" }),
          Plot.dot(here, {
            x: "threshold",
            y: "kept",
            fill: "var(--paper)",
            stroke: "var(--ink)",
            strokeWidth: 2,
            r: 4,
          }),
        ],
      }),
    caption: [
      "Estimates. Above the threshold a little too high: a row set free may resemble another one that is kept then. ",
      sampled.length > 0 &&
        "Below it, from a sample of kept rows with its 95 % band, a little too low: a row may resemble only one that goes itself. ",
      "For exact figures run bge-dedup again with another ",
      el("code", {}, "--threshold"),
      "; it takes the vectors of this folder, so that takes seconds.",
    ],
    numbers: table({
      caption: "Rows kept by threshold",
      head: ["Threshold", "Kept", "Change", "95 % interval"],
      rows: curve.map(({ threshold: at, kept, low, high }) => [
        at
          .toFixed(2)
          .replace(/\.?0+$/, at === 1 ? "" : "$&")
          .slice(0, 6),
        count(kept),
        `${kept >= counts.kept ? "+" : "−"}${count(Math.abs(kept - counts.kept))}`,
        low === undefined ? "" : `${count(low)} – ${count(high ?? low)}`,
      ]),
      numbers: [0, 1, 2, 3],
    }),
  });
}

/** Kept and removed rows by the length of their text. */
export function lengthFigure({ lengths }: PageFacts): HTMLElement {
  const named = lengths.map(({ from, to, kept, removed }) => ({
    name: to === undefined ? `${count(from)}+` : `${count(from)}–${count(to - 1)}`,
    kept,
    removed,
  }));
  const bars = named.flatMap(({ name, kept, removed }) => [
    { name, fate: "kept", rows: kept },
    { name, fate: "removed", rows: removed },
  ]);
  const height = 40 + 26 * named.length;
  return figure({
    title: "By length",
    height,
    summary: `${count(lengths.length)} classes of length, with the share removed of each.`,
    draw: (width) =>
      Plot.plot({
        width,
        ...FRAME,
        height,
        marginTop: 4,
        marginLeft: 92,
        marginRight: 64,
        x: { label: "rows →", grid: true, tickFormat: compact, ticks: Math.max(2, Math.floor(width / 140)) },
        y: { label: null, domain: named.map(({ name }) => name) },
        color: { domain: ["kept", "removed"], range: ["var(--kept)", "var(--semantic)"] },
        marks: [
          Plot.barX(bars, { x: "rows", y: "name", fill: "fate", insetTop: 2, insetBottom: 2 }),
          Plot.text(named, {
            x: ({ kept, removed }) => kept + removed,
            y: "name",
            text: ({ kept, removed }) => share(removed, kept + removed),
            textAnchor: "start",
            dx: 6,
            fill: "var(--ink)",
          }),
        ],
      }),
    caption: [
      el("span", { class: "swatch kept", "aria-hidden": "true" }),
      "kept, ",
      el("span", { class: "swatch semantic", "aria-hidden": "true" }),
      "removed, by the number of characters. The figure behind each bar is the share removed.",
    ],
    numbers: table({
      caption: "Rows by length of text",
      head: ["Characters", "Kept", "Removed", "Share removed"],
      rows: named.map(({ name, kept, removed }) => [name, count(kept), count(removed), share(removed, kept + removed)]),
      numbers: [1, 2, 3],
    }),
  });
}
