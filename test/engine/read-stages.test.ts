import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { tableFromArrays } from "apache-arrow";
import fc from "fast-check";
import type { BucketRaws } from "../../src/engine/read/bucket.js";
import type { Entries } from "../../src/engine/read/entries.js";
import { readableShard } from "../../src/engine/read/shard-inputs.js";
import { readColumns } from "../../src/io/arrow/number-table.js";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { openParquetWriter } from "../../src/io/parquet/write.js";
import { readRows } from "../../src/run/read/read-rows.js";
import { dedupOptions, testFolder } from "../run/folders.js";
import { type Cut, oneMachine, readStages } from "./read-stages.js";

const folder = testFolder();
let folders = 0;
const newFolder = () => {
  const path = join(folder, `${folders++}`);
  mkdirSync(path);
  return path;
};

/** A record: its text, null for one without a text, and a value that orders it. */
interface Row {
  readonly text: string | null;
  readonly rank: number | null;
}

type Format = "jsonl" | "csv" | "arrow" | "parquet";

/** Few texts in many spellings, so that copies, equal forms and rejects meet within shards and across them. */
const row: fc.Arbitrary<Row> = fc.record({
  text: fc.option(fc.string({ unit: fc.constantFrom("a", "A", "ａ", "，", ",", "好", "\ud800", "1"), maxLength: 2 }), {
    freq: 8,
  }),
  rank: fc.option(fc.constantFrom(1, 2, 2 ** 53), { freq: 5 }),
});

/** Lone surrogates are possible in JSON alone. */
const wellFormed = ({ text, rank }: Row): Row => ({ text: text?.toWellFormed() ?? null, rank });

async function writeFile(path: string, format: Format, rows: readonly Row[]): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  if (format === "jsonl") {
    writeFileSync(path, rows.map((each) => `${each.text === null ? '{"text": 7}' : JSON.stringify(each)}\n`).join(""));
  } else if (format === "csv") {
    const cell = (text: string | null) => (text === null ? "" : `"${text}"`);
    const lines = rows.map(wellFormed).map(({ text, rank }) => `${cell(text)},${rank ?? ""}\n`);
    writeFileSync(path, `text,rank\n${lines.join("")}`);
  } else {
    const found = rows.map(wellFormed);
    const table = tableFromArrays({
      // A first row with values, so that the columns have types.
      text: ["first", ...found.map(({ text }) => text)],
      rank: Float64Array.from([0, ...found.map(({ rank }) => rank ?? 0)]),
    });
    const open = format === "arrow" ? openArrowWriter : openParquetWriter;
    const writer = await open({ path, schema: table.schema });
    for (const batch of table.batches) await writer.write(batch);
    await writer.finish();
  }
  return path;
}

/** A random order of tasks. */
const shuffled = (seed: number) => (count: number) =>
  Array.from({ length: count }, (_, i) => i).sort((a, b) => ((a * 7919 + seed) % 13) - ((b * 7919 + seed) % 13));

/** Compares the stages with the first pass on one machine. */
async function requireSame(options: ReturnType<typeof dedupOptions>, cut: Cut, seed = 0) {
  const one = await oneMachine(options);
  const { tasks, notes } = await readStages(options, cut, shuffled(seed));
  const { plan } = tasks;
  const { exact } = one.index;
  const { counts } = exact;
  const { facts, path } = await tasks.get("number", 0);
  assert.deepEqual(notes, one.notes);
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

  const groups = await readColumns<Record<"winner" | "size" | "first", Uint32Array> & { signature: BigUint64Array }>(
    path("groups.arrow"),
  );
  assert.deepEqual([...groups.winner], [...one.winner]);
  assert.deepEqual([...groups.size], [...one.size]);
  assert.deepEqual(
    [...groups.first],
    Array.from(one.size, (_, group) => exact.firstRow(group)),
  );
  assert.deepEqual(groups.signature, one.signatures);

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
    for (const [i, local] of raw.entries()) {
      const group = exact.groupOf(first + i);
      assert.equal(local < 0 ? -1 : groupOf.get(local), group);
      if (group < 0) continue;
      assert.equal(wins.get(local), Number(exact.rawOf(first + i) === exact.rawOf(one.winner[group])));
    }
    for (let chunk = 0, local = 0; chunk < task.facts.chunks; chunk++) {
      const lines = readFileSync(task.path(`texts/${chunk}.jsonl`), "utf8")
        .trimEnd()
        .split("\n");
      const width = facts.vectorDim;
      const own = width > 0 ? await readColumns(task.path(`vectors/${chunk}.arrow`)) : {};
      for (const [i, line] of lines.entries()) {
        if (numberOf[local++] < facts.firstGroups[shard]) continue;
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
      for (const [i, each] of numbers.entries()) rows.push([each, columns.get(i)?.toJSON()]);
    }
  }
  assert.deepEqual(texts, one.texts);
  assert.deepEqual(vectors, one.vectors);
  assert.equal(rejects, one.rejects);
  const expected: unknown[] = [];
  const whole = { sources: one.sources, index: one.index, schema: one.schema };
  for await (const { rows: numbers, columns } of readRows(whole)) {
    for (const [i, each] of numbers.entries()) expected.push([each, columns.get(i)?.toJSON()]);
  }
  assert.deepEqual(rows, expected);
}

describe("the stages read, exact and number find what one machine finds", () => {
  it("for random files, shards and buckets, under every policy", async () => {
    const file = fc.record({
      format: fc.constantFrom<Format>("jsonl", "jsonl", "csv", "arrow", "parquet"),
      rows: fc.array(row, { maxLength: 12 }),
      shard: fc.boolean(),
      year: fc.constantFrom("", "year=2023/", "year=2024/"),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("first", "last", "longest", "shortest", "max:rank", "min:rank"),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.nat(12),
        async (files, keep, buckets, chunkTexts, guarded, seed) => {
          const own = newFolder();
          const inputs: string[] = [];
          const shards: number[] = [];
          // One file that every policy can use.
          const all = [{ format: "jsonl" as const, rows: [{ text: "a", rank: 2 }], shard: true, year: "" }, ...files];
          for (const [i, { format, rows, shard, year }] of all.entries()) {
            inputs.push(await writeFile(join(own, `${year}${i}.${format}`), format, rows));
            if (shard || shards.length === 0) shards.push(1);
            else shards[shards.length - 1]++;
          }
          const options = dedupOptions(inputs, join(own, "out"), {
            keep,
            sourceField: "file",
            guards: { numbers: guarded, negation: false, names: false },
          });
          await requireSame(options, { shards, buckets, chunkTexts }, seed);
        },
      ),
      { numRuns: 40, seed: 5 },
    );
  });
});
