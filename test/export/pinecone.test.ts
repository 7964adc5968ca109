import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import pl from "nodejs-polars";
import { cluster } from "../../src/index.js";
import { exportForPinecone } from "../../src/run/export/pinecone.js";
import { run } from "../cli/command-line.js";
import { dedup, numbers, readTable, silent, testFolder, values, writeJsonl } from "../run/folders.js";

const folder = testFolder();

/** A record of Pinecone's import. */
interface PineconeRecord {
  readonly id: string;
  readonly values: readonly number[];
  readonly metadata: string;
}

/** The records of a file by their ids, as Polars reads them. */
function records(file: string): Map<string, PineconeRecord> {
  const table = pl.readParquet(file);
  assert.deepEqual(table.columns, ["id", "values", "metadata"]);
  const text = "DataType(String)";
  assert.deepEqual(table.dtypes.map(String), [text, "DataType(List(DataType(Float32)))", text]);
  return new Map((table.toRecords() as unknown as PineconeRecord[]).map((record) => [record.id, record]));
}

describe("export --layout pinecone", () => {
  it("writes each kept row with its vector and flat metadata, as Polars reads them", async () => {
    const out = join(folder, "faq");
    await dedup(["fixtures/faq.jsonl"], out, { idField: "id" });
    await cluster({ inputs: out, out, k: 5 });
    const to = join(folder, "faq.parquet");
    const { code, stdout } = await run("dedup", ["export", out, "--to", to, "--layout", "pinecone"]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /written .*faq\.parquet: \d+ kept rows, 1 without a vector left out\n.*IMPORT\/NAMESPACE\/faq\.parquet/,
    );
    const found = records(to);
    const [kept, store] = [readTable(out, "kept.arrow"), readTable(out, "embeddings.arrow")];
    const vectors = numbers(kept, "_vector");
    assert.equal(found.size, vectors.filter((vector) => vector >= 0).length);
    for (const [i, id] of values(kept, "id").entries()) {
      const record = found.get(String(id));
      assert.equal(record === undefined, vectors[i] < 0);
      if (record === undefined) continue;
      assert.deepEqual(Array.from(record.values), Array.from(store.getChild("embedding")?.get(vectors[i])));
      const metadata = JSON.parse(record.metadata);
      assert.equal(metadata.text, values(kept, "text")[i]);
      assert.equal(metadata.row, numbers(kept, "_row")[i]);
      assert.deepEqual(metadata.tags, Array.from(values(kept, "tags")[i] as Iterable<string>));
      assert.equal(typeof metadata.cluster, "number");
    }
  });

  it("turns what Pinecone does not take into strings, leaves nulls out and cuts what is too long", async () => {
    const input = join(folder, "odd.jsonl");
    const long = `${'"长"'.repeat(20_000)}`;
    writeFileSync(
      input,
      `${[
        `{"key":9223372036854775807,"text":"one text","big":9007199254740993,"none":null,"nested":{"a":[1]},"mixed":[1,"b"],"yes":true,"$x":2,"row":"mine"}`,
        `{"key":1,"text":${JSON.stringify(long)},"none":null}`,
      ].join("\n")}\n`,
    );
    const out = join(folder, "odd");
    await dedup([input], out, { idField: "key" });
    const to = join(folder, "odd.parquet");
    const summary = await exportForPinecone({ folder: out, to, reporter: silent });
    assert.deepEqual([summary.rows, summary.cut], [2, 1]);
    const found = records(to);
    const { cluster: _, ...metadata } = JSON.parse(found.get("9223372036854775807")?.metadata ?? "");
    assert.deepEqual(metadata, {
      text: "one text",
      row: 0,
      group_size: 1,
      key: "9223372036854775807",
      big: "9007199254740993",
      nested: '{"a":[1]}',
      mixed: '[1,"b"]',
      yes: true,
      _$x: 2,
      row_in: "mine",
    });
    const cut = found.get("1")?.metadata ?? "";
    assert.ok(Buffer.byteLength(cut) <= 40 * 1024 && Buffer.byteLength(cut) > 40 * 1024 - 8);
    assert.ok(long.startsWith(JSON.parse(cut).text));
  });

  it("refuses rows without an id, with an id twice and with columns that are too large, and leaves no file", async () => {
    const to = join(folder, "never.parquet");
    for (const [name, rows, message] of [
      [
        "null",
        [
          { id: "a", text: "one text" },
          { id: null, text: "another" },
        ],
        /row 1 has no id in id.*--id-field _row --id-prefix/,
      ],
      [
        "twice",
        [
          { id: "a", text: "one text" },
          { id: "a", text: "another" },
        ],
        /row 1 has the id "a" of an earlier row/,
      ],
      [
        "large",
        [{ id: "a", text: "one text", blob: "x".repeat(50_000) }],
        /id "a" take more than the 40960 bytes.*--column/,
      ],
      ["name", [{ id: "x".repeat(513), text: "one text" }], /row 0 has an id of more than 512 bytes/],
    ] as const) {
      const out = join(folder, name);
      await dedup([writeJsonl(`${out}.jsonl`, rows)], out, { idField: "id" });
      const { code, stderr } = await run("dedup", ["export", out, "--to", to, "--layout", "pinecone"]);
      assert.equal(code, 3, stderr);
      assert.match(stderr, message);
      assert.ok(!existsSync(to) && !existsSync(`${to}.part`));
    }
    const out = join(folder, "null");
    const named = ["export", out, "--to", to, "--layout", "pinecone", "--id-field", "_row", "--id-prefix", "night-1:"];
    assert.equal((await run("dedup", named)).code, 0);
    assert.deepEqual([...records(to).keys()].sort(), ["night-1:0", "night-1:1"]);
  });

  it("knows its flags from those of other targets, and folders that are not finished", async () => {
    const out = join(folder, "faq");
    const to = join(folder, "flags.parquet");
    const milvus = "milvus://localhost/texts";
    for (const [args, message] of [
      [["--to", to, "--id-field", "id"], /--id-field is for Milvus and --layout pinecone/],
      [["--to", to, "--layout", "pinecone", "--delete-removed"], /--delete-removed is for Milvus/],
      [["--to", milvus, "--layout", "pinecone"], /--layout pinecone is one of Parquet files/],
      [["--to", to, "--layout", "pinecone", "--column", "none"], /--column none: .* expected one of id, text, answer/],
      [["--to", "milvus://localhost"], /names no collection; expected milvus:\/\/HOST:PORT\/COLLECTION/],
      [["--to", "milvus://localhost/1st"], /1st is no name that Milvus takes/],
      [["--to", "milvus://localhost/a/b/c"], /names no collection/],
      [["--to", `${milvus}?token=s3cret`], /nothing may follow/],
    ] as const) {
      const { code, stderr } = await run("dedup", ["export", out, ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.ok(!stderr.includes("s3cret"));
    }
    const half = join(folder, "half");
    await dedup(["fixtures/faq.jsonl"], half);
    writeFileSync(join(half, "manifest.json"), readFileSync(join(half, "manifest.json"), "utf8").slice(0, 100));
    for (const target of [[to, "--layout", "pinecone"], [milvus]]) {
      assert.equal((await run("dedup", ["export", half, "--to", ...target])).code, 3);
    }
  });
});
