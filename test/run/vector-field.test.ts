import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { FixedSizeList, Float16, Float32, Float64, List } from "apache-arrow";
import { InputError } from "../../src/errors.js";
import { runCluster } from "../../src/run/cluster.js";
import { dedup, dedupOptions, numbers, readTable, silent, testFolder, values, verify, writeJsonl } from "./folders.js";
import { count, dim, item, lines, naiveKept, type Row, rows, writeVectors } from "./vector-inputs.js";

const folder = testFolder();

function rejectReasons(out: string): string[] {
  const text = readFileSync(join(out, "rejects.jsonl"), "utf8").trim();
  return text.split("\n").map((line) => JSON.parse(line).error);
}

describe("vectors that come with the input", () => {
  for (const [name, type] of [
    ["list<float32>", new List(item(new Float32()))],
    ["list<float64>", new List(item(new Float64()))],
    ["fixed_size_list<float32>", new FixedSizeList(dim, item(new Float32()))],
    ["fixed_size_list<float64>", new FixedSizeList(dim, item(new Float64()))],
    ["JSON lines", undefined],
  ] as const) {
    it(`are joined as a float64 scan would, as ${name}, without any text`, async () => {
      const file = name.replaceAll(/\W/g, "-");
      const input =
        type === undefined
          ? writeJsonl(join(folder, `${file}.jsonl`), lines(rows))
          : writeVectors(join(folder, `${file}.arrow`), type, rows);
      const out = join(folder, `out-${name.replaceAll(/\W/g, "-")}`);
      const { counts } = await dedup([input], out, { vectorField: "embedding", threshold: 0.9 });
      const kept = naiveKept(rows, 0.9);
      assert.ok(kept.length < count - 20, "the case must remove something");
      assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), kept);
      assert.equal(counts.semantic, count - kept.length);
      assert.equal((await verify(out)).violation, undefined);
    });
  }

  it("give the same bytes from JSON lines as from Arrow, in batches of any size", async () => {
    const many = Array.from({ length: 5 }, () => rows).flat();
    const arrow = writeVectors(join(folder, "many.arrow"), new List(item(new Float64())), many);
    const jsonl = writeJsonl(join(folder, "many.jsonl"), lines(many));
    for (const input of [arrow, jsonl]) await dedup([input], `${input}.out`, { vectorField: "embedding" });
    const [a, b] = [arrow, jsonl].map((input) => readFileSync(join(`${input}.out`, "embeddings.arrow")));
    assert.deepEqual(a, b);
    assert.equal((await verify(`${jsonl}.out`)).violation, undefined);
  });

  it("may be float16, whose values are taken as they are", async () => {
    const input = writeVectors(join(folder, "half.arrow"), new List(item(new Float16())), [
      [1, 0],
      [0.5, 0],
      [0, 2],
    ]);
    const out = join(folder, "half");
    await dedup([input], out, { vectorField: "embedding", threshold: 0.9 });
    assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), [0, 2]);
  });

  it("are rejected where null, of another length or not finite, and kept without a direction where zero", async () => {
    const lists: Row[] = [
      [1, 0],
      null,
      [1, 0, 0],
      [Number.NaN, 1],
      [1, Number.POSITIVE_INFINITY],
      [1, null],
      [],
      [0, 0],
      [2, 0],
    ];
    const input = writeVectors(join(folder, "bad.arrow"), new List(item(new Float64())), lists);
    const out = join(folder, "bad");
    const { counts } = await dedup([input], out, { vectorField: "embedding", threshold: 0.9 });
    const { read, rejected, undirected, kept, semantic } = counts;
    assert.deepEqual(
      { read, rejected, undirected, kept, semantic },
      { read: 9, rejected: 6, undirected: 1, kept: 2, semantic: 1 },
    );
    assert.deepEqual(values(readTable(out, "kept.arrow"), "_vector"), [0n, null]);
    assert.deepEqual(rejectReasons(out), [
      'vector field "embedding" is null',
      'vector field "embedding" has 3 components, expected 2',
      'vector field "embedding" holds a null, NaN or an infinity',
      'vector field "embedding" holds a null, NaN or an infinity',
      'vector field "embedding" holds a null, NaN or an infinity',
      'vector field "embedding" has 0 components, expected 2',
    ]);
    assert.equal((await verify(out)).violation, undefined);
  });

  it("are rejected in JSON lines with the same reasons, and for what is no number", async () => {
    const records = [
      '{"embedding":[1.0,0]}',
      '{"embedding":null}',
      '{"text":"no vector"}',
      '{"embedding":[1,0,0]}',
      '{"embedding":[1,null]}',
      '{"embedding":[1e300,0]}',
      '{"embedding":[NaN,-Infinity]}',
      '{"embedding":[]}',
      '{"embedding":[0,0.0]}',
      '{"embedding":[12345678901234567890,1]}',
      '{"embedding":[1,"2"]}',
      '{"embedding":{"0":1,"1":2}}',
      '{"embedding":[0,1],"text":5}',
    ];
    const input = join(folder, "bad.jsonl");
    writeFileSync(input, records.join("\n"));
    const out = join(folder, "bad-jsonl");
    const { counts } = await dedup([input], out, { vectorField: "embedding", threshold: 0.9 });
    const { read, rejected, undirected, kept, semantic } = counts;
    assert.deepEqual(
      { read, rejected, undirected, kept, semantic },
      { read: 13, rejected: 10, undirected: 1, kept: 2, semantic: 1 },
    );
    assert.deepEqual(rejectReasons(out), [
      'vector field "embedding" is null',
      'vector field "embedding" is missing',
      'vector field "embedding" has 3 components, expected 2',
      'vector field "embedding" holds a null, NaN or an infinity',
      'vector field "embedding" holds a null, NaN or an infinity',
      'vector field "embedding" holds a null, NaN or an infinity',
      'vector field "embedding" has 0 components, expected 2',
      'vector field "embedding" holds the string "2", expected a list of numbers',
      'vector field "embedding" holds an object, expected a list of numbers',
      'text field "text" holds the number 5, expected a string',
    ]);
    assert.equal((await verify(out)).violation, undefined);
  });

  it("leave the exact stage to the rows that have a text", async () => {
    const lists = [
      [1, 0],
      [0, 1],
      [1, 1],
      [-1, 0],
      [0, -1],
    ];
    const input = writeVectors(join(folder, "texts.arrow"), new List(item(new Float32())), lists, [
      "same",
      null,
      "same",
      null,
      "Same",
    ]);
    const texts = ["same", null, "same", undefined, "Same"];
    const jsonl = writeJsonl(
      join(folder, "texts.jsonl"),
      lists.map((embedding, i) => ({ embedding, text: texts[i] })),
    );
    for (const file of [input, jsonl]) {
      const out = `${file}.out`;
      await dedup([file], out, { vectorField: "embedding", threshold: 0.99 });
      assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), [0, 1, 3]);
      const removed = readTable(out, "removed.arrow");
      assert.deepEqual(values(removed, "_reason"), ["exact", "normalized"]);
      assert.equal((await verify(out)).violation, undefined);
    }
  });

  it("are clustered, from raw files and after bge-dedup", async () => {
    const input = writeVectors(join(folder, "cluster.arrow"), new List(item(new Float32())), rows);
    const cluster = (inputs: string[], out: string, vectorField?: string) => {
      const { keep: _, guards: __, formats: ___, ...shared } = dedupOptions(inputs, out, { vectorField });
      const options = {
        ...shared,
        k: 5,
        strictK: false,
        iterations: 20,
        tolerance: 1e-4,
        labels: 3,
        starts: 1,
        spherical: false,
      };
      return runCluster(options, { reporter: silent, stdin: Readable.from([]) });
    };
    const raw = await cluster([input], join(folder, "raw-clusters"), "embedding");
    assert.equal(raw.counts.clustered, count);
    const out = join(folder, "then-cluster");
    const { counts } = await dedup([input], out, { vectorField: "embedding", threshold: 0.9 });
    const after = await cluster([out], out);
    assert.equal(after.counts.clustered, counts.kept);
  });

  it("need no text, but a text field that is named must be there", async () => {
    const input = writeVectors(join(folder, "named.arrow"), new List(item(new Float32())), [[1, 0]]);
    await assert.rejects(
      dedup([input], join(folder, "named"), { vectorField: "embedding", textFields: ["title"] }),
      (error: Error) => error instanceof InputError && /no column title \(--text-field\)/.test(error.message),
    );
  });

  it("must be lists of numbers", async () => {
    const input = writeVectors(join(folder, "strings.arrow"), new List(item(new Float32())), [[1, 0]]);
    const refuse = (inputs: string[], vectorField: string, message: RegExp) =>
      assert.rejects(dedup(inputs, join(folder, "refused"), { vectorField }), (error: Error) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, message);
        return true;
      });
    await refuse([input], "id", /vector field "id" is Utf8, expected a list of numbers.*"embedding"/);
    await refuse([input], "vec", /no field "vec"; the fields are "id"/);
    const jsonl = writeJsonl(join(folder, "plain.jsonl"), [{ text: "a", embedding: [1, 0], meta: { vec: [1] } }]);
    await refuse(
      [jsonl],
      "embeding",
      /no record has a vector: line 1 of .*"embeding" is missing; did you mean embedding/,
    );
    await refuse([jsonl], "text", /no record has a vector: line 1 of .*"text" holds the string "a", expected a list/);
  });
});
