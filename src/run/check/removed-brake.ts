import { BrakeError } from "../../errors.js";
import { batchTexts } from "../../io/schema/text-columns.js";
import type { Decisions } from "../../join/decisions.js";
import { acceptedTextColumns } from "../read/missing-field.js";
import { type ReadableInputs, readRows } from "../read/read-rows.js";
import { type Limit, limitReached } from "./limit.js";

/** Number of removed pairs that the message shows. */
const SHOWN_PAIRS = 5;

/** Number of characters by which a person recognises a text. */
const SHOWN_CHARACTERS = 50;

/** The options that name the text of a record. */
type TextFields = Parameters<typeof acceptedTextColumns>[1];

/** What `applyRemovedBrake` needs. */
export interface RemovedBrakeOptions {
  /** No limit if undefined. */
  readonly limit: Limit | undefined;
  /** Number of all rows. */
  readonly rows: number;
  readonly decisions: Decisions;
  /** Paths of the folders that `keptIn` numbers, where the run has references. */
  readonly folders?: readonly string[];
  /** The texts of some rows, for the message. A text may be missing. */
  readonly textsOf: (rows: ReadonlySet<number>) => Promise<ReadonlyMap<number, string>>;
}

/**
 * Enforces `--max-removed` before anything is written.
 * @throws BrakeError with the numbers and some of the removed pairs, spread evenly over all rows, with their texts
 */
export async function applyRemovedBrake(options: RemovedBrakeOptions): Promise<void> {
  const { limit, rows, decisions, folders } = options;
  if (limit === undefined) return;
  const goes = (row: number) => decisions.keptRow(row) >= 0 && !decisions.isKept(row);
  let removed = 0;
  for (let row = 0; row < rows; row++) if (goes(row)) removed++;
  if (!limitReached(limit, removed, rows)) return;
  const shown: number[] = [];
  const every = Math.max(1, removed / SHOWN_PAIRS);
  for (let row = 0, seen = 0; row < rows; row++) {
    if (goes(row) && seen++ >= shown.length * every) shown.push(row);
  }
  const ofThisRun = shown.flatMap((row) => (decisions.keptIn(row) < 0 ? [row, decisions.keptRow(row)] : [row]));
  const texts = await options.textsOf(new Set(ofThisRun));
  const named = (row: number) => `row ${row}${texts.has(row) ? ` ${excerpt(texts.get(row) as string)}` : ""}`;
  const pairs = shown.map((row) => {
    const why = `${decisions.reason(row)}, ${decisions.similarity(row).toFixed(4)}`;
    const folder = folders?.[decisions.keptIn(row)];
    const keeper = decisions.keptRow(row);
    return `${named(row)} for ${folder === undefined ? named(keeper) : `row ${keeper} of ${folder}`} (${why})`;
  });
  throw new BrakeError(
    `${removed} of ${rows} rows would be removed, more than --max-removed ${limit.text}; nothing was published. ` +
      `Some of them: ${pairs.join("; ")}. Raise the limit or --threshold`,
    { limit: "max_removed", rows: removed },
  );
}

/**
 * Reads the inputs again up to the last wanted row and returns the texts of the wanted rows. If reading fails, the
 * texts are missing from the message: the message of the brake matters more than the failure.
 * @param fields options that name the text of a record
 */
export async function textsOfRows(
  wanted: ReadonlySet<number>,
  inputs: ReadableInputs,
  fields: TextFields,
): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const last = Math.max(...wanted);
  try {
    const paths = acceptedTextColumns(inputs.schema, fields, "the inputs");
    for await (const { rows, columns } of readRows(inputs)) {
      const positions = [...rows.keys()].filter((i) => wanted.has(rows[i]));
      if (positions.length > 0) {
        const { texts } = batchTexts(columns, paths);
        for (const i of positions) if (typeof texts[i] === "string") found.set(rows[i], texts[i]);
      }
      if (rows.length > 0 && rows[rows.length - 1] >= last) break;
    }
  } catch {}
  return found;
}

/** The beginning of a text as a JSON string. */
function excerpt(text: string): string {
  const characters = [...text.slice(0, 2 * SHOWN_CHARACTERS)];
  const cut = characters.length > SHOWN_CHARACTERS || text.length > 2 * SHOWN_CHARACTERS;
  return JSON.stringify(cut ? `${characters.slice(0, SHOWN_CHARACTERS).join("")}…` : text);
}
