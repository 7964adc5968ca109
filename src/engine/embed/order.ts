import { createBreaks } from "../../breaks.js";
import { type Columns, writeColumns } from "../../io/arrow/number-table.js";
import type { OrderFacts } from "../facts.js";
import { cutOfJoin, rangeOfBlock } from "../join/cut.js";
import type { Stage, TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";
import { embed } from "./embed.js";
import { kindsOf } from "./kinds.js";
import { requireOneModel } from "./one-model.js";
import { rejectRefusedTexts } from "./refused-texts.js";
import { dimensionOf, firstVectors } from "./run-vectors.js";
import { inPriority, vectorColumns } from "./vector-columns.js";

/**
 * Puts the vectors of all embed tasks in priority order, and cuts the join into blocks. It writes
 *
 *     vectors.arrow    group Uint32 of each vector, by position: task after task of the stage embed
 *     priority.arrow   position Uint32 of each vector, first in priority first, and signature BigUint64 of that vector where
 *                      a guard is active; a part for each block. Absent where there is no vector
 *
 * Memory: 12 bytes a vector; 20 more where `--keep` is not `first`, 16 more with a guard.
 * @throws UsageError where nodes embedded with different models; UnavailableError where a server refuses too many texts;
 * BrakeError where more records are rejected on account of these than `--max-rejects` allows
 */
export const order: Stage<"order"> = {
  name: "order",
  phase: "join",
  after: ["embed"],
  count: async () => 1,
  run: orderVectors,
};

async function orderVectors(context: TaskContext): Promise<OrderFacts> {
  const { plan, options, tasks, path, reporter, signal } = context;
  const number = await tasks.get("number", 0);
  const embedded = await tasks.all("embed", await embed.count(plan, tasks));
  requireOneModel(embedded.map(({ facts }) => facts));
  for (const warning of kindsOf(embedded.entries()).warnings) reporter.note(warning);
  const refused = embedded.flatMap(({ facts }) => facts.refused).sort((a, b) => a.row - b.row);
  await rejectRefusedTexts(context, number, refused);

  const starts = firstVectors(embedded);
  const vectors = starts[embedded.length];
  const stage = reporter.stage("order", vectors);
  const columns = await vectorColumns(options, number, embedded);
  stage.advance(vectors / 2);
  const positions = await inPriority(columns, options.keep, createBreaks(signal));
  const { workers, blockVectors } = plan;
  const cut = cutOfJoin({ vectors, workers, blockVectors });
  await writeColumns(path(FILES.order.vectors), { group: columns.group });
  const parts = Array.from({ length: cut.blocks }, (_, block): Columns => {
    const position = positions.subarray(...rangeOfBlock(block, cut));
    const { signature } = columns;
    return signature === undefined
      ? { position }
      : { position, signature: BigUint64Array.from(position, (at) => signature[at]) };
  });
  if (parts.length > 0) await writeColumns(path(FILES.order.priority), ...parts);
  stage.end();
  const [{ facts: first }] = embedded;
  return {
    ...cut,
    dim: dimensionOf(embedded),
    model: first.model,
    device: first.kind.device,
    refused,
    threshold: options.threshold ?? first.model.threshold,
    firstVectors: [...starts],
  };
}
