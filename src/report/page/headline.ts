import type { PageFacts } from "./data.js";

/** What was removed, in one sentence: the title of the page, which stands there before its script has run. */
export function headline({ counts: { read, removed } }: Pick<PageFacts, "counts">): string {
  const rows = `${whole.format(read)} row${read === 1 ? "" : "s"}`;
  if (removed > 0) return `${whole.format(removed)} of ${rows} removed, ${share(removed, read)}`;
  return `None of ${rows} was removed`;
}

const whole = new Intl.NumberFormat("en-US");

/** A share in per cent with as many digits as say something: 7.5 %, 0.03 %. */
export function share(part: number, all: number): string {
  if (all === 0 || part === 0) return "0 %";
  const percent = (100 * part) / all;
  if (percent < 0.001) return "< 0.001 %";
  return `${percent >= 10 ? percent.toFixed(1) : Number(percent.toPrecision(2))} %`;
}
