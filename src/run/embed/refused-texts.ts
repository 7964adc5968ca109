import { MOST_REFUSED, type WindowVectors } from "../../embed/local/embedder.js";
import { UnavailableError } from "../../errors.js";
import type { TextWindow } from "../read/read-texts.js";
import type { RefusedText } from "../work/work-state.js";

/** Share of the distinct texts that the server may refuse. */
const MOST_SHARE = 0.01;

/** Number of texts that the server may refuse though they exceed the share, which says little about a small input. */
const FEW = 10;

/** Number of refused texts that a message names. */
const SHOWN = 3;

/** Too many texts are refused: the fault lies with the server and not with the texts. */
export class TooManyRefusedError extends UnavailableError {
  /** The first refused texts, which the message names by their rows. */
  readonly first: readonly RefusedText[];

  /** @param of for the message: how many texts were sent */
  constructor(refused: readonly RefusedText[], of: string) {
    const first = refused.slice(0, SHOWN);
    super(
      `the server refuses ${refused.length}${of} texts, more than ${MOST_SHARE * 100} % or ${MOST_REFUSED}, so nothing was published. ` +
        `The first are ${first.map(({ row, error }) => `row ${row}: ${error}`).join("; ")}. ` +
        "See the server's log and mend the server, then run with --fresh: without it the texts refused so far stay rejected",
    );
    this.first = first;
  }
}

/**
 * Adds the refused texts of a window to those of the windows before.
 * @throws TooManyRefusedError if there are more than `MOST_REFUSED`
 */
export function addRefused(
  before: readonly RefusedText[],
  { rows }: TextWindow,
  { refused = [] }: Pick<WindowVectors, "refused">,
): readonly RefusedText[] {
  if (refused.length === 0) return before;
  const all = [...before, ...refused.map(({ index, error }) => ({ row: rows[index], error }))];
  if (all.length > MOST_REFUSED) throw new TooManyRefusedError(all, "");
  return all;
}

/**
 * Judges the refused texts once all texts have been sent.
 * @param texts number of distinct texts
 * @throws TooManyRefusedError if the server refuses more than a hundredth of the texts and more than a few, or all
 */
export function requireFewRefused(refused: readonly RefusedText[], texts: number): void {
  const tooMany = refused.length > Math.max(FEW, MOST_SHARE * texts) || (texts > 0 && refused.length === texts);
  if (tooMany) throw new TooManyRefusedError(refused, ` of ${texts}`);
}

/**
 * Notes the refused texts of a sample.
 * @param embedded vectors of the first windows of `windows`
 * @throws TooManyRefusedError as `addRefused` does
 */
export function noteRefused(
  windows: readonly TextWindow[],
  embedded: readonly WindowVectors[],
  note: (message: string) => void,
): void {
  let refused: readonly RefusedText[] = [];
  for (const [i, vectors] of embedded.entries()) refused = addRefused(refused, windows[i], vectors);
  if (refused.length === 0) return;
  const [{ row, error }] = refused;
  note(`texts of the sample that would be rejected: ${refused.length}. The first is row ${row}: ${error}`);
}
