import { tableRows } from "../against/read-references.js";
import { openNamed } from "../against/reference.js";
import type { DedupManifest } from "../work/dedup-folder.js";
import type { ChosenGroups } from "./choose-groups.js";
import { cut, type FoundText } from "./texts.js";

/** Groups of references' rows whose texts are looked for; the page has room for about as many. */
const MOST_TEXTS = 50_000;

/**
 * Reads the texts of the kept rows that lie in references. A reference that is gone, damaged or was written anew leaves
 * its groups without the text of the kept row.
 * @param folders as the survey numbers them
 * @returns texts by group
 */
export async function findKeeperTexts(options: {
  readonly folder: string;
  readonly manifest: DedupManifest;
  readonly folders: readonly string[];
  readonly groups: ChosenGroups;
}): Promise<Map<number, FoundText>> {
  const { folder, manifest, folders, groups } = options;
  const found = new Map<number, FoundText>();
  const wanted = folders.map(() => new Map<number, number>());
  let left = MOST_TEXTS;
  for (let g = 0; g < groups.keptIn.length && left > 0; g++) {
    if (groups.keptIn[g] < 0) continue;
    wanted[groups.keptIn[g]].set(groups.keptRow[g], g);
    left--;
  }
  for (const [number, path] of folders.entries()) {
    if (wanted[number].size === 0) continue;
    try {
      const reference = await openNamed(folder, manifest, path);
      if (typeof reference === "string") continue;
      const { kept, manifest: made } = reference;
      for await (const { rows, texts } of tableRows(kept, made.options)) {
        for (let i = 0; i < rows.length; i++) {
          const group = wanted[number].get(rows[i]);
          const text = texts[i];
          if (group !== undefined && text !== null) found.set(group, { text: cut(text), length: text.length });
        }
      }
    } catch {
      // The page shows what it can of the folder itself; `verify` says what is wrong with a reference.
    }
  }
  return found;
}
