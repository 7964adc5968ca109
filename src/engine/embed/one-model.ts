import { UsageError } from "../../errors.js";
import type { ModelSpec } from "../../models/spec.js";
import { isSameModel, modelInWords } from "../../run/work/recorded-model.js";
import type { ProcessorKind } from "../facts.js";

/** What embedded the texts of a task. */
interface Embedding {
  readonly model: ModelSpec;
  readonly kind: Pick<ProcessorKind, "device">;
}

/**
 * Makes sure that all tasks embed with the same model: on nodes of different kinds `auto` may choose another device, and
 * with it another element type; and a folder of a node's own may hold another model of the same name.
 * @throws UsageError naming the two that differ
 */
export function requireOneModel(tasks: readonly Embedding[]): void {
  const [first] = tasks;
  const other = tasks.find(({ model }) => !isSameModel(first.model, model));
  if (other === undefined) return;
  const inWords = ({ model, kind: { device } }: Embedding) => `${modelInWords(model)} on ${device}`;
  throw new UsageError(
    `some nodes embed by ${inWords(first)}, others by ${inWords(other)}: their vectors cannot be compared; ` +
      "name --device and --dtype, see that all nodes have the same model, and run with --fresh",
  );
}
