import { InputError } from "../../errors.js";
import { openFiles } from "../../run/read/open-inputs.js";
import type { TaskContext } from "../stage.js";

/**
 * Components of the first vector in the files before a shard, which all later vectors must have; 0 where those files have
 * none, or the input's own vectors are not asked for. As a rule the first batch of the first file tells, so that each read
 * task finds it out by itself.
 */
export async function earlierDimension({ plan, options, index, signal }: TaskContext): Promise<number> {
  const { textFields, vectorField } = options;
  if (vectorField === undefined) return 0;
  try {
    for (const { name, copy } of plan.files.slice(0, plan.shards[index][0])) {
      const copies = new Map(copy === undefined ? [] : [[name, copy]]);
      const [{ source }] = await openFiles([name], { shared: options, copies });
      for await (const { vectors } of source.scan({ textFields, vectorField })) {
        signal?.throwIfAborted();
        if (vectors !== undefined && vectors.dim > 0) return vectors.dim;
      }
    }
  } catch (error) {
    // A run with such a file fails, and the task whose shard has the file says why.
    if (!(error instanceof InputError)) throw error;
  }
  return 0;
}
