import { openArrowStreamWriter } from "../../io/arrow/write.js";
import { createRejectsWriter } from "../../io/rejects.js";
import { decisionsOf } from "../../join/decisions.js";
import { writeRefused } from "../../run/embed/refused-rows.js";
import type { ReadableInputs } from "../../run/read/read-rows.js";
import { GUARDED, writeGuarded } from "../../run/write/guarded.js";
import { writeOutputs } from "../../run/write/outputs.js";
import { isGuarded } from "../../text/guard-choice.js";
import { readableShard } from "../read/shard-inputs.js";
import type { Stage, TaskContext } from "../stage.js";
import { readShardFates, type ShardFates } from "./group-table.js";
import { readShardTexts, rowTexts, type ShardTexts } from "./shard-texts.js";

/** Rows of a shard whose texts the server refused; absent where there are none. */
export const REFUSED = "refused.jsonl";

/**
 * The second pass over one shard: writes its kept and removed rows as Arrow streams, whose batches `assemble` hands to
 * the writers of the result, its rows that guards keep apart, and the rows whose texts the server refused.
 */
export const write: Stage<"write"> = {
  name: "write",
  phase: "write",
  after: ["fates"],
  count: async ({ shards }) => shards.length,
  async run(context) {
    const { plan, options, index: shard, tasks, path, reporter, signal } = context;
    const [read, number, fated] = [
      await tasks.get("read", shard),
      await tasks.get("number", 0),
      await tasks.get("fates", 0),
    ];
    const fates = await readShardFates(fated, shard);
    const texts = await readShardTexts(tasks, plan, shard);
    const inputs = await readableShard({ plan, options, shard }, { read, number });
    const refused = await rejectRows(context, inputs, texts, fates);
    const decisions = decisionsOf(rowTexts(texts, fates), fates);
    const folders = fated.facts.references?.accounts.map((account) => account.path);
    const stage = reporter.stage("write", read.facts.records);
    const { files: _, ...counts } = await writeOutputs({
      inputs,
      decisions,
      folders,
      options,
      writers: [["arrow", openArrowStreamWriter]],
      path,
      stage: { ...stage, advance: (_bytes, row = texts.rows[0]) => stage.advance(row - texts.rows[0]) },
      // Every shard would say the same.
      note: shard === 0 ? reporter.note : () => {},
      signal,
    });
    const guarded = isGuarded(options.guards) ? await writeGuarded(path(GUARDED), texts.rows, decisions, folders) : 0;
    stage.end();
    return { ...counts, guarded, refused };
  },
};

/**
 * Rejects the rows of a shard whose texts the server refused, as on one machine.
 * @returns number of the rows
 */
async function rejectRows(
  { tasks, path }: TaskContext,
  inputs: ReadableInputs,
  texts: ShardTexts,
  fates: ShardFates,
): Promise<number> {
  const { refused } = (await tasks.get("order", 0)).facts;
  if (refused.length === 0) return 0;
  const errors = new Map(refused.map(({ row, error }) => [row, error]));
  const rows: { readonly row: number; readonly error: string }[] = [];
  for (let [row, end] = texts.rows; row < end; row++) {
    const group = texts.groupOf(row);
    const error = group < 0 ? undefined : errors.get(fates.refusedRow(group));
    if (error !== undefined) rows.push({ row, error });
  }
  const rejects = createRejectsWriter(path(REFUSED));
  try {
    await writeRefused({ rows, inputs, rejects });
  } finally {
    await rejects.finish();
  }
  return rows.length;
}
