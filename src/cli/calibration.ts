import { counted, grouped } from "../counted.js";
import { type DamageKind, MUST_MERGE, TRAPS } from "../report/calibrate/damage.js";
import { shownIndices, type ThresholdRow } from "../report/calibrate/table.js";
import type { Calibration, ExamplePair } from "../run/calibration.js";
import { difference, shortened } from "../text/difference.js";
import { fittedLine, type Marks, sideOf, wrapped } from "./marked.js";
import { commandOf } from "./next-command.js";
import { printable } from "./printable.js";
import { rightAligned } from "./text-width.js";

/** How a calibration is shown. */
export interface CalibrationLayout {
  readonly marks: Marks;
  /** Width of the terminal. */
  readonly columns: number;
}

/** Headings of the kinds of damage. */
const HEADINGS: Readonly<Record<DamageKind, string>> = {
  typo: "typo",
  insertion: "insert",
  deletion: "delete",
  punctuation: "punct",
  clauses: "swap",
  number: "number",
  date: "date",
  negation: "negation",
  name: "name",
};

/** Name of the changes of a kind of trap. */
const TRAP_NAMES: Readonly<Partial<Record<DamageKind, string>>> = {
  number: "changed numbers",
  date: "changed dates",
  negation: "negations",
  name: "swapped names",
};

/** The calibration for a person: two tables, the user's own pairs around the suggestion, and the suggestion. */
export function formatCalibration(report: Calibration, layout: CalibrationLayout): string {
  const { thresholds, suggestion } = report;
  const best = thresholds.findIndex(({ threshold }) => threshold === suggestion.threshold);
  const shown = shownIndices(thresholds.length, Math.max(best, 0)).map((i) => thresholds[i]);
  const parts = [head(report, layout.columns), effects(report, shown)];
  if (Object.keys(report.damages).length > 0) parts.push(kinds(report, shown));
  if (best >= 0) parts.push(pairs(report, best, layout));
  parts.push(suggested(report, layout));
  return parts.filter((part) => part !== "").join("\n");
}

function head({ counts, model, background, lengths, removed_by }: Calibration, columns: number): string {
  const lines = [
    `${printable(model.name)}, ${model.dim} dimensions: ${counted(counts.read, "row")}, ` +
      (counts.rejected > 0 ? `${grouped(counts.rejected)} rejected, ` : "") +
      `${counted(counts.copies, "copy", "copies")}, ${counted(counts.distinct, "distinct text")}`,
    `sample of ${counted(counts.sampled, "text")}: ${lengths
      .map(({ name, from, to }) => `${name} ${from === to ? from : `${from}-${to}`}`)
      .join(", ")} characters`,
  ];
  if (background !== null) {
    const { median, p90, p99 } = background;
    const [middle, tenth, hundredth] = [median, p90, p99].map((cosine) => cosine.toFixed(3));
    lines.push(`cosine with the nearest other text: median ${middle}, top 10 % ${tenth}, top 1 % ${hundredth}`);
  }
  if (removed_by === "sample") {
    lines.push("removed: an upper bound from the sample, since the input has too many pairs to compare all");
  }
  return lines.map((line) => wrapped(line, columns)).join("");
}

const percent = (share: number | null | undefined) => {
  if (share === null || share === undefined) return "-";
  const value = 100 * share;
  return value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0);
};

/** A table with a mark before the row `suggested`; -1 for none. */
function table(headings: readonly string[], rows: readonly (readonly string[])[], suggested: number): string {
  return rightAligned([headings, ...rows])
    .map((line, i) => `${i > 0 && i === suggested + 1 ? ">" : " "} ${line}\n`)
    .join("");
}

/** What each threshold does to the input, and what it finds of the planted damages. */
function effects({ suggestion, lengths, damages, removed_by }: Calibration, shown: readonly ThresholdRow[]): string {
  const planted = Object.keys(damages).length > 0;
  const most = removed_by === "sample" ? "<=" : "";
  const headings = ["threshold", "removed", "%"];
  if (planted) headings.push("false", "found %", ...lengths.map(({ name }) => name), "traps %");
  const rows = shown.map((row) => {
    const cells = [row.threshold.toFixed(4), most + grouped(row.removed_rows), percent(row.removed_share)];
    if (!planted) return cells;
    return [
      ...cells,
      row.false_merges === null ? "-" : `~${grouped(row.false_merges)}`,
      percent(row.found),
      ...lengths.map(({ name }) => percent(row.found_by_length[name])),
      percent(row.traps),
    ];
  });
  const at = shown.findIndex(({ threshold }) => threshold === suggestion.threshold);
  const legend = planted
    ? "false: rows removed beyond what damages explain (an estimate); found: planted\n" +
      "damages merged with their originals; traps: texts merged that say something else\n"
    : "";
  return table(headings, rows, at) + legend;
}

/** What each threshold finds of each kind of damage. */
function kinds({ suggestion, damages }: Calibration, shown: readonly ThresholdRow[]): string {
  const merge = MUST_MERGE.filter((kind) => damages[kind] !== undefined);
  const traps = TRAPS.filter((kind) => damages[kind] !== undefined);
  const bar = traps.length > 0 && merge.length > 0 ? ["|"] : [];
  const cells = (cell: (kind: DamageKind) => string) => [...merge.map(cell), ...bar, ...traps.map(cell)];
  const headings = ["threshold", ...cells((kind) => HEADINGS[kind])];
  const rows = [
    ["texts", ...cells((kind) => grouped(damages[kind] ?? 0))],
    ...shown.map((row) => [
      row.threshold.toFixed(4),
      ...cells((kind) => percent(row.found_by[kind] ?? row.traps_by[kind])),
    ]),
  ];
  const at = shown.findIndex(({ threshold }) => threshold === suggestion.threshold);
  const title = `% merged of each damage${bar.length > 0 ? ": what must merge | what must stay apart" : ""}\n`;
  return title + table(headings, rows, at < 0 ? -1 : at + 1);
}

/** Pairs that are shown. */
const SHOWN_PAIRS = 6;
/** Characters of what two texts share that stay beside a difference. */
const CONTEXT = 16;

function pairs({ thresholds, pairs: all }: Calibration, best: number, layout: CalibrationLayout): string {
  const away = ({ cosine }: ExamplePair) => Math.abs(cosine - thresholds[best].threshold);
  const nearest = [...all].sort((a, b) => away(a) - away(b)).slice(0, SHOWN_PAIRS);
  const examples = nearest.sort((a, b) => b.cosine - a.cosine);
  if (examples.length === 0) return "";
  const { threshold } = thresholds[best];
  const width = Math.max(...examples.flatMap(({ rows }) => rows.map((row) => String(row).length)));
  const lines = examples.map((pair) => exampleLines(pair, width, layout));
  const below = examples.findIndex(({ cosine }) => cosine < threshold);
  lines.splice(below < 0 ? lines.length : below, 0, `  ${threshold.toFixed(4)}  -------- the suggested threshold\n`);
  return `the pairs of your rows nearest to it:\n${lines.join("")}`;
}

function exampleLines({ texts, rows, cosine }: ExamplePair, width: number, { marks, columns }: CalibrationLayout) {
  const changes = shortened(difference(texts[0], texts[1]), CONTEXT);
  const left = columns - width - 14;
  const [first, second] = (["removed", "added"] as const).map((side) => fittedLine(sideOf(changes, side), left, marks));
  const number = (row: number) => String(row).padStart(width);
  return `  ${cosine.toFixed(4)}  ${number(rows[0])}  ${first}\n          ${number(rows[1])}  ${second}\n`;
}

function suggested({ suggestion, model, next }: Calibration, { columns }: CalibrationLayout): string {
  const { threshold, reason, guards } = suggestion;
  const lines = [`suggested: --threshold ${threshold}, since ${reason}`];
  if (guards.length > 0) {
    const names = guards.map(({ guard }) => `--guard ${guard}`);
    const merged = guards.flatMap((advised) =>
      Object.entries(advised.merged).map(([kind, share]) => `${percent(share)} % of ${TRAP_NAMES[kind as DamageKind]}`),
    );
    lines.push(`add ${names.join(" ")}: the model cannot tell such texts apart and would merge ${merged.join(", ")}`);
  }
  lines.push(`the model's own default is ${model.threshold} (${model.threshold_source})`);
  return `${lines.map((line) => wrapped(line, columns)).join("")}next: ${commandOf(next)}\n`;
}
