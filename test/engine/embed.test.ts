import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { OutageError } from "../../src/embed/endpoint/outage.js";
import { embed } from "../../src/engine/embed/embed.js";
import { closeModel } from "../../src/engine/embed/held-model.js";
import { requireOneModel } from "../../src/engine/embed/one-model.js";
import { runTask } from "../../src/engine/work/task.js";
import { UnavailableError, UsageError } from "../../src/errors.js";
import { timedReporter } from "../../src/reporter.js";
import { withResume } from "../../src/run/embed/embed-windows.js";
import { type EmbeddingServer, startEmbeddingServer } from "../embed/endpoint-server.js";
import { tinyModel } from "../models/golden.js";
import { dedup, dedupOptions, noting, silent, testFolder, writeJsonl } from "../run/folders.js";
import { embedAll, manifestOf, storedVectors, totals, vectorsOf } from "./embed-run.js";
import { numberedRun, type PlainRecord } from "./numbered-run.js";

const folder = testFolder();
let made = 0;
const place = () => join(folder, `${made++}`);
afterEach(closeModel);

/** Texts of all kinds, with copies across shards: by normalisation too, without a direction, with marks that split lines. */
const TEXTS = [
  ...["如何重置登录密码", "order refund", "", "Order  Refund", "half 🙂", "a\u2028b\u2029c\r\nd\te", "！！"],
  ...["退款 退款", "my parcel never came", "如何重置登录密码", "password ".repeat(700), "🙂".repeat(40), "🙂"],
  ...["怎样修改收货地址", "my parcel", "ORDER refund", "x", "退款", "怎样修改收货地址 1", "a b c d e f g"],
];
const RECORDS: readonly PlainRecord[] = TEXTS.map((text, i) => ({ text: i % 9 === 5 ? null : text }));

/** Cuts records into three shards, of which one has nothing but copies and rejected records. */
function inShards(records: readonly PlainRecord[]): PlainRecord[][] {
  return [records.slice(0, 9), [records[0], { text: null }, records[0]], records.slice(9)];
}

type Flags = Parameters<typeof dedupOptions>[2];

/** A run of one machine over the same records, and the same run up to the numbering. */
async function bothRuns(shards: readonly (readonly PlainRecord[])[], chunkTexts: number, flags: Flags = {}) {
  const out = place();
  const records = shards.flat().map(({ text, vector }) => ({ ...(text === null ? {} : { text }), vector }));
  const summary = await dedup([writeJsonl(`${out}.jsonl`, records)], out, { ...flags, cache: undefined });
  const run = place();
  const numbered = await numberedRun({ out: run, plan: { chunkTexts }, shards });
  return { out, summary, ...numbered, options: dedupOptions([], run, flags) };
}

/** Asserts that tasks make the vectors of one machine, bit by bit. */
async function assertSame(chunkTexts: number, flags?: Flags, shards = inShards(RECORDS)) {
  const { out, folder, groups, options } = await bothRuns(shards, chunkTexts, flags);
  const tasks = await embedAll(folder, options);
  const { groups: groupOfVector, ...vectors } = await vectorsOf(tasks);
  assert.deepEqual(vectors, await storedVectors(out));
  assert.deepEqual(
    groupOfVector.map((group) => groups[group].rows[0]),
    vectors.rows,
  );
  const { counts, vectors: state, model } = manifestOf(out);
  const { truncated, tokens } = totals(tasks);
  assert.deepEqual([truncated, tokens, tasks[0].facts.dim], [counts.truncated, state.tokens, model.dim]);
  return { tasks, folder, options };
}

describe("chunks of texts are embedded as one machine embeds all of them", () => {
  for (const chunkTexts of [1, 7, 1000]) {
    it(`by the builtin model, ${chunkTexts} texts a task`, async () => {
      const { tasks } = await assertSame(chunkTexts);
      assert.ok(tasks.length > 1);
      const files = tasks.map((task) => existsSync(task.path("vectors.arrow")));
      assert.deepEqual(
        files,
        tasks.map(({ facts }) => facts.vectors > 0),
      );
      assert.ok(chunkTexts > 1 || files.includes(false));
    });
  }

  it("by a local model that cuts long texts, or averages them, in fp32 or int8", async () => {
    const model = tinyModel("tiny-bert");
    await assertSame(3, { model });
    const { tasks } = await assertSame(5, { model, dtype: "int8", long: "mean", maxLength: 64 });
    assert.match(tasks[0].facts.kind.probe, /^[0-9a-f]{64}$/);
    assert.notEqual(tasks[0].facts.kind.processor, "");
  });

  it("with the input's own vectors, some of them zero", async () => {
    const records = TEXTS.map(
      (text, i): PlainRecord => ({ text, vector: [i % 4, i, -1, 0.5 * i].map((x) => (i === 3 ? 0 : x)) }),
    );
    const { tasks } = await assertSame(4, { vectorField: "vector" }, [
      records.slice(0, 9),
      [records[0]],
      records.slice(9),
    ]);
    assert.deepEqual(tasks[0].facts.kind, { device: "cpu", processor: "", probe: "" });
    assert.equal(tasks[0].facts.dim, 4);
  });

  it("and a text that references know gets no vector", async () => {
    const shards = inShards(RECORDS);
    const { folder, groups } = await numberedRun({
      out: place(),
      plan: { chunkTexts: 2 },
      shards,
      known: ["order refund"],
    });
    const { groups: embedded } = await vectorsOf(await embedAll(folder, dedupOptions([], folder.out)));
    assert.ok(!embedded.some((group) => groups[group].form === "order refund"));
    assert.ok(embedded.some((group) => groups[group].form === "x"));
  });

  it("and where no text has a direction, the first task alone tells the dimension", async () => {
    const shards = [[{ text: "" }], [{ text: "！" }, { text: " " }]];
    const { tasks } = await assertSame(1, {}, shards);
    assert.deepEqual(
      tasks.map(({ facts }) => facts.vectors),
      tasks.map(() => 0),
    );
  });
});

describe("the model of a process", () => {
  it("is loaded once for all its tasks", async () => {
    const { folder } = await numberedRun({ out: place(), plan: { chunkTexts: 2 }, shards: inShards(RECORDS) });
    const reporter = noting();
    await embedAll(folder, dedupOptions([], folder.out), reporter);
    assert.equal(reporter.notes.filter((note) => /^model /.test(note)).length, 1, reporter.notes.join("\n"));
    await closeModel();
    await closeModel();
  });

  it("is not started where the cache has all vectors, whose kind is then the processor's", async () => {
    const cache = { kind: "embedded", folder: place() } as const;
    const flags = { model: tinyModel("tiny-bert"), cache };
    const { folder, options, tasks } = await assertSame(3, flags);
    await closeModel();
    for (const index of tasks.keys()) await folder.forget("embed", index);
    const again = await embedAll(folder, options);
    assert.deepEqual(totals(again).misses, 0);
    assert.equal(totals(again).hits, totals(tasks).hits + totals(tasks).misses);
    assert.deepEqual(await vectorsOf(again), await vectorsOf(tasks));
    assert.deepEqual(new Set(again.map(({ facts }) => facts.kind.probe)), new Set([""]));
    assert.equal(again[0].facts.kind.processor, tasks[0].facts.kind.processor);
  });

  it("has to be that of the references", async () => {
    const reference = place();
    await dedup([writeJsonl(`${reference}.jsonl`, [{ text: "order refund" }])], reference);
    const { folder } = await numberedRun({ out: place(), plan: { chunkTexts: 9 }, shards: [[{ text: "my parcel" }]] });
    const against = { against: [reference] };
    await assert.rejects(
      embedAll(folder, dedupOptions([], folder.out, { ...against, model: tinyModel("tiny-bert") })),
      (error: Error) => error instanceof UsageError && /was embedded by builtin .* but this run by/.test(error.message),
    );
    assert.equal((await embedAll(folder, dedupOptions([], folder.out, against)))[0].facts.vectors, 1);
  });

  it("has to be the same on all nodes", () => {
    const fp32 = { model: { name: "m", fingerprint: "f", dtype: "fp32" }, kind: { device: "cpu" } } as never;
    const fp16 = { model: { name: "m", fingerprint: "f", dtype: "fp16" }, kind: { device: "cuda" } } as never;
    requireOneModel([fp32, fp32]);
    assert.throws(
      () => requireOneModel([fp32, fp32, fp16]),
      (error: Error) =>
        error instanceof UsageError && /\(fp32, .* on cpu, others by m \(fp16, .* on cuda/.test(error.message),
    );
  });
});

describe("a server that embeds", () => {
  const servers: EmbeddingServer[] = [];
  after(() => Promise.all(servers.map((server) => server.kill().catch(() => {}))));

  async function through(poison: RegExp) {
    const refuses = (input: readonly string[]) => input.some((text) => poison.test(text.normalize("NFKC")));
    const refusal = { status: 400, body: { message: "bad rune" } };
    const server = await startEmbeddingServer({
      flavour: "vllm",
      faultOf: (input) => (refuses(input) ? refusal : undefined),
    });
    servers.push(server);
    const { url } = server;
    return {
      server,
      flags: { model: "endpoint", endpoint: { url, concurrency: 4, address: () => parseEndpoint(url) } },
    };
  }

  it("may refuse texts, which are told by their first rows over all shards", async () => {
    const { flags } = await through(/refund/i);
    const { tasks } = await assertSame(3, flags);
    assert.deepEqual(
      tasks.flatMap(({ facts }) => facts.refused),
      [{ row: 1, error: "the server does not embed the text: status 400 bad rune" }],
    );
    assert.deepEqual(tasks[0].facts.kind, { device: "endpoint", processor: "", probe: "" });
  });

  it("is given up where it refuses too many texts of a task", async () => {
    const { flags } = await through(/title/i);
    const shards = [Array.from({ length: 150 }, (_, i) => ({ text: `Title ${i}` }))];
    const { folder } = await numberedRun({ out: place(), plan: { chunkTexts: 150 }, shards });
    await assert.rejects(embedAll(folder, dedupOptions([], folder.out, flags)), (error: Error) => {
      return error instanceof UnavailableError && /refuses 1\d\d texts.*row 0: .*bad rune.*--fresh/.test(error.message);
    });
    assert.deepEqual([...(await folder.done("embed"))], []);
  });

  it("is given up with the news that the same command goes on", () => {
    const { message } = withResume(new OutageError("no answer; start the server")) as Error;
    assert.equal(message, "no answer; start the server, then run the same command again: it resumes where it stopped");
    const other = new Error("other");
    assert.equal(withResume(other), other);
  });

  it("is let go by a stop, and asked anew by the next task", async () => {
    const { flags, server } = await through(/^$/);
    const { folder, options } = await bothRuns(inShards(RECORDS), 4, flags);
    server.faults.push("silence");
    const stop = new AbortController();
    const stopped = runTask(folder, embed, 0, { options, reporter: timedReporter(silent), signal: stop.signal });
    const asked = server.received.length;
    while (server.received.length === asked) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new Error("stopped"));
    await assert.rejects(stopped, /^Error: stopped$/);
    assert.equal((await embedAll(folder, options)).length, await embed.count(folder.plan, folder));
  });
});
