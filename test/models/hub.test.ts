import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mock, test } from "node:test";
import { downloadFileToCacheDir, scanCacheDir, snapshotDownload } from "@huggingface/hub";
import { removeModel } from "../../src/models/hub/hub.js";
import { commitOf, gitBlobId, noise, sha256 } from "./fake-hub.js";
import {
  CONFIG,
  fetchTiny,
  hub,
  MODEL,
  NAME,
  notes,
  root,
  settings,
  stages,
  TOKENIZER,
  tree,
  WEIGHTS,
} from "./hub-fixture.js";

test("the files of one dtype come into the layout that other tools share, and nothing else", async () => {
  const folder = await fetchTiny();
  const repository = join(settings.cache, "models--owner--bge-tiny");
  const commit = commitOf(MODEL);
  assert.equal(folder, join(repository, "snapshots", commit));
  assert.deepEqual(tree(repository).sort(), [
    ...["1_Pooling/config.json", "modules.json", "sentence_bert_config.json", "tokenizer_config.json"].map(
      (path) => `.no_exist/${commit}/${path}`,
    ),
    ...[gitBlobId(CONFIG), sha256(WEIGHTS), sha256(TOKENIZER)].sort().map((digest) => `blobs/${digest}`),
    "refs/main",
    ...["config.json", "onnx/model.onnx", "tokenizer.json"].map((path) => `snapshots/${commit}/${path}`),
  ]);
  assert.equal(readFileSync(join(repository, "refs/main"), "utf8"), commit);
  assert.ok(lstatSync(join(folder, "onnx/model.onnx")).isSymbolicLink());
  for (const path of ["config.json", "onnx/model.onnx", "tokenizer.json"]) {
    assert.deepEqual(readFileSync(join(folder, path)), MODEL.get(path));
  }
});

test("what is cached is used without a request, another dtype brings its own file alone", async () => {
  const folder = await fetchTiny();
  hub.requests.length = 0;
  assert.equal(await fetchTiny(), folder);
  assert.equal(hub.requests.length, 0);
  assert.equal(await fetchTiny({ dtype: "fp16" }), folder);
  assert.deepEqual(
    hub.transfers.filter((line) => line.startsWith("hub")),
    ["hub onnx/model_fp16.onnx all"],
  );
});

test("a listing of several pages is read to its end", async () => {
  hub.pageSize = 2;
  assert.deepEqual(readFileSync(join(await fetchTiny(), "tokenizer.json")), TOKENIZER);
});

test("weights outside the ONNX file come with it, and a cache that lacks them is not taken for whole", async () => {
  // ModelProto.graph.initializer with external_data {location: model.onnx_data} and data_location EXTERNAL; one output.
  const field = (tag: number, ...content: (string | Buffer)[]) => {
    const body = Buffer.concat(content.map((part) => Buffer.from(part)));
    return Buffer.concat([Buffer.from([tag, body.length]), body]);
  };
  const location = field(0x6a, field(0x0a, "location"), field(0x12, "model.onnx_data"));
  const initializer = field(0x2a, field(0x42, "w"), location, Buffer.from([0x70, 1]));
  const graph = field(0x3a, initializer, field(0x62, field(0x0a, "y")));
  const data = noise(3000, 5);
  const other = noise(3000, 6);
  hub.repositories.set(
    NAME,
    new Map([...MODEL, ["onnx/model.onnx", graph], ["onnx/model.onnx_data", data], ["onnx/other.onnx_data", other]]),
  );
  const folder = await fetchTiny();
  assert.deepEqual(readdirSync(join(folder, "onnx")).sort(), ["model.onnx", "model.onnx_data"]);
  assert.deepEqual(readFileSync(join(folder, "onnx/model.onnx_data")), data);

  rmSync(join(folder, "onnx/model.onnx_data"));
  await assert.rejects(fetchTiny({ settings: { ...settings, offline: true } }), /is not in .*HF_HUB_OFFLINE is set/);
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx_data")), data);
});

test("progress counts the bytes of the transfer up to its total, never past it", async () => {
  await fetchTiny();
  const total = WEIGHTS.length + TOKENIZER.length + CONFIG.length;
  assert.equal(stages.length, 1);
  const [first, ...calls] = stages[0];
  assert.equal(first, total);
  assert.equal(calls.pop(), "end");
  assert.equal(calls.at(-1), total);
  assert.deepEqual(
    calls,
    [...(calls as number[])].sort((a, b) => a - b),
  );
  assert.match(notes[0], /downloading owner\/bge-tiny \(fp32\), 340 kB/);
});

test("the hub's own library finds what was fetched, and what it fetched is found here", async () => {
  const folder = await fetchTiny();
  const scan = await scanCacheDir(settings.cache);
  assert.deepEqual(scan.warnings, []);
  assert.deepEqual(
    scan.repos.map(({ id, revisions }) => [id.name, revisions[0].refs]),
    [[NAME, ["main"]]],
  );
  const library = { repo: NAME, cacheDir: settings.cache, hubUrl: hub.endpoint };
  hub.requests.length = 0;
  const path = await downloadFileToCacheDir({ ...library, revision: commitOf(MODEL), path: "onnx/model.onnx" });
  assert.equal(path, join(folder, "onnx/model.onnx"));
  assert.equal(hub.requests.length, 0);

  rmSync(settings.cache, { recursive: true });
  const debug = mock.method(console, "debug", () => {});
  const theirs = await snapshotDownload(library);
  debug.mock.restore();
  hub.requests.length = 0;
  assert.equal(await fetchTiny({ settings: { ...settings, offline: true } }), theirs);
  assert.equal(await fetchTiny(), folder);
  assert.deepEqual(hub.transfers, [], "the blobs are theirs, only the listing was asked for");
});

test("without a hub, what lies in the cache is used if it can be, else the ways out are named", async () => {
  const folder = await fetchTiny();
  const away = { ...settings, endpoint: "http://127.0.0.1:1" };
  await assert.rejects(fetchTiny({ settings: away, dtype: "int8" }), {
    exitCode: 5,
    message: /127\.0\.0\.1:1 cannot be reached: .*; ways out: set HF_ENDPOINT to a mirror/,
  });
  // As another tool leaves it: nothing tells that the optional files do not exist.
  rmSync(join(dirname(dirname(folder)), ".no_exist"), { recursive: true });
  assert.equal(await fetchTiny({ settings: away }), folder);
  assert.match(notes.at(-1) ?? "", /is used as it lies in the cache/);
  assert.equal(await fetchTiny({ settings: { ...away, offline: true } }), folder);
});

test("offline, nothing is asked of the network", async () => {
  const offline = { ...settings, offline: true };
  await assert.rejects(fetchTiny({ settings: offline }), { exitCode: 5, message: /HF_HUB_OFFLINE is set; unset it/ });
  assert.equal(hub.requests.length, 0);
  const folder = await fetchTiny();
  hub.requests.length = 0;
  assert.equal(await fetchTiny({ settings: offline }), folder);
  await assert.rejects(fetchTiny({ settings: offline, refresh: true }), /HF_HUB_OFFLINE/);
  assert.equal(hub.requests.length, 0);
});

test("a refresh follows the branch and brings only what changed", async () => {
  await fetchTiny();
  const config = Buffer.from('{"hidden_size":16}');
  const changed = new Map([...MODEL, ["config.json", config]]);
  hub.repositories.set(NAME, changed);
  hub.requests.length = 0;
  const folder = await fetchTiny({ refresh: true });
  assert.ok(folder.endsWith(commitOf(changed)));
  assert.deepEqual(readFileSync(join(folder, "config.json")), config);
  assert.deepEqual(hub.transfers, ["hub config.json all"]);
});

test("a repository without ONNX files or tokenizer says what it lacks", async () => {
  const some = (...paths: string[]) => new Map([...MODEL].filter(([path]) => paths.includes(path)));
  hub.repositories.set("BAAI/bge-base-zh-v1.5", some("tokenizer.json", "config.json"));
  await assert.rejects(fetchTiny({ repository: "BAAI/bge-base-zh-v1.5" }), /--model bge-base-zh-v1\.5 takes Xenova/);
  hub.repositories.set("owner/plain", some("onnx/model.onnx"));
  await assert.rejects(fetchTiny({ repository: "owner/plain" }), { exitCode: 5, message: /no tokenizer\.json/ });
  await assert.rejects(fetchTiny({ dtype: "int8" }), /no ONNX file for dtype int8, but onnx\/model\.onnx/);
});

test("a refresh checks what lies in the cache, and repairs it", async () => {
  const folder = await fetchTiny();
  const spoilt = Buffer.from(WEIGHTS);
  spoilt[77] ^= 1;
  writeFileSync(join(folder, "onnx/model.onnx"), spoilt);
  await fetchTiny();
  assert.deepEqual(readFileSync(join(folder, "onnx/model.onnx")), spoilt, "a plain run trusts the cache");
  assert.equal(await fetchTiny({ refresh: true }), folder);
  assert.deepEqual(readFileSync(join(folder, "onnx/model.onnx")), WEIGHTS);
});

test("a cache that cannot be written is named with the cure", async () => {
  writeFileSync(join(root, "file"), "");
  await assert.rejects(fetchTiny({ settings: { ...settings, cache: join(root, "file/hub") } }), {
    exitCode: 5,
    message: /cache .*file\/hub cannot be written: .*HF_HOME/,
  });
});

test("a model that another tool has cached is used where the cache cannot be written or the hub refuses it", async () => {
  const folder = await fetchTiny();
  rmSync(join(dirname(dirname(folder)), ".no_exist"), { recursive: true });
  hub.repositories.delete(NAME);
  assert.equal(await fetchTiny(), folder);
  assert.match(notes.at(-1) ?? "", /answers 404.*; owner\/bge-tiny is used as it lies in the cache/);
  rmSync(join(settings.cache, ".locks"), { recursive: true });
  writeFileSync(join(settings.cache, ".locks"), "");
  assert.equal(await fetchTiny(), folder);
  assert.match(notes.at(-1) ?? "", /cannot be written: .*; owner\/bge-tiny is used as it lies in the cache/);
  await assert.rejects(fetchTiny({ refresh: true }), { exitCode: 5, message: /cannot be written/ });
});

test("a download that fails is not reported as done", async () => {
  hub.faults.push(({ url }, response) => {
    if (!url.includes("/resolve/")) return false;
    response.writeHead(403).end();
    return true;
  });
  await assert.rejects(fetchTiny(), /only for accounts/);
  assert.equal(stages.length, 1);
  assert.ok(!stages[0].includes("end"));
});

test("removing takes one repository whole and leaves the others", async () => {
  hub.repositories.set("owner/other", MODEL);
  await fetchTiny();
  const other = await fetchTiny({ repository: "owner/other" });
  const freed = await removeModel({ repository: NAME, settings });
  assert.equal(freed, WEIGHTS.length + TOKENIZER.length + CONFIG.length);
  assert.equal(existsSync(join(settings.cache, "models--owner--bge-tiny")), false);
  assert.deepEqual(readFileSync(join(other, "config.json")), CONFIG);
  assert.equal(await removeModel({ repository: NAME, settings }), undefined);
});
