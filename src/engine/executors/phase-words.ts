import { UsageError } from "../../errors.js";
import { PHASES, type Phase } from "../stage.js";

/**
 * The words behind `--` that hold for a phase. Words before any `PHASE:` hold for all phases; those behind `embed:` hold
 * for that phase alone and come last, so that they win: `-- --mem=8G embed: --partition=gpu --gres=gpu:1`.
 * @throws UsageError where a word looks like the name of a phase but is none
 */
export function wordsOfPhase(words: readonly string[], phase: Phase): readonly string[] {
  const common: string[] = [];
  const own: string[] = [];
  let section: string | undefined;
  for (const word of words) {
    if (/^[a-z]+:$/.test(word)) {
      section = word.slice(0, -1);
      if (!(PHASES as readonly string[]).includes(section)) {
        throw new UsageError(`${word} behind -- is no phase, expected ${PHASES.map((name) => `${name}:`).join(", ")}`);
      }
    } else if (section === undefined) common.push(word);
    else if (section === phase) own.push(word);
  }
  return [...common, ...own];
}

/** Calls `check` with the words of each phase. */
export function checkPhases(words: readonly string[], check: (words: readonly string[]) => void): void {
  for (const phase of PHASES) check(wordsOfPhase(words, phase));
}
