import { readColumns } from "../../io/arrow/number-table.js";
import type { JoinResult } from "../../join/judge.js";
import type { FinishedTasks } from "../stage.js";
import { FILES } from "../task-files.js";
import { countDropTasks } from "./cut.js";
import type { FatesAgainst } from "./row-fates.js";
import { joinOf } from "./row-group.js";
import { rowsOfBlock } from "./rows.js";

/**
 * Puts the outcomes of all blocks together: what `selfJoin` over all vectors of the run finds, but for the number of
 * pairs measured. All tasks of the join must be done. Holds 16 bytes a vector, 24 where the run has vectors of
 * references.
 * @returns the outcome by the number of the vector; the caller's
 * @throws LostOutputError where a task's output is gone
 */
export async function readOutcome(tasks: FinishedTasks): Promise<JoinResult> {
  const { order, references } = await joinOf(tasks);
  const { vectors, blocks, rowGroups } = order;
  const none = () => new Int32Array(vectors).fill(-1);
  const against = references && { keptByReference: none(), guardedFromReference: none() };
  const all = { keptBy: none(), similarity: new Float64Array(vectors), guardedFrom: none(), ...against };
  for (let block = 0; block < blocks; block++) {
    const decided = await tasks.get("decide", block);
    const { positions } = await rowsOfBlock(tasks, block);
    const fates = await readColumns<FatesAgainst>(decided.path(FILES.decide.outcome));
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i];
      all.keptBy[position] = fates.kept_by[i];
      all.similarity[position] = fates.similarity[i];
      all.guardedFrom[position] = fates.guarded_from[i];
      if (against === undefined) continue;
      against.keptByReference[position] = fates.kept_by_reference[i];
      against.guardedFromReference[position] = fates.guarded_from_reference[i];
    }
  }
  const parts = [
    ...(await tasks.all("decide", blocks)),
    ...(await tasks.all("drop", countDropTasks(order))),
    ...(references === undefined ? [] : await tasks.all("against", rowGroups)),
  ];
  return { ...all, measured: parts.reduce((sum, { facts }) => sum + facts.measured, 0) };
}
