import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import { planHash } from "../../src/engine/plan.js";
import { cutRun, cutShards } from "../../src/engine/planning/cut.js";
import { findPlan, type PlanRequest, planRun } from "../../src/engine/planning/plan-run.js";
import { planFlags } from "../../src/engine/planning/planned-flags.js";
import { planDifference } from "../../src/engine/planning/same-plan.js";
import { readPlanIfAny } from "../../src/engine/run-folder.js";
import { Failures } from "../../src/engine/work/failures.js";
import { UsageError } from "../../src/errors.js";
import { below, seededRandom } from "../../src/random.js";
import { runDedup } from "../../src/run/dedup.js";
import { dedupOptions } from "../../src/run/flags/dedup.js";
import { VERSION } from "../../src/run/work/manifest.js";
import { openWorkArea } from "../../src/run/work/work-area.js";
import { testFolder } from "./fake-run.js";

const root = testFolder();
let folders = 0;

/** A folder with three inputs of 10, 10 and 20 bytes or so. */
function inputFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  for (const [name, rows] of [
    ["a", 1],
    ["b", 1],
    ["c", 2],
  ] as const) {
    writeFileSync(join(folder, `${name}.jsonl`), `{"text":"${name}"}\n`.repeat(rows));
  }
  return folder;
}

function context(notes: string[] = [], stdin = "") {
  const reporter = { stage: () => ({ advance() {}, end() {} }), note: (message: string) => void notes.push(message) };
  return { reporter, stdin: Readable.from([Buffer.from(stdin)]) };
}

const plan = (folder: string, request: Partial<PlanRequest> = {}, stdin?: string) =>
  planRun(
    {
      inputs: [join(folder, "*.jsonl")],
      workers: 2,
      ...request,
      flags: { out: join(folder, "out"), ...request.flags },
    },
    context([], stdin),
  );

const refuses = (planned: Promise<unknown>, message: RegExp) =>
  assert.rejects(planned, (error: Error) => {
    assert.match(error.message, message);
    return error instanceof UsageError;
  });

afterEach(() => {
  delete process.env.BGE_MODEL;
  delete process.env.BGE_CACHE;
});

describe("a plan", () => {
  it("names the files, their sizes and the shards, and is the same when it is read again", async () => {
    const folder = inputFolder();
    const { folder: run, continued } = await plan(folder);
    assert.equal(continued, false);
    const { files, shards, cwd, version, workers, inputs } = run.plan;
    assert.deepEqual(
      files.map(({ name, bytes }) => [name, bytes]),
      [
        [join(folder, "a.jsonl"), 13],
        [join(folder, "b.jsonl"), 13],
        [join(folder, "c.jsonl"), 26],
      ],
    );
    assert.deepEqual(
      [shards, cwd, version, workers],
      [
        [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
        process.cwd(),
        VERSION,
        2,
      ],
    );
    assert.deepEqual(inputs, [join(folder, "*.jsonl")]);
    const read = await readPlanIfAny(join(folder, "out"));
    assert.equal(read && planHash(read), run.hash);
  });

  it("is continued by the same command, whatever the number of workers, threads and bytes of memory", async () => {
    const folder = inputFolder();
    const first = await plan(folder, { flags: { memory: "1GB" } });
    const again = await plan(folder, { workers: 7, flags: { memory: "2GB", threads: 3 } });
    assert.deepEqual([again.continued, again.folder.hash, again.folder.plan.workers], [true, first.folder.hash, 2]);
  });

  it("is not continued by another command, which hears of the first difference and of --fresh", async () => {
    const folder = inputFolder();
    await plan(folder, { flags: { threshold: 0.9 } });
    const other = (flags: PlanRequest["flags"]) => plan(folder, { flags });
    await refuses(other({ threshold: 0.8 }), /unfinished run.*--threshold was 0.9 and is 0.8\..*--fresh/);
    await refuses(other({ threshold: 0.9, maxRejects: "5%" }), /--max-rejects was absent and is 5%/);
    await refuses(plan(folder, { inputs: [folder], flags: { threshold: 0.9 } }), /input 1 was .*\*\.jsonl and is/);
    writeFileSync(join(folder, "c.jsonl"), '{"text":"changed"}\n');
    await refuses(other({ threshold: 0.9 }), /c\.jsonl had 26 bytes and has 19/);
    writeFileSync(join(folder, "d.jsonl"), '{"text":"d"}\n');
    await refuses(other({ threshold: 0.9 }), /file 4 was absent and is .*d\.jsonl/);
    const { continued, folder: run } = await other({ threshold: 0.8, fresh: true });
    assert.deepEqual([continued, run.plan.files.length, run.plan.flags.fresh], [false, 4, undefined]);
  });

  it("that failed for good gives way to another command, and not where a rerun may cure it", async () => {
    const folder = inputFolder();
    const { folder: run } = await plan(folder);
    const failures = new Failures(run.path("failures"));
    const task = { stage: "read", index: 0 } as const;
    await failures.add(task, { kind: "failed", exitCode: 1, message: "lost" });
    await refuses(plan(folder, { flags: { threshold: 0.7 } }), /unfinished run/);
    await failures.add(task, { kind: "failed", exitCode: 3, message: "bad" });
    writeFileSync(join(folder, "c.jsonl"), '{"text":"mended"}\n');
    const mended = await plan(folder);
    assert.deepEqual([mended.continued, mended.folder.plan.files[2].bytes], [false, 18]);
    assert.deepEqual(await new Failures(run.path("failures")).all(), []);
  });

  it("reads its inputs again where it failed because of them", async () => {
    const folder = inputFolder();
    const { folder: run } = await plan(folder);
    mkdirSync(run.path("tasks", "read"), { recursive: true });
    writeFileSync(run.path("tasks", "read", "1.json"), JSON.stringify({ plan: run.hash, folder: "1-a", files: {} }));
    const failures = new Failures(run.path("failures"));
    await failures.add({ stage: "embed", index: 0 }, { kind: "failed", exitCode: 5, message: "no model" });
    await plan(folder);
    assert.ok(existsSync(run.path("tasks", "read", "1.json")));
    await failures.add({ stage: "number", index: 0 }, { kind: "failed", exitCode: 3, message: "unreadable" });
    assert.equal((await plan(folder)).continued, true);
    assert.equal(existsSync(run.path("tasks", "read", "1.json")), false);
  });

  it("goes on with another --max-removed, which only the fates are judged by anew", async () => {
    const folder = inputFolder();
    const { folder: run } = await plan(folder, { flags: { maxRemoved: 1 } });
    for (const stage of ["order", "fates"] as const) {
      mkdirSync(run.path("tasks", stage), { recursive: true });
      writeFileSync(run.path("tasks", stage, "0.json"), JSON.stringify({ plan: run.hash, folder: "0-a", files: {} }));
    }
    const raised = await plan(folder, { flags: { maxRemoved: "50%" } });
    assert.deepEqual([raised.continued, raised.folder.hash], [true, run.hash]);
    assert.equal((await readPlanIfAny(run.out))?.flags.maxRemoved, "50%");
    assert.deepEqual(
      [existsSync(run.path("tasks", "order", "0.json")), existsSync(run.path("tasks", "fates", "0.json"))],
      [true, false],
    );
    assert.equal((await plan(folder)).folder.plan.flags.maxRemoved, undefined);
  });

  it("of another version of the program, or from another folder, is not continued", () => {
    const planned = { version: "1", cwd: "/a", flags: {}, inputs: ["x"] };
    assert.equal(planDifference(planned, planned), undefined);
    assert.match(planDifference(planned, { ...planned, version: "2" }) ?? "", /planned by bge-dedup 1, and this is 2/);
    assert.match(planDifference(planned, { ...planned, cwd: "/b" }) ?? "", /in the folder \/a, and this is \/b/);
  });

  it("of another version is refused by workers too", async () => {
    const folder = inputFolder();
    const { folder: run } = await plan(folder);
    writeFileSync(run.path("plan.json"), JSON.stringify({ ...run.plan, version: "0.0.1" }));
    await refuses(findPlan(run.out), /planned by bge-dedup 0\.0\.1, and this is/);
    await refuses(findPlan(folder), /holds no run/);
  });

  it("that is damaged is named, and gives way to --fresh", async () => {
    const folder = inputFolder();
    const { folder: run } = await plan(folder);
    for (const text of ["", '{"version":', "{}", "null"]) {
      writeFileSync(run.path("plan.json"), text);
      await refuses(findPlan(run.out), /plan\.json is damaged.*--fresh/);
      await refuses(plan(folder), /plan\.json is damaged.*--fresh/);
    }
    assert.equal((await plan(folder, { flags: { fresh: true } })).continued, false);
  });

  it("does not displace the work of an interrupted run on one machine, unless it starts over", async () => {
    const folder = inputFolder();
    const out = join(folder, "out");
    const area = await openWorkArea(out);
    const state = { fingerprint: {}, stored: 0, complete: false, dim: 0, through: -1, digest: "", truncated: 0 };
    await area.saveState({ ...state, tokens: 0, refused: [] });
    await area.close();
    await refuses(plan(folder), /work of an interrupted run on one machine.*without --executor.*--fresh/);
    assert.ok(existsSync(join(out, ".work", "state.json")));
    await plan(folder, { flags: { fresh: true } });
    assert.equal(existsSync(join(out, ".work", "state.json")), false);
  });

  it("is not displaced by an ordinary run, unless that starts over", async () => {
    const folder = inputFolder();
    const { folder: run } = await plan(folder);
    const ordinary = (fresh: boolean) =>
      runDedup(dedupOptions({ out: run.out, fresh, cache: "none" }, [join(folder, "a.jsonl")]), context());
    await refuses(ordinary(false), /unfinished run that was planned in tasks.*bge-dedup status.*--fresh/);
    assert.ok(existsSync(run.path("plan.json")));
    assert.equal((await ordinary(true)).counts.kept, 1);
    assert.equal(existsSync(run.path()), false);
  });

  it("keeps standard input, and continues only with the same", async () => {
    const folder = inputFolder();
    const out = relative(process.cwd(), join(folder, "out"));
    const piped = (text: string) => plan(folder, { inputs: ["-", join(folder, "a.jsonl")], flags: { out } }, text);
    const { folder: run } = await piped('{"text":"piped"}\n');
    const [first, second] = run.plan.files;
    assert.deepEqual(first, { name: "-", copy: join(out, ".work/inputs/0"), bytes: 17 });
    assert.equal(readFileSync(first.copy as string, "utf8"), '{"text":"piped"}\n');
    assert.equal("copy" in second, false);
    assert.equal((await piped('{"text":"piped"}\n')).continued, true);
    await refuses(piped('{"text":"other"}\n'), /content of standard input is another/);
    await refuses(piped('{"text":"longer text"}\n'), /- had 17 bytes and has 23/);
    assert.equal(readFileSync(first.copy as string, "utf8"), '{"text":"piped"}\n');
  });

  it("fills in what the environment of its machine says", () => {
    process.env.BGE_MODEL = "bge-base-en-v1.5";
    process.env.BGE_CACHE = "/cache";
    assert.deepEqual(planFlags({ fresh: true }), { model: "bge-base-en-v1.5", cache: "/cache" });
    process.env.BGE_CACHE = "redis://user:secret@host:1/0";
    assert.deepEqual(planFlags({ model: "builtin" }), { model: "builtin" });
    assert.deepEqual(planFlags({ vectorField: "v" }), { vectorField: "v" });
  });

  it("holds no secrets", async () => {
    const folder = inputFolder();
    for (const endpoint of ["http://me:pass@host/v1", "http://host/v1?api_key=pass"]) {
      await assert.rejects(plan(folder, { flags: { endpoint } }), (error: Error) => {
        assert.match(error.message, /--endpoint http:\/\/host\/v1 holds .*set BGE_API_KEY/);
        assert.doesNotMatch(error.message, /pass[^w]/);
        return error instanceof UsageError;
      });
    }
    assert.equal(existsSync(join(folder, "out", ".work", "plan.json")), false);
    const { folder: run } = await plan(folder, { flags: { endpoint: "http://host/v1?version=3" } });
    assert.equal(run.plan.flags.endpoint, "http://host/v1?version=3");
  });

  it("cannot be made in a folder that another user owns", async (test) => {
    const folder = inputFolder();
    const out = join(folder, "theirs");
    mkdirSync(out, { mode: 0o555 });
    // The rights of a folder bind everybody but root.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    test.after(() => isRoot && process.seteuid?.(0));
    await refuses(
      plan(folder, { flags: { out } }),
      /cannot use .*theirs as output folder: EACCES.*choose another --out/,
    );
  });
});

describe("the cut of a run", () => {
  it("deals whole files to shards of about equal bytes, in order, each file once", () => {
    assert.deepEqual(cutShards([5, 5, 5, 5], 2), [
      [0, 2],
      [2, 4],
    ]);
    assert.deepEqual(cutShards([100, 1, 1, 1], 4), [
      [0, 1],
      [1, 4],
    ]);
    assert.deepEqual(cutShards([0, 0], 8), [
      [0, 1],
      [1, 2],
    ]);
    const random = seededRandom(7);
    for (let round = 0; round < 200; round++) {
      const bytes = Array.from({ length: 1 + (round % 40) }, () => below(random, 1000));
      const shards = cutShards(bytes, 1 + (round % 9));
      assert.ok(shards.length <= 1 + (round % 9));
      assert.deepEqual(
        shards.flatMap(([start, end]) => bytes.slice(start, end)),
        bytes,
      );
      assert.ok(shards.every(([start, end]) => start < end));
      const largest = Math.max(...shards.map(([start, end]) => bytes.slice(start, end).reduce((a, b) => a + b, 0)));
      const total = bytes.reduce((a, b) => a + b, bytes.length);
      assert.ok(largest <= total / Math.min(bytes.length, 1 + (round % 9)) + Math.max(...bytes));
    }
  });

  it("has tasks for every worker and not much more", () => {
    const { shards, buckets, chunkTexts } = cutRun(new Array(1000).fill(2 ** 20), { workers: 8, slow: true });
    assert.equal(shards.length, 32);
    assert.equal(buckets, 8);
    assert.equal(chunkTexts % 1024, 0);
    assert.ok(cutRun([2 ** 45], { workers: 8, slow: true }).buckets === 1024);
    assert.ok(
      cutRun([10], { workers: 8, slow: false }).chunkTexts > cutRun([10], { workers: 8, slow: true }).chunkTexts,
    );
  });
});
