import { styleText } from "node:util";
import type { Change } from "../text/difference.js";
import { printable } from "./printable.js";

/** Marks the pieces of two compared texts for a person. */
export interface Marks {
  readonly removed: (text: string) => string;
  readonly added: (text: string) => string;
}

/** Marks by brackets: `[-only in the first-]` and `{+only in the second+}`, as git does. */
const BRACKETS: Marks = { removed: (text) => `[-${text}-]`, added: (text) => `{+${text}+}` };

/** Marks by colour, which is also underlined for those who do not tell red from green. */
const COLOURS: Marks = {
  removed: (text) => styleText(["red", "underline"], text),
  added: (text) => styleText(["green", "underline"], text),
};

/** The marks for a stream: colours on a terminal that has them and unless NO_COLOR is set, brackets elsewhere. */
export function marksFor(stream: NodeJS.WriteStream): Marks {
  const coloured = stream.isTTY === true && stream.hasColors() && !process.env.NO_COLOR;
  return coloured ? COLOURS : BRACKETS;
}

/** The first and the second of two compared texts as lines for a person; control characters are replaced. */
export function markedTexts(
  changes: readonly Change[],
  marks: Marks,
): { readonly first: string; readonly second: string } {
  const side = (kind: "removed" | "added") =>
    changes
      .filter((change) => change.kind === "same" || change.kind === kind)
      .map((change) => (change.kind === "same" ? printable(change.text) : marks[kind](printable(change.text))))
      .join("");
  return { first: side("removed"), second: side("added") };
}
