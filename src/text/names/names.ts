import { takeChineseNames } from "./chinese.js";
import { takeEnglishNames } from "./english.js";
import { takeIdentifiers } from "./identifiers.js";
import { takeTitles } from "./titles.js";

const HAN = /[\u3400-\u4dbf\u4e00-\u9fff]/;

/**
 * What sets a text apart by name, each in a canonical form without spaces, sorted, none twice: identifiers and product
 * codes ("rtx4090"), quoted titles, names of people, places and organisations in English and Chinese.
 * @param text in the form that `normalise` gives
 */
export function names(text: string): string[] {
  const found = new Set<string>();
  const rest = takeIdentifiers(text, found);
  takeTitles(rest, found);
  const chinese = HAN.test(rest);
  takeEnglishNames(rest, chinese, found);
  if (chinese) takeChineseNames(rest, found);
  return found.size === 0 ? [] : [...found].sort();
}
