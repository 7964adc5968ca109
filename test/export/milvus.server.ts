import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DataType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import type { Table } from "apache-arrow";
import { cluster } from "../../src/index.js";
import { parseMilvus } from "../../src/io/milvus/address.js";
import { exportToMilvus, type MilvusExport } from "../../src/run/export/milvus.js";
import { run } from "../cli/command-line.js";
import { dedup, noting, numbers, readTable, silent, testFolder, values, writeJsonl } from "../run/folders.js";
import { dataFolder, type MilvusServer, skipped, startMilvus } from "./milvus-server.js";

const folder = testFolder();
let server: MilvusServer;
let client: MilvusClient;

/** Exports a folder within this process. */
function exported(out: string, collection: string, options: Partial<MilvusExport> = {}) {
  const to = `milvus://127.0.0.1:${server.port}/${collection}`;
  return exportToMilvus({ folder: out, to, address: parseMilvus(to), credentials: {}, reporter: silent, ...options });
}

/** All rows of a collection by their ids, as the SDK reads them. */
async function stored(collection: string): Promise<Map<string, Record<string, unknown>>> {
  const { status, data } = await client.query({ collection_name: collection, filter: "", limit: 16_384 });
  assert.equal(status.code, 0, status.reason);
  return new Map(data.map((row) => [String(row.id), { ...row, ...(row.$meta as object) }]));
}

/** A vector of embeddings.arrow. */
function vectorOf(store: Table, position: number): number[] {
  return Array.from(store.getChild("embedding")?.get(position) as Iterable<number>);
}

const text = (i: number) =>
  `the text number ${i} of ${i * 7919} texts, each about ${["tea", "rain", "iron", "salt"][i % 4]} ${i}`;

describe("export to Milvus", { skip: skipped }, () => {
  before(async () => {
    server = await startMilvus(join(dataFolder(), "data"));
    client = new MilvusClient({ address: `127.0.0.1:${server.port}`, logLevel: "error" });
  });
  after(async () => {
    await client?.closeConnection();
    await server?.kill();
  });

  it("holds each kept row once with its text, vector, cluster and columns, as the SDK reads it", async () => {
    const out = join(folder, "faq");
    await dedup(["fixtures/faq.jsonl"], out, { idField: "id" });
    await cluster({ inputs: out, out, k: 5 });
    const summary = await exported(out, "faq");
    const kept = readTable(out, "kept.arrow");
    const [rows, ids, vectors] = [numbers(kept, "_row"), values(kept, "id").map(String), numbers(kept, "_vector")];
    const placed = vectors.filter((vector) => vector >= 0).length;
    assert.ok(placed < rows.length, "the fixture has a row without a vector");
    assert.deepEqual(
      [summary.created, summary.rows, summary.sent, summary.present, summary.unplaced, summary.cut],
      [true, placed, placed, 0, rows.length - placed, 0],
    );
    const found = await stored("faq");
    assert.equal(found.size, placed);
    const counted = await client.query({ collection_name: "faq", filter: "", output_fields: ["count(*)"] });
    assert.equal(Number(counted.data[0]["count(*)"]), placed);
    const store = readTable(out, "embeddings.arrow");
    const clusters = readTable(out, "clusters.arrow");
    const clusterOf = new Map(numbers(clusters, "_row").map((row, i) => [row, numbers(clusters, "cluster")[i]]));
    const [texts, tags, sizes] = [values(kept, "text"), values(kept, "tags"), numbers(kept, "_group_size")];
    for (const [i, id] of ids.entries()) {
      const row = found.get(id);
      assert.equal(row === undefined, vectors[i] < 0);
      if (row === undefined) continue;
      assert.equal(row.text, texts[i]);
      assert.deepEqual(row.vector, vectorOf(store, vectors[i]));
      assert.equal(row.row, rows[i]);
      assert.equal(row.group_size, sizes[i]);
      assert.equal(row.cluster, clusterOf.get(rows[i]));
      assert.deepEqual(row.tags, Array.from(tags[i] as Iterable<string>));
      assert.equal(row.run, summary.run);
    }
  });

  it("finds the kept row first when it is asked for a removed text", async () => {
    const out = join(folder, "faq");
    const [kept, removed, store] = ["kept.arrow", "removed.arrow", "embeddings.arrow"].map((name) =>
      readTable(out, name),
    );
    const idOf = new Map(numbers(kept, "_row").map((row, i) => [row, String(values(kept, "id")[i])]));
    const positionOf = new Map(numbers(kept, "_row").map((row, i) => [row, numbers(kept, "_vector")[i]]));
    const keptPositions = [...positionOf.values()].filter((position) => position >= 0);
    const cosine = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
    const asked = numbers(removed, "_vector").flatMap((position, i) => (position < 0 ? [] : [{ position, i }]));
    assert.ok(asked.length > 20);
    let semantic = 0;
    for (const { position, i } of asked) {
      const vector = vectorOf(store, position);
      const keeper = numbers(removed, "_kept_row")[i];
      const best = Math.max(...keptPositions.map((other) => cosine(vector, vectorOf(store, other))));
      const own = cosine(vector, vectorOf(store, positionOf.get(keeper) as number));
      const { results } = await client.search({
        collection_name: "faq",
        data: vector,
        limit: 1,
        metric_type: "COSINE",
        output_fields: ["id"],
      });
      assert.ok(Math.abs(results[0].score - best) < 1e-5, "the search is exact");
      // Another kept row may be nearer still than the one that came first.
      if (own > best - 1e-6) assert.equal(String(results[0].id), idOf.get(keeper));
      if (values(removed, "_reason")[i] === "semantic" && own > best - 1e-6) semantic++;
    }
    assert.ok(semantic > 3);
  });

  it("sends nothing a second time, and what is missing after rows were lost or replaced", async () => {
    const out = join(folder, "faq");
    const again = await exported(out, "faq");
    assert.deepEqual([again.created, again.sent, again.present], [false, 0, again.rows]);
    const before = await stored("faq");
    const [gone, changed] = [...before.keys()];
    await client.deleteEntities({ collection_name: "faq", filter: `id in [${gone}]` });
    const vector = before.get(changed)?.vector as number[];
    await client.upsert({
      collection_name: "faq",
      data: [{ id: changed, text: "of somebody else", vector, run: "another" }],
    });
    const mended = await exported(out, "faq");
    assert.deepEqual([mended.sent, mended.present], [2, mended.rows - 2]);
    assert.deepEqual(await stored("faq"), before);
  });

  it("keeps ids and columns of 64 bits whole, nulls, nested values and odd names", async () => {
    const out = join(folder, "whole");
    const lines = [
      `{"key":9007199254740993,"text":"${text(1)}","big":-9223372036854775808,"none":null,"row":"mine","$meta":{"a":[1,null,"é"]},"a b":true}`,
      `{"key":9223372036854775807,"text":"${text(2)}","big":null,"none":null,"row":"yours","$meta":null,"a b":null}`,
    ];
    const input = writeJsonl(join(folder, "whole.jsonl"), []);
    await import("node:fs/promises").then(({ writeFile }) => writeFile(input, `${lines.join("\n")}\n`));
    await dedup([input], out, { idField: "key" });
    const reporter = noting();
    await exported(out, "whole", { reporter });
    assert.deepEqual(reporter.notes, ["column row goes as row_in", "column $meta goes as _$meta"]);
    const found = await stored("whole");
    assert.deepEqual([...found.keys()].sort(), ["9007199254740993", "9223372036854775807"]);
    const first = found.get("9007199254740993") ?? {};
    assert.equal(first.row_in, "mine");
    assert.deepEqual(first._$meta, { a: [1, null, "é"] });
    assert.equal(first["a b"], true);
    assert.equal(first.none, null);
    // The SDK parses JSON as float64; a filter on the server sees all digits.
    for (const [filter, ids] of [
      ["big == -9223372036854775808", ["9007199254740993"]],
      ["key == 9223372036854775807", ["9223372036854775807"]],
      ["key == 9007199254740992", []],
    ] as const) {
      const { data } = await client.query({ collection_name: "whole", filter, output_fields: ["id"] });
      assert.deepEqual(
        data.map(({ id }) => id),
        ids,
        filter,
      );
    }
  });

  it("takes strings as ids, cuts a text that is too long at a character, and says so", async () => {
    const out = join(folder, "long");
    const long = `${"长".repeat(21_844)}😀 and more`;
    const input = writeJsonl(join(folder, "long.jsonl"), [
      { id: 'quoted "a\\b" 长', text: long },
      { id: "other", text: text(3) },
    ]);
    await dedup([input], out, { idField: "id" });
    const summary = await exported(out, "long");
    assert.equal(summary.cut, 1);
    const found = await stored("long");
    assert.equal(found.get('quoted "a\\b" 长')?.text, "长".repeat(21_844));
    assert.equal(found.get("other")?.text, text(3));
    assert.equal((await exported(out, "long")).sent, 0);
  });

  it("does not mix the row numbers of two runs, unless they have a prefix", async () => {
    const [one, two] = [join(folder, "night1"), join(folder, "night2")];
    await dedup([writeJsonl(`${one}.jsonl`, [{ text: text(10) }, { text: text(11) }])], one);
    await dedup([writeJsonl(`${two}.jsonl`, [{ text: text(20) }])], two);
    await exported(one, "nights");
    assert.equal((await exported(one, "nights")).present, 2);
    await assert.rejects(exported(two, "nights"), {
      exitCode: 2,
      message: /has 2 rows of another result.*--id-field.*--id-prefix/,
    });
    await exported(two, "prefixed", { idPrefix: "2:" });
    await exported(one, "prefixed", { idPrefix: "1:" });
    assert.deepEqual([...(await stored("prefixed")).keys()].sort(), ["1:0", "1:1", "2:0"]);
  });

  it("deletes what a later run removed, where it is asked to", async () => {
    const [first, second] = [join(folder, "before"), join(folder, "after")];
    const texts = [text(30), text(31), text(32)];
    await dedup(
      [
        writeJsonl(
          `${first}.jsonl`,
          texts.map((text, id) => ({ id, text })),
        ),
      ],
      first,
      { idField: "id" },
    );
    const changed = [texts[0], texts[0], texts[2]].map((text, id) => ({ id, text }));
    await dedup([writeJsonl(`${second}.jsonl`, changed)], second, { idField: "id" });
    await exported(first, "synced");
    assert.equal((await exported(second, "synced")).deleted, 0);
    assert.deepEqual([...(await stored("synced")).keys()].sort(), ["0", "1", "2"]);
    assert.equal((await exported(second, "synced", { deleteRemoved: true })).deleted, 1);
    assert.deepEqual([...(await stored("synced")).keys()].sort(), ["0", "2"]);
  });

  it("fills a collection that somebody else made, or names everything that does not fit", async () => {
    const out = join(folder, "faq");
    const dim = vectorOf(readTable(out, "embeddings.arrow"), 0).length;
    const key = { name: "pk", data_type: DataType.Int64, is_primary_key: true, autoID: false };
    const vector = { name: "embedding", data_type: DataType.FloatVector, dim };
    const textField = { name: "text", data_type: DataType.VarChar, max_length: 40 };
    const lang = { name: "lang", data_type: DataType.VarChar, max_length: 8 };
    const views = { name: "views", data_type: DataType.Int32, nullable: true };
    await client.createCollection({ collection_name: "typed", fields: [key, vector, textField, lang, views] });
    const summary = await exported(out, "typed", { columns: ["lang", "views"] });
    assert.equal(summary.created, false);
    assert.ok(summary.cut > 0);
    const kept = readTable(out, "kept.arrow");
    const { data } = await client.query({ collection_name: "typed", filter: "", limit: 16_384 });
    assert.equal(data.length, summary.rows);
    const byId = new Map(data.map((row) => [String(row.pk), row]));
    for (const [i, id] of values(kept, "id").entries()) {
      const row = byId.get(String(id));
      if (row === undefined) continue;
      assert.equal(row.lang, values(kept, "lang")[i]);
      assert.equal(row.views === null ? -1 : Number(row.views), numbers(kept, "views")[i]);
      assert.ok(String(values(kept, "text")[i]).startsWith(row.text as string));
    }

    await client.createCollection({
      collection_name: "unfit",
      fields: [
        { ...key, data_type: DataType.VarChar, max_length: 10 },
        { ...vector, dim: dim + 1 },
        { name: "owner", data_type: DataType.VarChar, max_length: 10 },
      ],
    });
    await assert.rejects(exported(out, "unfit"), (error: Error & { exitCode: number }) => {
      assert.equal(error.exitCode, 2);
      for (const part of [
        /key pk is VarChar, but the ids are whole numbers/,
        new RegExp(`embedding has ${dim + 1} dimensions, but the model's vectors have ${dim}`),
        /neither a field text/,
        /field owner \(VarChar\) must have a value/,
        /no fields for the columns answer, lang, updated_at, views, tags \(--column/,
      ])
        assert.match(error.message, part);
      return true;
    });
  });

  it("is a command with a summary for programs, and credentials from the environment alone", async () => {
    const out = join(folder, "faq");
    const to = `milvus://127.0.0.1:${server.port}/command`;
    const first = await run("dedup", ["export", out, "--to", to, "--json", "--column", "lang"]);
    assert.equal(first.code, 0, first.stderr);
    const summary = JSON.parse(first.stdout);
    assert.deepEqual([summary.command, summary.collection, summary.created], ["export", "command", true]);
    assert.match(first.stderr, /send: done, .* rows\/s\n/);
    const people = await run("dedup", ["export", out, "--to", to, "--column", "lang"]);
    assert.match(
      people.stdout,
      /updated command \(Milvus .*\): \d+ kept rows are there, \d+ of them from before, none was sent, 1 without a vector left out/,
    );
    const secret = await run("dedup", ["export", out, "--to", `milvus://root:s3cret@127.0.0.1:${server.port}/command`]);
    assert.equal(secret.code, 2);
    assert.match(secret.stderr, /MILVUS_TOKEN/);
    assert.ok(!secret.stderr.includes("s3cret"));
  });
});
