import { InputError } from "../../errors.js";
import type { Against } from "../../run/against/against.js";
import type { FinishedTasks } from "../stage.js";

/**
 * Makes sure that the references are still those with which the texts of the run were compared.
 * @throws InputError where another run has published into one of them since: only a new run can take that into account
 */
export async function requireSameReferences(tasks: FinishedTasks, against: Against | undefined): Promise<void> {
  const { facts } = await tasks.get("number", 0);
  if (against?.identity === facts.against) return;
  throw new InputError(
    `the references of --against were ${facts.against ?? "none"} and are ${against?.identity ?? "none"}: a folder was written anew ` +
      "since its rows were compared, and nothing was published; run the same command again with --fresh",
  );
}
