import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { cluster, dedup, InputError, kmeans, type Progress, selfJoin, UsageError, verify } from "bge-dedup";
import { naiveJoin } from "../join/oracle.js";
import { clusteredVectors } from "../join/vectors.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";

const folder = mkdtempSync(join(tmpdir(), "bge-library-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const input = join(folder, "faq.jsonl");
const root = execFileSync("git", ["rev-parse", "--show-toplevel"], { encoding: "utf8" }).trim();
cpSync(join(root, "fixtures/faq.jsonl"), input);
const out = (name: string) => join(folder, name);
const FILES = ["kept.arrow", "removed.arrow", "embeddings.arrow"];

function command(name: string, ...args: string[]): void {
  execFileSync(process.execPath, [join(root, "bin", `${name}.js`), ...args, "--quiet"], { cwd: folder });
}

function assertSameFiles(a: string, b: string, names: readonly string[]): void {
  for (const name of names) {
    assert.ok(readFileSync(join(a, name)).equals(readFileSync(join(b, name))), `${name} of ${a} and ${b}`);
  }
}

describe("the library", () => {
  it("writes the bytes of the commands, with options as their flags", async () => {
    command(
      "bge-dedup",
      input,
      "-o",
      out("by-command"),
      "--guard",
      "numbers",
      "--keep",
      "longest",
      "--threshold",
      "0.8",
    );
    command("bge-cluster", out("by-command"), "--k", "7", "--seed", "3");
    const summary = await dedup({
      inputs: input,
      out: out("by-library"),
      guard: ["numbers"],
      keep: "longest",
      threshold: 0.8,
    });
    const clusters = await cluster({ inputs: out("by-library"), k: 7, seed: 3 });
    assertSameFiles(out("by-command"), out("by-library"), [...FILES, "clusters.arrow", "centroids.arrow"]);
    const { read, kept, removed, rejected } = summary.counts;
    assert.equal(kept + removed + rejected, read);
    assert.equal(clusters.counts.clusters, 7);
    assert.deepEqual((await verify({ dir: out("by-library") })).ok, true);
  });

  it("runs twice in one process and side by side, and two runs into one folder exclude each other", async () => {
    const [a, b] = await Promise.all([
      dedup({ inputs: input, out: out("side-a") }),
      dedup({ inputs: [input], out: out("side-b"), memory: 300 * 2 ** 20, threads: 1 }),
    ]);
    assert.deepEqual(a.counts, b.counts);
    assertSameFiles(out("side-a"), out("side-b"), FILES);
    await dedup({ inputs: input, out: out("side-a") });
    assertSameFiles(out("side-a"), out("side-b"), FILES);
    const both = await Promise.allSettled([1, 2].map(() => dedup({ inputs: input, out: out("one-folder") })));
    assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assertSameFiles(out("one-folder"), out("side-b"), FILES);
  });

  it("reports stages that go forward and end at their total, and notes", async () => {
    const seen = new Map<string, Progress>();
    const notes: string[] = [];
    await dedup({
      inputs: input,
      out: out("watched"),
      onProgress: (progress) => {
        const before = seen.get(progress.stage);
        assert.ok(before === undefined || progress.done >= before.done, `${progress.stage} went back`);
        seen.set(progress.stage, progress);
      },
      onNote: (message) => notes.push(message),
    });
    assert.deepEqual([...seen.keys()].sort(), ["check", "embed", "join", "read", "write"]);
    for (const { stage, done, total } of seen.values()) assert.equal(done, total, stage);
    assert.ok(notes.some((note) => /model builtin/.test(note)));
  });

  it("stops with the signal's reason, publishes nothing and continues at the next call", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const many = join(folder, "many.jsonl");
    const lines = Array.from({ length: 60_000 }, (_, i) =>
      JSON.stringify({ text: `question ${i} of part ${i * 7919}` }),
    );
    writeFileSync(many, lines.join("\n"));
    const stopped = dedup({
      inputs: many,
      out: out("stopped"),
      signal: controller.signal,
      onProgress: ({ stage }) => stage === "join" && controller.abort(reason),
    });
    await assert.rejects(stopped, (error) => error === reason);
    assert.ok(!existsSync(join(out("stopped"), "kept.arrow")));
    const { resumed, counts } = await dedup({ inputs: many, out: out("stopped") });
    assert.equal(resumed, counts.kept + counts.removed - counts.exact - counts.normalized);
  });

  it("rejects with typed errors that name the option", async () => {
    const missing = dedup({ inputs: join(folder, "nowhere.jsonl"), out: out("none") });
    await assert.rejects(missing, (error) => error instanceof InputError && error.exitCode === 3);
    const usage = (options: object, message: RegExp) =>
      assert.rejects(dedup({ inputs: input, out: out("none"), ...options }), (error: Error) => {
        assert.ok(error instanceof UsageError && message.test(error.message), error.message);
        return true;
      });
    await usage({ threshold: 2 }, /--threshold 2 is not a number greater than 0 and at most 1/);
    await usage({ guard: "number" }, /--guard number is unknown; expected one of numbers, negation, names, none/);
    await usage({ treshold: 0.9 }, /option treshold is unknown; did you mean threshold\?/);
    await usage({ device: "gpu" }, /--device gpu is unknown/);
    await usage({ format: [] }, /--format is an empty list/);
    await usage({ textField: [] }, /--text-field is an empty list/);
    await usage({ textField: [1] }, /--text-field 1 is no text/);
    await usage({ idField: ["a", "b"] }, /--id-field is given 2 times/);
    await usage({ out: 5 }, /--out 5 is no text/);
    await usage({ inputs: [] }, /no input; name files/);
    await usage({ inputs: [3] }, /input 3 is no path/);
    await assert.rejects(cluster({ inputs: [] }), /no input; name files/);
    await assert.rejects(verify({} as { dir: string }), /dir is undefined; expected a folder/);
    const others = { vectors: Float32Array.of(1), dim: 1, threshold: 0.9, tresh: 1 };
    await assert.rejects(selfJoin(others as Parameters<typeof selfJoin>[0]), /option tresh is unknown/);
    const internal = { vectors: Float32Array.of(1), dim: 1, k: 1, tileRows: 64 };
    await assert.rejects(kmeans(internal as Parameters<typeof kmeans>[0]), /option tileRows is unknown/);
  });

  it("takes null as left out, as a program that is not checked by types may give it", async () => {
    const options = { inputs: input, out: out("null"), signal: null, idField: null, endpoint: null, onNote: null };
    await dedup(options as unknown as Parameters<typeof dedup>[0]);
    assertSameFiles(out("null"), out("side-b"), FILES);
    // The lock is free: a second run takes the folder.
    await dedup({ inputs: input, out: out("null") });
  });

  it("works in a program that node is given as text", () => {
    const script = `
      import { dedup, verify } from "bge-dedup";
      await dedup({ inputs: ${JSON.stringify(input)}, out: ${JSON.stringify(out("text"))} });
    `;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: root,
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""]);
    assertSameFiles(out("text"), out("side-b"), FILES);
  });

  it("prints nothing, adds no listeners and lets the process end", () => {
    const script = `
      import { cluster, dedup, verify } from ${JSON.stringify(import.meta.resolve("bge-dedup"))};
      const events = ["exit", "SIGINT", "SIGTERM", "uncaughtException", "unhandledRejection"];
      const listeners = () => events.map((name) => process.listenerCount(name)).join();
      const before = listeners();
      const out = ${JSON.stringify(out("silent"))};
      await dedup({ inputs: ${JSON.stringify(input)}, out });
      await cluster({ inputs: out, k: 3 });
      await verify({ dir: out });
      if (listeners() !== before) throw new Error(listeners());
    `;
    writeFileSync(join(folder, "silent.mjs"), script);
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "silent.mjs")], {
      encoding: "utf8",
      timeout: 120_000,
    });
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  });
});

describe("the engines of the library", () => {
  it("join vectors in memory as a naive float64 scan does, guards and priority among them", async () => {
    const [dim, threshold] = [32, 0.9];
    const vectors = clusteredVectors({ count: 3000, dim, seed: 5, families: 0.4, noise: 0.3 });
    const order = Uint32Array.from({ length: 3000 }, (_, i) => 2999 - i);
    const signatures = BigUint64Array.from({ length: 3000 }, (_, i) => BigInt(i % 3));
    const { measured, ...found } = await selfJoin({ vectors, dim, threshold, order, signatures });
    assert.ok(measured > 0);
    assertSameNumbers(found, naiveJoin(vectors, dim, threshold, order, signatures), "join");
  });

  it("cluster vectors in memory, the same for any number of threads", async () => {
    const vectors = clusteredVectors({ count: 900, dim: 24, seed: 6, families: 0.9, noise: 0.1 });
    const one = await kmeans({ vectors, dim: 24, k: 9, seed: 1, threads: 1 });
    const two = await kmeans({ vectors, dim: 24, k: 9, seed: 1, threads: 2, memory: "64MB" });
    assertSameNumbers(one, two, "clusters");
    assert.equal(
      one.sizes.reduce((sum, size) => sum + size, 0),
      900,
    );
  });

  it("refuse what is no set of unit vectors", async () => {
    const vectors = Float32Array.of(1, 0, 0, 2);
    await assert.rejects(selfJoin({ vectors, dim: 2, threshold: 0.9 }), /vector 1 has length 2; expected 1/);
    await assert.rejects(kmeans({ vectors, dim: 3, k: 1 }), /4 components are no vectors of 3/);
    const unit = Float32Array.of(1, 0, 0, 1);
    await assert.rejects(selfJoin({ vectors: unit, dim: 2, threshold: 0 }), /threshold 0 is not in \(0, 1\]/);
    const twice = Uint32Array.of(1, 1);
    await assert.rejects(selfJoin({ vectors: unit, dim: 2, threshold: 0.9, order: twice }), /position 1 twice/);
    for (const [options, message] of [
      [{ weights: Uint32Array.of(1) }, /weights: 1 of them; expected a weight of 1 or more for each of 2 rows/],
      [{ weights: Uint32Array.of(1, 0) }, /weights: one of them is 0/],
      [{ iterations: -1 }, /iterations is -1, expected a whole number from 0 up/],
      [{ tolerance: Number.NaN }, /tolerance is NaN, expected a number/],
    ] as const) {
      await assert.rejects(kmeans({ vectors: unit, dim: 2, k: 1, ...options }), message);
    }
    const none = new Float32Array(0);
    assert.equal((await selfJoin({ vectors: none, dim: 2, threshold: 0.9 })).keptBy.length, 0);
  });
});

describe("examples", () => {
  const examples: readonly [name: string, args: string[], output: RegExp][] = [
    ["clean", [], /^\d+ of 315 rows kept, proved\n$/],
    ["topics", ["fixtures/faq.jsonl"], /^(\d+ \S.+\n){3}$/],
    ["vectors", [], /^-1 -1 0 0\.800\n0 1 0\n$/],
  ];
  const cwd = out("examples");
  cpSync(join(root, "fixtures/faq.jsonl"), join(cwd, "fixtures/faq.jsonl"));
  for (const [name, args, output] of examples) {
    it(`${name} ${args.join(" ")} prints what it should`, () => {
      const script = join(root, "dist/test/examples", `${name}.js`);
      assert.match(execFileSync(process.execPath, [script, ...args], { cwd, encoding: "utf8", stdio: "pipe" }), output);
    });
  }

  it("topics says which input is wrong", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, "dist/test/examples/topics.js"), "nowhere.jsonl"],
      {
        cwd,
        encoding: "utf8",
      },
    );
    assert.equal(status, 1);
    assert.match(stderr, /look at the input: input nowhere\.jsonl does not exist/);
  });

  it("are what the README shows", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    for (const name of ["clean", "topics", "vectors"]) {
      assert.ok(readme.includes(readFileSync(join(root, `test/examples/${name}.ts`), "utf8")), name);
    }
  });
});
