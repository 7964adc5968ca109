import { UsageError } from "../../errors.js";
import type { Former } from "./former.js";

/** The parts of a model's record that make its vectors comparable. */
interface ModelIdentity {
  readonly name?: unknown;
  readonly fingerprint?: unknown;
  readonly dim?: unknown;
  readonly dtype?: unknown;
}

/**
 * Makes sure that the vectors of this run are of the model of the former clusters: the distance of a vector to a
 * centroid of another model says nothing.
 * @param model the model as the manifest shows it; without `dim` before a vector is there
 * @throws UsageError that names both models
 */
export function requireSameModel({ folder, model: before, dim }: Former, model: ModelIdentity): void {
  const former: ModelIdentity = { ...before, dim };
  const same =
    former.fingerprint === model.fingerprint &&
    former.dtype === model.dtype &&
    (model.dim === undefined || former.dim === model.dim);
  if (same) return;
  throw new UsageError(
    `--like ${folder}: its clusters are of ${nameOf(former)}, the vectors of this run of ${nameOf(model)}; ` +
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

function nameOf({ name, fingerprint, dim, dtype }: ModelIdentity): string {
  const parts = [typeof dim === "number" ? `${dim} dimensions` : "", typeof dtype === "string" ? dtype : ""];
  const print = typeof fingerprint === "string" ? `fingerprint ${fingerprint.slice(0, 40)}` : "";
  return `${String(name ?? "an unknown model")} (${[...parts, print].filter((part) => part !== "").join(", ")})`;
}
