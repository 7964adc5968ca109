import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { Field, Schema, Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { batchOf } from "../../src/io/columns/take.js";
import { goldenFile } from "../io/golden.js";
import { tinyModel } from "../models/golden.js";
import { testFolder, writeJsonl } from "../run/folders.js";
import { run } from "./command-line.js";
import { call, failsForGood } from "./fails-for-good.js";

const folder = testFolder();
const at = (...names: string[]) => join(folder, ...names);
const rows = writeJsonl(
  at("rows.jsonl"),
  ["reset my password", "reset my password", "where is my parcel", "a third thing"].map((text, id) => ({ text, id })),
);
/** Results of an earlier run, which no failing command may touch. */
const good = at("good");

type Command = "dedup" | "cluster";
const fails = (command: Command, args: readonly string[], code: number, cure: RegExp, out = good) =>
  failsForGood({ command, args, code, cure, out });

const dedupFails = (args: readonly string[], code: number, cure: RegExp) =>
  fails("dedup", ["-o", good, "--progress", "none", ...args], code, cure);

/** Copies the good results, spoils the copy and names it. */
function spoilt(name: string, spoil: (path: string) => void): string {
  const copy = at(`spoilt-${name}`);
  cpSync(good, copy, { recursive: true });
  rmSync(join(copy, ".work"), { recursive: true, force: true });
  spoil(copy);
  return copy;
}

/** A file of ours in a damaged form. */
function damaged(name: string, change: (bytes: Buffer) => Buffer, as = name): string {
  const path = at(`damaged-${as}`);
  writeFileSync(path, change(readFileSync(goldenFile(name))));
  return path;
}

const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);
const garbage = () => Buffer.from("\u0000\u0001\u0002 neither this nor that \u0003".repeat(50));

const server = createServer((_, response) => response.writeHead(404).end("nothing here"));
let url = "";
before(async () => {
  assert.deepEqual(await call("dedup", [rows, "-o", good, "--quiet"]), { code: 0, stderr: "" });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

describe("an input that cannot be used ends the run with exit 3", () => {
  const missing: readonly [what: string, path: () => string, cure: RegExp][] = [
    ["a file that is missing", () => at("nowhere.jsonl"), /does not exist; check the path/],
    ["a file below a file", () => join(rows, "below.jsonl"), /does not exist; check the path/],
    ["a glob that matches nothing", () => at("none-*.jsonl"), /matches .*none-\*\.jsonl; expected/],
    ["a folder without files", () => newFolder("empty"), /holds no file .*; expected/],
    ["a folder named like a file", () => newFolder("folder.jsonl"), /holds no file .*; expected/],
    ["a device without a byte", () => "/dev/null", /hold no records/],
    ["a Parquet file that is cut short", () => damaged("flat.parquet", half), /cut short|write it again/],
    ["a Parquet file that is none", () => damaged("flat.parquet", garbage, "none.parquet"), /no Parquet file|expected/],
    ["an Arrow file that is cut short", () => damaged("types.arrow", half), /cut short|write it again/],
    ["an Arrow stream that is cut short", () => damaged("types-stream.arrow", half), /cut short|expected/],
    ["an Arrow file that is none", () => damaged("types.arrow", garbage, "none.arrow"), /is no Arrow IPC file/],
    ["a gzip file that is cut short", () => cutGzip(), /is not a complete gzip stream.*copy it again/],
  ];
  for (const [what, path, cure] of missing) it(what, () => dedupFails([path()], 3, cure));

  const fields: readonly [what: string, args: readonly string[], cure: RegExp][] = [
    ["a text field that is not there", ["-t", "title"], /the fields are "text", "id"/],
    ["an identifier that is not there", ["--id-field", "key"], /columns are text, id/],
    ["a field of --keep that is not there", ["--keep", "max:date"], /columns are text, id/],
    ["vectors that are no lists", ["--vector-field", "id"], /expected a list of numbers/],
  ];
  for (const [what, args, cure] of fields) {
    it(what, () => dedupFails([rows, ...args], 3, cure));
  }
  it("a text field that is no text", () =>
    dedupFails([goldenFile("groups.parquet"), "-t", "n"], 3, /expected a string/));
  it("two columns of one name", async () => {
    const column = () => new Field("text", new Utf8(), true);
    const data = vectorFromArray(["one"], new Utf8()).data[0];
    const batch = batchOf(new Schema([column(), column()]), [data, data], 1);
    writeFileSync(at("twice.arrow"), tableToIPC(new Table([batch]), "file"));
    await dedupFails([at("twice.arrow")], 3, /rename one/);
  });
});

describe("an output folder that cannot be used ends the run with exit 2", () => {
  const outs: readonly [what: string, path: () => string, cure: RegExp][] = [
    ["a file", () => rows, /choose another --out/],
    ["a path below a file", () => join(rows, "below"), /choose another --out/],
    ["a device", () => "/dev/null", /choose another --out/],
    [
      "a link to nothing",
      () => link("dangling", at("nowhere")),
      /link to a folder that does not exist; choose another/,
    ],
    ["a link to itself", () => link("circle", at("circle")), /choose another --out/],
    ["a name that is too long", () => at("n".repeat(300)), /choose another --out/],
    ["whose work area is a file", () => spoilt("work", (path) => writeFileSync(join(path, ".work"), "")), /--out/],
  ];
  for (const [what, path, cure] of outs) {
    it(what, () => fails("dedup", [rows, "-o", path(), "-q"], 2, cure));
  }

  it("in which a folder is in the way of a file, before a text is embedded", async () => {
    for (const name of ["kept.arrow", "removed.parquet", "rejects.jsonl", "manifest.json"]) {
      const out = spoilt(`way-${name}`, (path) => {
        rmSync(join(path, name), { force: true });
        mkdirSync(join(path, name));
      });
      // A model that is not there would be said first if the way were looked at later.
      await fails("dedup", [rows, "-o", out, "-q", "-m", "./no-model"], 2, /is a folder, .*: move it away/, out);
    }
    const out = spoilt("way-clusters", (path) => mkdirSync(join(path, "clusters.arrow")));
    await fails("cluster", [out, "--k", "2", "-q"], 2, /clusters\.arrow is a folder, .*: move it away/, out);
  });

  it("whose plan of a publication is damaged, exit 3", async () => {
    const out = spoilt("plan", (path) => {
      mkdirSync(join(path, ".work"));
      writeFileSync(join(path, ".work", "publish.json"), "{");
    });
    await fails(
      "dedup",
      [rows, "-o", out, "-q"],
      3,
      /publish\.json is damaged, .*; remove .*\.work and run again/,
      out,
    );
  });
});

describe("a model or a server that cannot be used ends the run with exit 5", () => {
  const models: readonly [what: string, model: () => string, cure: RegExp][] = [
    ["a folder that is missing", () => at("no-model"), /expected one that holds tokenizer\.json/],
    ["a folder that is empty", () => newFolder("empty-model"), /export it|take it from/],
    [
      "a model that is cut short",
      () => brokenModel("cut", "onnx/model.onnx", (path) => truncateSync(path, 1000)),
      /ONNX/,
    ],
    [
      "a page of a web site in place of the model",
      () => brokenModel("page", "onnx/model.onnx", write("<html>")),
      /ONNX/,
    ],
    ["an empty file in place of the model", () => brokenModel("none", "onnx/model.onnx", write("")), /ONNX/],
    [
      "a tokenizer that is missing",
      () => brokenModel("bare", "tokenizer.json", (path) => rmSync(path)),
      /take it from/,
    ],
    ["a tokenizer that is none", () => brokenModel("token", "tokenizer.json", write("{}")), /take it from/],
    [
      "a tokenizer that is no JSON",
      () => brokenModel("json", "tokenizer.json", write("{")),
      /take it from|fetch it again/,
    ],
    ["a configuration that is no JSON", () => brokenModel("config", "config.json", write("[")), /fetch it again/],
    [
      "a tokenizer for another model",
      () => brokenModel("other", "config.json", write('{"vocab_size":5}')),
      /take it from/,
    ],
  ];
  for (const [what, model, cure] of models) it(what, () => dedupFails([rows, "-m", model()], 5, cure));

  it("a server without embeddings", () =>
    dedupFails([rows, "--endpoint", url], 2, /status 404\); .* correct --endpoint/));
  it("tried by doctor", async () => {
    const { code, stderr } = await run("dedup", ["doctor", "-m", at("no-model")]);
    assert.equal(code, 5);
    assert.match(stderr, /^error: .*expected one that holds tokenizer\.json.*\n$/);
  });
});

describe("a folder of results that is not in order ends verify with exit 3, bge-cluster too", () => {
  const folders: readonly [what: string, spoil: (path: string) => void, cure: RegExp][] = [
    ["without a manifest", (path) => rmSync(join(path, "manifest.json")), /name a folder that bge-dedup wrote/],
    ["with a manifest that is cut short", (path) => truncateSync(join(path, "manifest.json"), 50), /name a folder/],
    ["with a manifest of something else", (path) => writeFileSync(join(path, "manifest.json"), "[]"), /name a folder/],
    ["without kept rows", (path) => rmSync(join(path, "kept.arrow")), /kept\.arrow is missing, .*run bge-dedup again/],
    ["with kept rows cut short", (path) => truncateSync(join(path, "kept.arrow"), 300), /cut short|cannot be read/],
    ["with vectors cut short", (path) => truncateSync(join(path, "embeddings.arrow"), 300), /run bge-dedup again/],
    ["with vectors of nothing", (path) => truncateSync(join(path, "embeddings.arrow"), 0), /run bge-dedup again/],
  ];
  for (const [what, spoil, cure] of folders) {
    it(what, async () => {
      const path = spoilt(what.replaceAll(" ", "-"), spoil);
      await fails("dedup", ["verify", path], 3, cure, path);
      if (existsSync(path)) await fails("cluster", [path, "--k", "2", "--progress", "none"], 3, cure, path);
    });
  }

  it("that is missing", () => fails("dedup", ["verify", at("nowhere")], 3, /name a folder that bge-dedup wrote/));

  it("with a file that was changed afterwards, which verify names", async () => {
    const path = spoilt("changed", (copy) => {
      const other = at("other");
      cpSync(join(copy, "removed.arrow"), other);
      const bytes = readFileSync(other);
      // The number of the kept row that stands for the removed one.
      const place = bytes.indexOf(Buffer.from(new BigUint64Array([1n]).buffer));
      bytes.writeBigUInt64LE(3n, place);
      writeFileSync(join(copy, "removed.arrow"), bytes);
    });
    await fails("dedup", ["verify", path], 3, /row|removed\.arrow/, path);
  });
});

function newFolder(name: string): string {
  mkdirSync(at(name), { recursive: true });
  return at(name);
}

function link(name: string, target: string): string {
  symlinkSync(target, at(name));
  return at(name);
}

function write(text: string): (path: string) => void {
  return (path) => writeFileSync(path, text);
}

function cutGzip(): string {
  writeFileSync(at("cut.jsonl.gz"), half(gzipSync(readFileSync(rows))));
  return at("cut.jsonl.gz");
}

/** A copy of a small model with one file changed. */
function brokenModel(name: string, file: string, change: (path: string) => void): string {
  const copy = at(`model-${name}`);
  cpSync(tinyModel("tiny-bert"), copy, { recursive: true });
  change(join(copy, file));
  return copy;
}
