import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runCluster } from "../../src/run/cluster.js";
import { runDedup } from "../../src/run/dedup.js";
import { estimate } from "../../src/run/dry-run.js";
import { endpointChoice } from "../../src/run/flags/shared.js";
import type { DedupOptions } from "../../src/run/options.js";
import { verifyFolder } from "../../src/run/verify.js";
import { serversOf } from "../embed/endpoint-fixture.js";
import { dedupOptions, noting, silent, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const serverOf = serversOf("vllm");
const TEXTS = Array.from({ length: 300 }, (_, i) => ({
  text:
    i % 3 === 2 ? `how do I change the password of account ${i - 1}?` : `how do I change the password of account ${i}`,
  size: i % 7,
  note: `note ${i}`,
}));
const input = writeJsonl(join(folder, "in.jsonl"), TEXTS);

const bytesOf = (out: string) =>
  ["kept.arrow", "removed.arrow", "embeddings.arrow"].map((name) => readFileSync(join(out, name)).toString("base64"));

/** Runs with a reporter that remembers its notes. */
async function run(options: DedupOptions) {
  const reporter = noting();
  const summary = await runDedup(options, { reporter, stdin: process.stdin });
  return { ...summary, notes: reporter.notes.join("\n") };
}

/** Runs `change` in the folder of a finished run and in an empty one, which must give the same. */
async function compare(name: string, change: Parameters<typeof dedupOptions>[2]) {
  const [again, anew] = [join(folder, `${name}-again`), join(folder, `${name}-anew`)];
  await run(dedupOptions([input], again));
  const { reused, counts, notes } = await run(dedupOptions([input], again, change));
  const fresh = await run(dedupOptions([input], anew, change));
  assert.ok(reused > 0, notes);
  assert.match(notes, /vectors are used again/);
  assert.equal(fresh.reused, 0);
  assert.deepEqual(counts, fresh.counts);
  assert.deepEqual(bytesOf(again), bytesOf(anew));
  const { ok, violation } = await verifyFolder({ folder: again, threads: 1, memory: 2 ** 30, reporter: silent });
  assert.ok(ok, violation);
  assert.ok(!existsSync(join(again, ".work")));
}

describe("a change of mind on a finished folder embeds nothing and gives what a fresh run gives", () => {
  it("about --threshold", () => compare("threshold", { threshold: 0.97 }));
  it("about --keep", () => compare("keep", { keep: "max:size" }));
  it("about --guard", () => compare("guard", { guards: { numbers: true, negation: false, names: false } }));
  it("about --format and --max-removed", () => compare("format", { formats: ["arrow", "jsonl"] }));

  it("and a dry run foretells it", async () => {
    const out = join(folder, "foretold");
    const context = { reporter: silent, stdin: process.stdin };
    assert.equal((await estimate(dedupOptions([input], out), context)).reused, 0);
    await run(dedupOptions([input], out));
    const { reused, seconds } = await estimate(dedupOptions([input], out, { threshold: 0.97 }), context);
    assert.ok(reused > 200);
    assert.equal(seconds.embed, 0);
  });

  it("with a server, which gets no text", async () => {
    const server = await serverOf();
    const texts = () => server.received.flatMap(({ input: sent }) => sent).filter((text) => text.startsWith("how"));
    const endpoint = endpointChoice({ endpoint: server.url });
    const out = join(folder, "served");
    await run(dedupOptions([input], out, { endpoint }));
    const asked = texts().length;
    assert.ok(asked >= 200);
    const { reused } = await run(dedupOptions([input], out, { endpoint, threshold: 0.95 }));
    assert.equal(reused, asked);
    assert.equal(texts().length, asked);
  });

  it("about --k, with bge-cluster on raw rows", async () => {
    const out = join(folder, "clusters");
    const options = { ...dedupOptions([input], out), k: 5, iterations: 50, tolerance: 1e-4, starts: 1 };
    const cluster = async (k: number, into: string) => {
      const reporter = noting();
      await runCluster(
        { ...options, out: into, k, strictK: false, spherical: false, labels: 5 },
        { reporter, stdin: process.stdin },
      );
      return reporter.notes.join("\n");
    };
    assert.doesNotMatch(await cluster(5, out), /used again/);
    assert.match(await cluster(7, out), /vectors are used again/);
    const anew = join(folder, "clusters-anew");
    await cluster(7, anew);
    for (const name of ["clusters.arrow", "centroids.arrow", "embeddings.arrow"]) {
      assert.ok(readFileSync(join(out, name)).equals(readFileSync(join(anew, name))), name);
    }
  });
});

describe("vectors are embedded again", () => {
  /** Finishes a run, spoils it and runs again. */
  async function after(name: string, spoil: (out: string) => void, change: Parameters<typeof dedupOptions>[2] = {}) {
    const copy = writeJsonl(join(folder, `${name}.jsonl`), TEXTS);
    const out = join(folder, name);
    await run(dedupOptions([copy], out));
    spoil(out);
    return run(dedupOptions([copy], out, change));
  }

  it("where a row was added to the input", async () => {
    const { reused, counts } = await after("added", () =>
      appendFileSync(join(folder, "added.jsonl"), '{"text":"x y z"}\n'),
    );
    assert.deepEqual([reused, counts.read], [0, 301]);
  });

  it("where the input has the same size but other texts", async () => {
    const { reused } = await after("altered", () => {
      const path = join(folder, "altered.jsonl");
      writeFileSync(path, readFileSync(path, "utf8").replaceAll("password", "passphra"));
    });
    assert.equal(reused, 0);
  });

  it("where the texts come from another field or are cut at another length", async () => {
    assert.equal((await after("length", () => {}, { maxLength: 16 })).reused, 0);
    assert.equal((await after("field", () => {}, { textFields: ["text", "note"] })).reused, 0);
  });

  it("with --fresh", async () => {
    assert.equal((await after("fresh", () => {}, { fresh: true })).reused, 0);
  });

  it("where embeddings.arrow is gone, cut short or changed in a byte", async () => {
    const store = (out: string) => join(out, "embeddings.arrow");
    const broken: [string, (out: string) => void][] = [
      ["gone", (out) => rmSync(store(out))],
      ["cut", (out) => truncateSync(store(out), statSync(store(out)).size - 8)],
      [
        "flipped",
        (out) => {
          const bytes = readFileSync(store(out));
          bytes[bytes.length >> 1] ^= 1;
          writeFileSync(store(out), bytes);
        },
      ],
    ];
    for (const [name, spoil] of broken) {
      const { reused, counts } = await after(name, spoil);
      assert.equal(reused, 0, name);
      assert.ok(counts.kept > 0);
    }
  });

  it("where the manifest is of an older version or damaged", async () => {
    const edit = (change: (manifest: { vectors?: unknown }) => void) => (out: string) => {
      const path = join(out, "manifest.json");
      const manifest = JSON.parse(readFileSync(path, "utf8")) as { vectors?: unknown };
      change(manifest);
      writeFileSync(path, JSON.stringify(manifest));
    };
    const older = edit((manifest) => delete manifest.vectors);
    const damaged = edit((manifest) => {
      manifest.vectors = { stored: "many" };
    });
    assert.equal((await after("older", older)).reused, 0);
    assert.equal((await after("damaged", damaged)).reused, 0);
    assert.equal((await after("no-json", (out) => writeFileSync(join(out, "manifest.json"), "{"))).reused, 0);
  });
});

describe("the summary says what a higher threshold would have kept", () => {
  it("by the similarities of the removed texts, copies not counted", async () => {
    const out = join(folder, "stricter");
    const rows = [...TEXTS, ...TEXTS.slice(0, 50)];
    const path = writeJsonl(join(folder, "stricter.jsonl"), rows);
    const summary = await run(dedupOptions([path], out, { threshold: 0.9 }));
    const { tableFromIPC } = await import("apache-arrow");
    const removed = tableFromIPC(readFileSync(join(out, "removed.arrow")));
    const distinct = new Map<number, number>();
    for (const row of removed)
      if (String(row._reason) === "semantic") distinct.set(Number(row._vector), row._similarity);
    assert.ok(distinct.size > 20);
    assert.deepEqual(
      summary.stricter.map(({ threshold, more_kept }) => [threshold, more_kept]),
      [0.91, 0.92].map((higher) => [higher, [...distinct.values()].filter((similarity) => similarity < higher).length]),
    );
  });

  it("and nothing about thresholds above 1", async () => {
    const { stricter } = await run(dedupOptions([input], join(folder, "one"), { threshold: 0.99 }));
    assert.deepEqual(
      stricter.map(({ threshold }) => threshold),
      [1],
    );
    assert.deepEqual((await run(dedupOptions([input], join(folder, "one"), { threshold: 1 }))).stricter, []);
  });
});
