import type { AskEstimate } from "../../report/calibrate/ask-posterior.js";
import type { Answer } from "../../report/calibrate/ask-session.js";
import { type Change, difference, shortened, withoutMiddle } from "../../text/difference.js";
import { type Marks, NO_MARKS, plainPieces, sideOf, wrappedLines } from "../marked.js";
import { beginning } from "../text-width.js";

/** What a screen shows: a pair, and where the session stands. */
export interface AskView {
  /** Number of the question in this session, from 1, and of the last one. */
  readonly question: number;
  readonly most: number;
  readonly first: string;
  readonly second: string;
  readonly cosine: number;
  readonly rows: readonly [number, number];
  /** The answer that was taken back; absent where the pair is asked for the first time. */
  readonly before?: { readonly answer: Answer };
  /** What the answers suggest; absent before the first one. */
  readonly estimate?: AskEstimate;
}

/** Columns and rows of the terminal. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Characters of a text that are compared; longer texts fill no screen. */
const LONGEST = 20_000;
/** Characters beside a change, from a whole text down to what a small terminal can show. */
const CONTEXTS = [LONGEST, 400, 200, 120, 80, 50, 30, 18, 10, 5];
/** Fewest columns that leave room for marks beside a text. */
const LEAST_MARKED = 16;

/**
 * The lines of a screen, at most `rows` of them and none wider than `columns`; wide characters count twice. The texts
 * are shortened between their differences until both fit, and a small screen leaves out what matters less. Characters
 * that would steer the terminal are replaced.
 */
export function screenLines(view: AskView, { columns, rows }: ScreenSize, marks: Marks): string[] {
  const width = Math.max(columns, 8);
  const small = rows < 10;
  const head = headOf(view).slice(0, small ? 1 : 2);
  const wrapped = small ? [beginning(head[0], width)] : head.flatMap((line) => wrap(line, width));
  const foot = small ? [beginning(footOf(view, 1), width)] : wrap(footOf(view, 3), width);
  const gap = small ? [] : [""];
  const left = rows - wrapped.length - foot.length - 3 * gap.length;
  const [first, second] = fittedTexts(view, Math.max(2, left), { width, marks });
  return [...wrapped, ...gap, ...first, ...gap, ...second, ...gap, ...foot].slice(0, Math.max(1, rows));
}

/** Where the question stands, and below it what the answers suggest. */
function headOf({ question, most, cosine, rows: [a, b], estimate }: AskView): string[] {
  const where = `${question} of ${most}   cosine ${cosine.toFixed(4)}   rows ${a} and ${b}`;
  if (estimate === undefined) return [where];
  const { threshold, low, high } = estimate;
  return [where, `threshold so far ${shown(threshold)}, likely between ${shown(low)} and ${shown(high)}`];
}

/** The question and its keys. */
function footOf({ before }: AskView, spaces: number): string {
  const was = before && (before.answer === undefined ? "skipped" : before.answer ? "yes" : "no");
  const keys = ["y yes", "n no", "s skip", "b back", "q quit"];
  return [`same?${was === undefined ? "" : ` (was ${was})`}`, ...keys].join(" ".repeat(spaces));
}

/** A text as lines of at most `width` columns, broken between words where it can be. */
function wrap(text: string, width: number): string[] {
  return wrappedLines(plainPieces(text), width, NO_MARKS);
}

/** A threshold without needless decimals. */
export function shown(threshold: number): string {
  return String(Number(threshold.toFixed(4)));
}

/** Both texts as wrapped lines, together at most `most`. */
function fittedTexts(
  { first, second }: AskView,
  most: number,
  { width, marks }: { readonly width: number; readonly marks: Marks },
): [string[], string[]] {
  const shownMarks = width < LEAST_MARKED ? NO_MARKS : marks;
  const changes = difference(cut(first, LONGEST), cut(second, LONGEST));
  const labelled = (label: string, pieces: readonly Change[]) =>
    wrappedLines(pieces, width - 3, shownMarks).map((line, i) => `${i === 0 ? label : " "}  ${line}`);
  let both: [string[], string[]] = [[], []];
  for (const context of CONTEXTS) {
    const short = shortened(changes, context).map(({ kind, text }) =>
      kind === "same" ? { kind, text } : { kind, text: withoutMiddle(text, 4 * context) },
    );
    // Nearly every character takes a column or two. Wrapping is slow, so that texts that cannot fit are not wrapped.
    const cells = short.reduce((sum, { kind, text }) => sum + (kind === "same" ? 2 : 1) * text.length, 0);
    if (cells > most * width && context !== CONTEXTS[CONTEXTS.length - 1]) continue;
    both = [labelled("A", sideOf(short, "removed")), labelled("B", sideOf(short, "added"))];
    if (both[0].length + both[1].length <= most) return both;
  }
  const half = Math.max(1, Math.floor(most / 2));
  return [
    both[0].slice(0, Math.max(half, most - both[1].length)),
    both[1].slice(0, Math.max(half, most - both[0].length)),
  ];
}

/** The beginning of a text. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
