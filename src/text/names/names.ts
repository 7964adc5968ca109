import { takeIdentifiers } from "./identifiers.js";
import { takeTitles } from "./titles.js";

/**
 * What sets a text apart by name, each in a canonical form without spaces, sorted, none twice: identifiers and product
 * codes ("rtx4090"), quoted titles.
 * @param text in the form that `normalise` gives
 */
export function names(text: string): string[] {
  const found = new Set<string>();
  takeTitles(takeIdentifiers(text, found), found);
  return [...found].sort();
}
