import { grouped } from "../counted.js";
import { InputError } from "../errors.js";
import type { OperatingPoint, WantedPrecision } from "../report/calibrate/precision-recall.js";
import type { AskReport } from "../run/calibrate-ask.js";
import type { PairsReport } from "../run/calibrate-pairs.js";
import { type Interval, wilson } from "../wilson.js";
import { wrapped } from "./marked.js";
import { printable } from "./printable.js";
import { rightAligned } from "./text-width.js";

/** How a report by labels is shown. */
export interface LabelsLayout {
  /** The command that follows a threshold. */
  readonly next: (threshold: number) => string;
  /** Width of the terminal. */
  readonly columns: number;
}

const share = (value: number) => value.toFixed(3);
const between = ({ low, high }: Interval) => `${share(low)}-${share(high)}`;

/** Steps of the thresholds that a table shows, and the most lines of it. */
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const MOST_LINES = 15;

/**
 * Why pairs decide on no threshold: all of them are the same, or all are different.
 * @returns undefined where they do decide
 */
export function oneSided({ same, different }: PairsReport["pairs"]): InputError | undefined {
  if (same > 0 && different > 0) return undefined;
  const all =
    same + different === 1 ? "the only labelled pair is" : `all ${grouped(same + different)} labelled pairs are`;
  return new InputError(
    same > 0
      ? `${all} the same (1), which tells the recall of a threshold but not its false merges; add pairs that resemble ` +
          "each other and are different, labelled 0"
      : `${all} different (0), which tells the false merges of a threshold but not what it finds; add pairs that are the ` +
          "same, labelled 1",
  );
}

/** The report of `calibrate --pairs` for a person. */
export function formatPairs(report: PairsReport, { next, columns }: LabelsLayout): string {
  const { pairs, model, curve, average_precision: average, best_f1: best, for_precision: wanted } = report;
  const all = pairs.same + pairs.different;
  const fit = (sentence: string) => wrapped(sentence, columns).trimEnd();
  const lines = [
    fit(
      `${grouped(all)} labelled ${all === 1 ? "pair" : "pairs"}, ${grouped(pairs.same)} the same and ` +
        `${grouped(pairs.different)} different, measured by ${printable(model.name)}`,
    ),
  ];
  if (pairs.repeated > 0) lines.push(`${grouped(pairs.repeated)} were replaced by later lines of the same texts`);
  if (pairs.guarded > 0) lines.push(`${grouped(pairs.guarded)} are kept apart by a guard and count as not merged`);
  lines.push("", ...curveTable(report));
  if (curve.length === 0) lines.push("no threshold merges a pair");
  if (best !== undefined) {
    lines.push("", fit(`best F1     ${best.threshold}: ${describe(best)}`));
    lines.push(`average precision ${share(average ?? 0)}`);
  }
  if (wanted !== undefined) lines.push("", ...describeWanted(wanted).map(fit));
  const chosen = wanted?.reached ?? best;
  // No run takes a threshold of 0 or less.
  if (chosen !== undefined && chosen.threshold > 0) lines.push(`Next: ${next(chosen.threshold)}`);
  return `${lines.join("\n")}\n`;
}

/** Precision and recall at round thresholds; only one of the two where all labels are equal. */
function curveTable({ curve, pairs }: PairsReport): string[] {
  if (curve.length === 0) return [];
  const columns: [name: string, cell: (point: OperatingPoint) => string][] = [["merged", (p) => grouped(p.merged)]];
  if (pairs.same > 0 && pairs.different > 0) {
    columns.push(["precision", (p) => share(p.precision)], ["95 %", (p) => between(p.precision_interval)]);
  }
  if (pairs.same > 0) columns.push(["recall", (p) => share(p.recall)], ["95 %", (p) => between(p.recall_interval)]);
  if (pairs.same > 0 && pairs.different > 0) columns.push(["F1", (p) => share(p.f1)]);
  if (pairs.same === 0) {
    columns.push(["of all", (p) => share(p.merged / pairs.different)]);
    columns.push(["95 %", (p) => between(wilson(p.merged, pairs.different))]);
  }
  const rows = tableThresholds(curve).map(({ threshold, point }) => [
    threshold,
    ...columns.map(([, cell]) => cell(point)),
  ]);
  return rightAligned([["threshold", ...columns.map(([name]) => name)], ...rows]).map((line) => `  ${line}`);
}

/** Round thresholds from the highest that merges a pair down to the one that merges nearly all that are the same. */
function tableThresholds(curve: readonly OperatingPoint[]): { threshold: string; point: OperatingPoint }[] {
  const top = curve[0].cosine;
  const last = curve[curve.length - 1];
  const bottom = (curve.find(({ recall }) => recall >= 0.98 * last.recall && last.recall > 0) ?? last).cosine;
  const step = STEPS.find((each) => (top - bottom) / each < MOST_LINES - 1) ?? 0.5;
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const rows: { threshold: string; point: OperatingPoint }[] = [];
  for (let i = Math.floor(top / step); i >= Math.floor(bottom / step); i--) {
    const threshold = (i * step).toFixed(digits);
    const point = curve.findLast(({ cosine }) => cosine >= Number(threshold));
    // A lower threshold that merges nothing more says nothing more.
    if (point !== undefined && point !== rows.at(-1)?.point) rows.push({ threshold, point });
  }
  return rows;
}

function describe({ merged, precision, precision_interval, recall, recall_interval, f1 }: OperatingPoint): string {
  return (
    `${grouped(merged)} pairs merged, precision ${share(precision)} (95 %: ${between(precision_interval)}), ` +
    `recall ${share(recall)} (${between(recall_interval)}), F1 ${share(f1)}`
  );
}

/** The threshold of a wanted precision, and what its interval means. */
function describeWanted({ wanted, reached, possible, proven }: WantedPrecision): string[] {
  const lines = [
    reached === undefined
      ? `precision ${wanted} is reached by no threshold`
      : `precision ${wanted} from threshold ${reached.threshold} on: ${describe(reached)}`,
  ];
  if (possible === undefined) lines.push(`every threshold is below precision ${wanted}, with 97.5 % confidence`);
  else if (proven === undefined) {
    lines.push(`95 % interval of that threshold: ${possible.threshold} or more; no threshold is proven to reach it`);
  } else {
    lines.push(
      `95 % interval of that threshold: ${possible.threshold} to ${proven.threshold}. Below it the precision is lower ` +
        "than wanted, from its end on at least as high, each with 97.5 % confidence; the end is the safe choice, the " +
        "threshold above the likely one",
    );
  }
  return lines;
}

/** The report of `calibrate --ask` for a person. */
export function formatAsk({ answers, suggestion, settled }: AskReport, { next, columns }: LabelsLayout): string {
  const { asked, skipped, earlier, same, different, file } = answers;
  const parts = [
    `${asked - skipped} pairs judged`,
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(earlier > 0 ? [`${earlier} judged before`] : []),
  ];
  const lines = [`${parts.join(", ")}: ${same} the same, ${different} different; kept in ${printable(file)}`];
  if (suggestion === undefined) return `${lines[0]}\nno answer yet, so nothing is suggested\n`;
  const { threshold, low, high, f1, loss } = suggestion;
  lines.push(
    wrapped(
      `suggested threshold ${threshold}; the best one lies between ${low} and ${high} with 95 % probability`,
      columns,
    ).trimEnd(),
    `expected F1 ${share(f1)}; the best threshold would have ${share(loss)} more`,
    settled ? `Next: ${next(threshold)}` : "Next: the same command again asks further pairs and narrows the interval",
  );
  return `${lines.join("\n")}\n`;
}
