import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { BucketRaws } from "../../src/engine/read/bucket.js";
import type { Entries } from "../../src/engine/read/entries.js";
import { readableShard } from "../../src/engine/read/shard-inputs.js";
import type { RunFolder } from "../../src/engine/run-folder.js";
import type { KnownTexts } from "../../src/exact/exact.js";
import { readColumns } from "../../src/io/arrow/number-table.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import type { DedupOptions } from "../../src/run/options.js";
import { readRows } from "../../src/run/read/read-rows.js";
import { type Cut, oneMachine, readStages } from "./read-stages.js";

/** A random order of tasks. */
const shuffled = (seed: number) => (count: number) =>
  Array.from({ length: count }, (_, i) => i).sort((a, b) => ((a * 7919 + seed) % 13) - ((b * 7919 + seed) % 13));

/**
 * Compares the stages with the first pass on one machine, down to the rows of the second.
 * @param seed of the order in which the tasks of a stage run
 * @param known texts of the references of `options`
 * @returns the finished tasks; undefined where both fail alike
 */
export async function requireSame(
  options: DedupOptions,
  cut: Cut,
  seed = 0,
  known?: KnownTexts,
): Promise<RunFolder | undefined> {
  const one = await oneMachine(options, known).catch((error: Error) => error);
  if (one instanceof Error) {
    await assert.rejects(readStages(options, cut, shuffled(seed)), { name: one.name, message: one.message });
    return undefined;
  }
  const { tasks, notes } = await readStages(options, cut, shuffled(seed));
  const { plan } = tasks;
  const { exact } = one.index;
  const { counts } = exact;
  const { facts, path } = await tasks.get("number", 0);
  if (known === undefined) assert.deepEqual(notes, one.notes);
  assert.deepEqual(
    { rows: facts.firstRows.at(-1), rejected: facts.rejected, rawTexts: facts.raws, groups: facts.groups },
    { rows: counts.rows, rejected: counts.rejected, rawTexts: counts.rawTexts, groups: counts.groups },
  );
  assert.equal(facts.unordered, one.index.order.unordered);
  assert.equal(facts.vectorDim, one.index.vectorDim);
  assert.deepEqual(
    facts.inputs.map((input) => input.first_row),
    one.index.firstRows.slice(0, -1),
  );

  const groups = await readColumns<
    Record<"winner" | "size" | "first", Uint32Array> & { entry: Int32Array; signature: BigUint64Array }
  >(path("groups.arrow"));
  assert.deepEqual([...groups.winner], [...one.winner]);
  assert.deepEqual([...groups.size], [...one.size]);
  assert.deepEqual(
    [...groups.first],
    Array.from(one.size, (_, group) => exact.firstRow(group)),
  );
  if (known === undefined) assert.deepEqual(groups.signature, one.signatures);
  assert.deepEqual(
    [...groups.entry],
    Array.from(one.size, (_, group) => exact.entryOf(group)),
  );
  const { rows: knownRows, rawTexts: knownRaws, groups: knownGroups } = exact.known;
  assert.deepEqual(facts.known, { rows: knownRows, raws: knownRaws, groups: knownGroups });

  const texts: string[] = [];
  const vectors: number[][] = [];
  let rejects = "";
  const rows: unknown[] = [];
  for (let shard = 0; shard < cut.shards.length; shard++) {
    const task = await tasks.get("read", shard);
    const first = facts.firstRows[shard];
    const { raw } = await readColumns<{ raw: Int32Array }>(task.path("rows.arrow"));
    const { group: numberOf } = await readColumns<{ group: Uint32Array }>(path("shards.arrow"), shard);
    const groupOf = new Map<number, number>();
    const wins = new Map<number, number>();
    for (let bucket = 0; bucket < cut.buckets; bucket++) {
      const entries = await readColumns<Entries>(task.path("entries.arrow"), bucket);
      for (const [i, each] of entries.raw.entries()) groupOf.set(each, numberOf[entries.group[i]]);
      const raws = await readColumns<BucketRaws>((await tasks.get("exact", bucket)).path("raws.arrow"), shard);
      for (const [i, each] of raws.raw.entries()) wins.set(each, raws.wins[i]);
    }
    const equals = known && (await readColumns<{ equals: Uint8Array }>(path("known.arrow"), shard)).equals;
    for (const [i, local] of raw.entries()) {
      const group = exact.groupOf(first + i);
      assert.equal(local < 0 ? -1 : groupOf.get(local), group);
      if (group < 0) continue;
      if (exact.entryOf(group) >= 0) assert.equal(equals?.[local], Number(exact.equalsKnown(first + i)));
      assert.equal(wins.get(local), Number(exact.rawOf(first + i) === exact.rawOf(one.winner[group])));
    }
    for (let chunk = 0, local = 0; chunk < task.facts.chunks; chunk++) {
      const lines = readFileSync(task.path(`texts/${chunk}.jsonl`), "utf8")
        .trimEnd()
        .split("\n");
      const width = facts.vectorDim;
      const own = width > 0 ? await readColumns(task.path(`vectors/${chunk}.arrow`)) : {};
      for (const [i, line] of lines.entries()) {
        const group = numberOf[local++];
        if (group < facts.firstGroups[shard] || exact.entryOf(group) >= 0) continue;
        texts.push(JSON.parse(line) as string);
        if (width > 0) vectors.push(Array.from(own[`vector:${width}`].slice(i * width, (i + 1) * width), Number));
      }
    }
    if (existsSync(task.path("rejects.jsonl"))) rejects += readFileSync(task.path("rejects.jsonl"), "utf8");
    const readable = await readableShard(
      { plan, options, shard },
      { read: task, number: await tasks.get("number", 0) },
    );
    assert.deepEqual(readable.schema.toString(), one.schema.toString());
    for await (const { rows: numbers, columns } of readRows(readable)) {
      const textOf = rowText(columns);
      for (const [i, each] of numbers.entries()) rows.push([each, textOf(i)]);
    }
  }
  assert.deepEqual(texts, one.texts);
  assert.deepEqual(vectors, one.vectors);
  assert.equal(rejects, one.rejects);
  const expected: unknown[] = [];
  const whole = { sources: one.sources, index: one.index, schema: one.schema };
  for await (const { rows: numbers, columns } of readRows(whole)) {
    const textOf = rowText(columns);
    for (const [i, each] of numbers.entries()) expected.push([each, textOf(i)]);
  }
  assert.deepEqual(rows, expected);
  return tasks;
}
