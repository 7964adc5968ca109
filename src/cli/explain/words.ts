import { counted, grouped } from "../../counted.js";
import type { ExplainedRow, NamedRow } from "../../run/explanation.js";
import type { GuardDifference } from "../../text/guards.js";
import { printable } from "../printable.js";

/** A cosine with four decimals, or with as many as it takes to differ from the threshold where it does. */
export function cosineText(cosine: number, threshold: number): string {
  for (let digits = 4; digits < 10; digits++) {
    const text = cosine.toFixed(digits);
    if (cosine === threshold || Number(text) !== threshold) return text;
  }
  return String(cosine);
}

/** Where a cosine lies beside the threshold. */
export function besideThreshold(cosine: number, threshold: number): string {
  const gap = Math.abs(cosine - threshold);
  const by = gap >= 0.00005 || gap === 0 ? gap.toFixed(4) : gap.toExponential(1);
  const place = cosine >= threshold ? `${by} above` : `${by} below`;
  return `cosine ${cosineText(cosine, threshold)}, ${place} the threshold ${threshold}`;
}

/** What names a row: its number, its id, and its folder where that is a reference. */
export function rowName({ row, id, in: folder }: Pick<NamedRow, "row" | "id" | "in">): string {
  const name = id === undefined || id === null ? `row ${row}` : `row ${row} (id ${printable(id)})`;
  return folder === undefined ? name : `${name} of ${printable(folder)}`;
}

/** The first line about a row: what became of it. */
export function fateLine(row: ExplainedRow): string {
  if (row.fate === "rejected") return `row ${row.row}: rejected\n`;
  if (row.fate === "kept") return `${rowName(row)}: kept\n`;
  return `${rowName(row)}: removed on account of ${rowName(row.kept)}\n`;
}

/** Where a row came from; nothing where the manifest does not say it. */
export function originText({ origin }: ExplainedRow): string[] {
  return origin === undefined ? [] : [`record ${origin.record} of ${origin.input}`];
}

/** In what two texts differ for a guard: `13 against 14`. */
function against({ guard, onlyFirst, onlySecond }: GuardDifference): string {
  const side = (found: readonly string[]) => {
    if (found.length === 0) return "none";
    return guard === "negation" ? counted(found.length, "negation") : found.map(printable).join(", ");
  };
  return `${side(onlyFirst)} against ${side(onlySecond)}`;
}

/** A verb behind the name of a guard: numbers differ, negation differs. */
function verb(guards: readonly string[], plural: string): string {
  return guards.length > 1 || guards[0].endsWith("s") ? plural : `${plural}s`;
}

/**
 * What the guards say of two texts: those of the run in any case, the others where they would tell the texts apart;
 * undefined where there is nothing to say.
 * @param merged whether the two texts were merged
 */
export function guardSentence(
  differs: readonly GuardDifference[],
  guards: readonly string[],
  merged: boolean,
): string | undefined {
  const found = differs.map((difference) => {
    const { guard } = difference;
    const what = `${guard} ${verb([guard], "differ")}: ${against(difference)}`;
    return guards.includes(guard) || !merged ? what : `${what} (--guard ${guard} would have kept them apart)`;
  });
  const agree = guards.filter((guard) => !differs.some((difference) => difference.guard === guard));
  if (agree.length > 0) found.push(`${agree.join(" and ")} ${verb(agree, "agree")}`);
  return found.length > 0 ? found.join("; ") : undefined;
}

/** Counts of a group by reason: `12 rows: 1 kept, 3 exact, 8 semantic`. */
export function groupCounts(group: {
  readonly size: number;
  readonly exact: number;
  readonly normalized: number;
  readonly semantic: number;
}): string {
  const parts = (["exact", "normalized", "semantic"] as const).flatMap((reason) =>
    group[reason] > 0 ? [`${grouped(group[reason])} ${reason}`] : [],
  );
  return `${counted(group.size, "row")}: ${["1 kept", ...parts].join(", ")}`;
}

/** Cells of a row in a table: its number, and its id where rows have ids. */
export function rowCells({ row, id }: NamedRow, withIds: boolean): string[] {
  return withIds ? [String(row), printable(id ?? "")] : [String(row)];
}
