import type { Suggestion } from "../../report/calibrate/suggest.js";
import { type AdvisedGuard, advisedGuards, type ThresholdRow } from "../../report/calibrate/table.js";
import type { CalibrationInputs } from "./inputs.js";

/** The suggested threshold in words. */
export interface SuggestedThreshold {
  readonly threshold: number;
  /** A sentence in lower case. */
  readonly reason: string;
  readonly guards: readonly AdvisedGuard[];
}

/** Distinct texts below which the background says nothing, so that the model's own threshold is suggested. */
const FEW_TEXTS = 20;

const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

/** Why a threshold is suggested, by what it rests on. */
const BASES: Readonly<Record<Suggestion["basis"], string>> = {
  gap: "hardly any text has its nearest neighbour here: ordinary neighbours lie below, near-duplicates above",
  damages:
    "ordinary neighbours and near-duplicates run into each other, so this is the highest threshold that finds 95 % of the planted typing errors, insertions and deletions",
  background:
    "about one text in a thousand would have a neighbour as near if there were no near-duplicates, by the neighbours alone",
};

/** The suggested threshold, why, and the guards for the traps that it merges. */
export function choose(options: {
  inputs: CalibrationInputs;
  table: readonly ThresholdRow[];
  guess: Suggestion;
}): SuggestedThreshold {
  const { inputs, table, guess } = options;
  const { model, vectors } = inputs;
  if (vectors.count < FEW_TEXTS) {
    const texts = vectors.count === 1 ? "1 distinct text says" : `${vectors.count} distinct texts say`;
    const reason = `${texts} too little about a threshold, so this is the model's own (${model.thresholdSource})`;
    return { threshold: model.threshold, reason, guards: [] };
  }
  const row = table[guess.best];
  const { threshold, found, removed_share } = row;
  const effect = `it removes ${percent(removed_share)} of the rows`;
  const finds = found === null ? effect : `${effect} and finds ${percent(found)} of the planted damages`;
  return { threshold, reason: `${BASES[guess.basis]}; ${finds}`, guards: advisedGuards(row) };
}

/** What a person should know about the figures. */
export function warningsOf(options: { inputs: CalibrationInputs; wanted: number; sampled: number }): string[] {
  const { inputs, wanted, sampled } = options;
  const warnings: string[] = [];
  if (sampled < wanted)
    warnings.push(`the input has fewer distinct texts (${sampled}) than --sample ${wanted}; the sample has them all`);
  if (inputs.vectors.count === 1)
    warnings.push("the input has a single distinct text, so there are no pairs to look at");
  if (!inputs.hasModel) {
    warnings.push(
      "the vectors came with the input, so no damaged text can be embedded: the suggestion rests on the neighbours alone; " +
        "name the model by --model or --endpoint in place of --vector-field for the full table",
    );
  }
  return warnings;
}
