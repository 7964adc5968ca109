import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { InputError } from "../../src/errors.js";
import { findFiles } from "../../src/io/find-files.js";
import { testFolder } from "../run/folders.js";

const folder = testFolder();

/** Makes empty files and returns what the folder stands for, relative to it. */
async function found(name: string, files: Readonly<Record<string, string>>, out = "out") {
  const root = join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  }
  const { files: paths, ignored } = await findFiles([root], out, new Set());
  const relative = (path: string) => path.slice(root.length + 1);
  return { files: paths.map(relative), ignored: ignored.map(relative) };
}

function refused(input: string, message: RegExp) {
  return assert.rejects(findFiles([input], "out", new Set()), (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, message);
    return true;
  });
}

describe("a folder stands for the rows that lie in it", () => {
  it("Spark's output: marks, checksums and temporary files are passed over", async () => {
    const { files, ignored } = await found("spark", {
      _SUCCESS: "",
      "._SUCCESS.crc": "",
      "_temporary/0/part-9.json": "",
      "year=2024/lang=zh/part-00000.c000.json.gz": "",
      "year=2024/lang=zh/.part-00000.c000.json.gz.crc": "",
      "year=2023/part-00000.snappy.parquet": "",
      "_year=2022/part-00000.snappy.parquet": "",
    });
    assert.deepEqual(files, [
      "_year=2022/part-00000.snappy.parquet",
      "year=2023/part-00000.snappy.parquet",
      "year=2024/lang=zh/part-00000.c000.json.gz",
    ]);
    assert.deepEqual(ignored, ["_temporary/0/part-9.json"]);
  });

  it("Hugging Face's save_to_disk: the files that state.json lists, not its caches and descriptions", async () => {
    const state = (name: string) => JSON.stringify({ _data_files: [{ filename: name }], _fingerprint: "x" });
    const { files } = await found("datasets", {
      "dataset_dict.json": '{"splits":["train","test"]}',
      "train/data-00000-of-00001.arrow": "",
      "train/cache-1234.arrow": "",
      "train/state.json": state("data-00000-of-00001.arrow"),
      "train/dataset_info.json": "{}",
      "test/data-00000-of-00001.arrow": "",
      "test/state.json": state("data-00000-of-00001.arrow"),
      "README.md": "",
    });
    assert.deepEqual(files, ["test/data-00000-of-00001.arrow", "train/data-00000-of-00001.arrow"]);
  });

  it("a result of bge-dedup: its kept rows, once", async () => {
    const manifest = JSON.stringify({ command: "bge-dedup", files: ["kept.arrow", "kept.jsonl", "removed.arrow"] });
    const files = {
      "manifest.json": manifest,
      "kept.arrow": "",
      "kept.jsonl": "",
      "removed.arrow": "",
      "rejects.jsonl": "",
    };
    assert.deepEqual((await found("result", files)).files, ["kept.arrow"]);
  });

  it("a file once, although links lead to it on several ways", async () => {
    const root = join(folder, "links");
    mkdirSync(root);
    writeFileSync(join(root, "x.jsonl"), "");
    symlinkSync(root, join(root, "loop"));
    assert.deepEqual((await found("links", {})).files.length, 1);
  });

  it("every text format, compressed or not", async () => {
    const names = [
      "a.json",
      "b.json.gz",
      "c.jsonl.gzip",
      "d.ndjson.zstd",
      "e.csv",
      "f.tsv.zst",
      "g.feather",
      "H.JSONL",
    ];
    const { files } = await found("names", Object.fromEntries([...names, "x.txt", "y.md"].map((name) => [name, ""])));
    assert.deepEqual(files, [...names].sort());
  });
});

it("a glob does not take what describes a data set", async () => {
  const { files } = await findFiles([join(folder, "*/*.{json,arrow}")], "out", new Set());
  assert.ok(files.length > 0 && files.every((file) => !/manifest|state|dict/.test(file)), String(files));
});

describe("what cannot be found is said with its cure", () => {
  it("a table whose log says which files are live", async () => {
    mkdirSync(join(folder, "delta/_delta_log"), { recursive: true });
    writeFileSync(join(folder, "delta/part.parquet"), "");
    await refused(join(folder, "delta"), /is a Delta Lake table, whose log says which files are live/);
  });

  it("what lies on other machines", async () => {
    await refused("s3://bucket/x.jsonl", /aws s3 cp s3:\/\/bucket\/x\.jsonl - \| bge-dedup -/);
    await refused("https://host/x.jsonl?a=b&c", /curl -fsSL 'https:\/\/host\/x\.jsonl\?a=b&c' \| bge-dedup -/);
    await refused("abfss://box@account/x", /copy it to this machine first/);
  });

  it("an empty folder, a glob without matches, nothing at all", async () => {
    mkdirSync(join(folder, "empty"));
    await refused(join(folder, "empty"), /holds no file that can be read; expected \.jsonl/);
    await refused(join(folder, "empty/*.jsonl"), /no file with a known extension matches/);
    await refused(join(folder, "nothing.jsonl"), /does not exist; check the path/);
  });
});
