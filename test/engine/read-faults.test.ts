import assert from "node:assert/strict";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import {
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Timestamp,
  tableFromArrays,
  tableToIPC,
  vectorFromArray,
} from "apache-arrow";
import { readableShard } from "../../src/engine/read/shard-inputs.js";
import { FailedRunError } from "../../src/errors.js";
import { parseLimit } from "../../src/run/check/limit.js";
import { readRows } from "../../src/run/read/read-rows.js";
import { dedupOptions, testFolder } from "../run/folders.js";
import { oneMachine, readStages } from "./read-stages.js";

const folder = testFolder();
let folders = 0;

type Contents = Readonly<Record<string, string | Uint8Array>>;

/** Writes files and returns their paths. */
function write(contents: Contents): string[] {
  const own = join(folder, `${folders++}`);
  return Object.entries(contents).map(([name, content]) => {
    const path = join(own, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  });
}

const lines = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join("");
const arrow = (columns: Record<string, unknown[]>) =>
  tableToIPC(
    new Table(Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, vectorFromArray(values)]))),
    "file",
  );
const good = lines({ text: "one" }, { text: "two" });
const bad = lines({ text: 1 }, { text: 2 }, { text: 3 });
const damaged = arrow({ text: ["one"] }).slice(0, -20);
const torn = gzipSync(good.repeat(50)).subarray(0, -12);

/** An Arrow file of a timestamp. */
function timestamps(unit: 0 | 3, value: bigint): Uint8Array {
  const text = tableFromArrays({ text: ["a timestamp"] });
  const time = makeData({ type: new Timestamp(unit), length: 1, nullCount: 0, data: BigInt64Array.of(value) });
  const schema = new Schema([...text.schema.fields, new Field("at", time.type, true)]);
  const children = [...text.batches[0].data.children, time];
  const data = makeData({ type: new Struct(schema.fields), length: 1, nullCount: 0, children });
  return tableToIPC(new Table([new RecordBatch(schema, data)]), "file");
}

const cases: Readonly<Record<string, { files: Contents; options?: Parameters<typeof dedupOptions>[2] }>> = {
  "a text field that no record has": {
    files: { "a.jsonl": lines({ body: "x" }), "b.jsonl": lines({ body: "y", title: "t" }), "c.jsonl": "" },
  },
  "a text field that holds numbers": { files: { "a.jsonl": bad, "b.jsonl": bad } },
  "a text field that an Arrow file lacks": { files: { "a.jsonl": good, "b.arrow": arrow({ body: ["x"] }) } },
  "a CSV without a header": { files: { "a.csv": "one,x\ntwo,y\n", "b.csv": "three,x\n" } },
  "only records that are no JSON": { files: { "a.jsonl": "hello world\nsecond line\n", "b.jsonl": "third one\n" } },
  "no records": { files: { "a.jsonl": "", "b.jsonl": "\n\n", "c.jsonl": "", "d.jsonl": "" } },
  "a count of rejects beyond the limit, in the third file": {
    files: { "a.jsonl": good + bad, "b.jsonl": good, "c.jsonl": bad + good, "d.jsonl": bad },
    options: { maxRejects: parseLimit("max-rejects", 4) },
  },
  "a count of rejects beyond the limit, before a damaged file": {
    files: { "a.jsonl": good + bad, "b.jsonl": bad, "c.jsonl.gz": torn },
    options: { maxRejects: parseLimit("max-rejects", 4) },
  },
  "a count of rejects beyond the limit, behind a damaged file": {
    files: { "a.jsonl": good, "b.jsonl.gz": torn, "c.jsonl": bad },
    options: { maxRejects: parseLimit("max-rejects", 2) },
  },
  "a share of rejects beyond the limit": {
    files: { "a.jsonl": good + bad, "b.jsonl": good },
    options: { maxRejects: parseLimit("max-rejects", "40%") },
  },
  "two damaged files, of which one cannot be opened": {
    files: { "a.jsonl": good, "b.jsonl.gz": torn, "c.arrow": damaged },
  },
  "a format that is not read": {
    files: { "a.jsonl": good, "b.jsonl": good, "c.csv.xz": Buffer.from("fd377a585a000004", "hex") },
  },
  "a column of --id-field that is missing": { files: { "a.jsonl": good, "b.jsonl": good }, options: { idField: "id" } },
  "a column of --keep that is missing": {
    files: { "a.jsonl": good, "b.csv": "text\nx\n" },
    options: { keep: "max:n" },
  },
  "a column of --keep that an Arrow file lacks": {
    files: { "a.jsonl": lines({ text: "x", n: 1 }), "b.arrow": arrow({ text: ["y"] }) },
    options: { keep: "max:n" },
  },
  "a column of --source-field that is there": {
    files: { "a.jsonl": good, "b.jsonl": lines({ text: "x", file: 1 }) },
    options: { sourceField: "file" },
  },
  "vectors that no record has": { files: { "a.jsonl": good, "b.jsonl": good }, options: { vectorField: "embedding" } },
  "a column of --keep that an Arrow file in a folder of its name lacks": {
    files: { "n=1/a.arrow": arrow({ text: ["y"] }), "n=2/b.jsonl": lines({ text: "x", n: 1 }) },
    options: { keep: "max:n" },
  },
  "a value that no unit of all files holds": {
    files: { "a.arrow": timestamps(3, 1n), "b.jsonl": good, "c.arrow": timestamps(0, 10n ** 12n) },
  },
};

describe("bad inputs end a run of tasks with the error of one machine", () => {
  for (const [name, { files, options }] of Object.entries(cases)) {
    it(name, async () => {
      const inputs = write(files);
      const given = dedupOptions(inputs, join(dirname(inputs[0]), "out"), options);
      const outcome = (run: Promise<unknown>) =>
        run.then(
          () => "no error",
          (error: Error) => `${error.constructor.name}: ${error.message}`,
        );
      const expected = await outcome(oneMachine(given));
      assert.notEqual(expected, "no error");
      const one = { buckets: 2, chunkTexts: 10 };
      assert.equal(await outcome(readStages(given, { ...one, shards: inputs.map(() => 1) })), expected);
      assert.equal(await outcome(readStages(given, { ...one, shards: [1, inputs.length - 1] })), expected);
    });
  }

  it("a file that was written to between the passes fails the second", async () => {
    const inputs = write({ "a.jsonl": good, "b.arrow": arrow({ text: ["one"] }) });
    const options = dedupOptions(inputs, join(dirname(inputs[0]), "out"));
    const { tasks } = await readStages(options, { shards: [1, 1], buckets: 1, chunkTexts: 9 });
    writeFileSync(inputs[0], good.replace("one", "six"));
    utimesSync(inputs[1], new Date(), new Date(Date.now() + 60_000));
    for (const shard of [0, 1]) {
      const done = { read: await tasks.get("read", shard), number: await tasks.get("number", 0) };
      const readable = await readableShard({ plan: tasks.plan, options, shard }, done);
      await assert.rejects(async () => {
        for await (const { rows } of readRows(readable)) assert.ok(rows.length > 0);
      }, FailedRunError);
    }
  });
});
