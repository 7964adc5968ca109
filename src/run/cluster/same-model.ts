import { UsageError } from "../../errors.js";
import { isSameModel, modelInWords, type RecordedModel } from "../work/recorded-model.js";
import type { Former } from "./former.js";

/**
 * Makes sure that the vectors of this run are of the model of the former clusters: the distance of a vector to a
 * centroid of another model says nothing.
 * @param model the model as the manifest shows it; without `dim` before a vector is there
 * @throws UsageError that names both models
 */
export function requireSameModel({ folder, model: before, dim }: Former, model: RecordedModel): void {
  const former: RecordedModel = { ...before, dim };
  if (isSameModel(former, model) && (model.dim === undefined || dim === model.dim)) return;
  throw new UsageError(
    `--like ${folder}: its clusters are of ${modelInWords(former)}, the vectors of this run of ${modelInWords(model)}; ` +
      "name a clustering of the same model, or leave out --like",
  );
}

/**
 * Makes sure that the run asks for centroids of the same kind. Without a word of it they are as the former ones.
 * @throws UsageError that says how the former ones are
 */
export function requireSameKind({ folder, spherical }: Former, wanted: boolean | undefined): void {
  if (wanted === undefined || wanted === spherical) return;
  const [were, flag] = spherical ? ["with", "--no-spherical"] : ["without", "--spherical"];
  throw new UsageError(
    `--like ${folder}: its clusters were made ${were} --spherical, this run asks for ${flag}; leave out ${flag}`,
  );
}
