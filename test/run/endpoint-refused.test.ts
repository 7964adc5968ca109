import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, it } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { parseLimit } from "../../src/run/check/limit.js";
import { runCluster } from "../../src/run/cluster.js";
import { estimate } from "../../src/run/dry-run.js";
import type { DedupSummary } from "../../src/run/summary.js";
import { type EmbeddingServer, type Fault, startEmbeddingServer } from "../embed/endpoint-server.js";
import {
  dedup,
  dedupOptions,
  noting,
  numbers,
  outputBytes,
  readTable,
  silent,
  testFolder,
  values,
  verify,
  writeJsonl,
} from "./folders.js";

/** Runs through a server that cannot embed some texts: these rows are rejects, and all others fare as without them. */

const folder = testFolder();
const servers: EmbeddingServer[] = [];
after(() => Promise.all(servers.map((server) => server.kill().catch(() => {}))));

const REFUSAL: Fault = { status: 400, body: { message: "bad rune" } };
const ERROR = "the server does not embed the text: status 400 bad rune";

const isPoison = (text: string) => /poison/i.test(text.normalize("NFKC"));

async function serve(fault: Fault = REFUSAL, dim = 16): Promise<EmbeddingServer> {
  const faultOf = (input: readonly string[]) => (input.some(isPoison) ? fault : undefined);
  const server = await startEmbeddingServer({ flavour: "vllm", dim, faultOf });
  servers.push(server);
  return server;
}

function through(server: EmbeddingServer) {
  const { url } = server;
  return { model: "endpoint", endpoint: { url, concurrency: 4, address: () => parseEndpoint(url) } };
}

interface Row {
  readonly text: string;
  readonly id: number;
}

/** Rows with copies and near copies, and poison at the places that `poison` gives. */
function rowsWith(poison: Readonly<Record<number, string>>, count = 60): Row[] {
  return Array.from({ length: count }, (_, id) => ({ text: poison[id] ?? `Title ${id % 40}`, id }));
}

function rejectsOf(out: string): { source: string; line: number; error: string; raw: string }[] {
  const path = join(out, "rejects.jsonl");
  return existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
}

/**
 * Asserts that a run over `rows` did with the harmless rows what a run over these alone does, and that it rejected the
 * others as they were received.
 */
async function assertAsWithout(options: {
  server: EmbeddingServer;
  rows: readonly Row[];
  out: string;
  summary: DedupSummary;
  flags?: Parameters<typeof dedupOptions>[2];
}): Promise<void> {
  const { server, rows, out, summary, flags } = options;
  const harmless = rows.filter(({ text }) => !isPoison(text));
  const alone = `${out}-alone`;
  const expected = await dedup([writeJsonl(`${alone}.jsonl`, harmless)], alone, { ...through(server), ...flags });
  for (const name of ["kept.arrow", "removed.arrow"]) {
    const table = readTable(out, name);
    const other = readTable(alone, name);
    assert.deepEqual(values(table, "id"), values(other, "id"));
    const original = (row: number) => (row < 0 ? -1 : harmless[row].id);
    assert.deepEqual(numbers(table, "_row"), numbers(other, "_row").map(original));
    for (const column of ["_vector", "_similarity", "_reason", "_group_size"]) {
      if (other.getChild(column) !== null) assert.deepEqual(values(table, column), values(other, column), column);
    }
  }
  assert.deepEqual(
    readTable(out, "embeddings.arrow").getChild("embedding")?.toJSON().map(String),
    readTable(alone, "embeddings.arrow").getChild("embedding")?.toJSON().map(String),
  );
  const { kept, removed, undirected, truncated } = expected.counts;
  const lost = rows.length - harmless.length;
  assert.deepEqual(summary.counts, { ...expected.counts, read: rows.length, rejected: lost });
  assert.equal(kept + removed + lost, rows.length);
  assert.equal(undirected + truncated, 0);
  const report = await verify(out);
  assert.ok(report.ok, report.violation);
  assert.equal(report.checked.rejected, lost);
}

describe("texts that the server refuses", () => {
  const places: Readonly<Record<string, Readonly<Record<number, string>>>> = {
    "in the first row": { 0: "poison" },
    "in the last row": { 59: "poison" },
    "several of them": { 3: "poison 1", 4: "poison 2", 30: "poison 3" },
    "with copies and copies by normalisation": {
      2: "Poison  pill",
      9: "poison pill",
      33: "Poison  pill",
      58: "ＰＯＩＳＯＮ pill",
    },
  };
  for (const [name, poison] of Object.entries(places)) {
    it(`${name}: all their rows are rejects, the rest is as without them`, async () => {
      const server = await serve();
      const rows = rowsWith(poison);
      const out = join(folder, name);
      const input = writeJsonl(`${out}.jsonl`, rows);
      const flags = { threshold: 0.9 };
      const summary = await dedup([input], out, { ...through(server), ...flags });
      await assertAsWithout({ server, rows, out, summary, flags });
      assert.deepEqual(
        rejectsOf(out),
        Object.entries(poison).map(([row, text]) => ({
          source: input,
          line: Number(row) + 1,
          error: ERROR,
          raw: JSON.stringify({ text, id: Number(row) }),
        })),
      );
    });
  }

  it("under every policy and guard, with status 500 and with vectors of NaN", async () => {
    const rows = rowsWith({ 1: "poison 7", 41: "poison 8", 50: "poison 7" });
    const input = writeJsonl(join(folder, "policies.jsonl"), rows);
    const nan = (payload: { data: { embedding: unknown }[] }) =>
      JSON.stringify({ ...payload, data: payload.data.map((entry) => ({ ...entry, embedding: ["NaN"] })) });
    const runs: readonly (readonly [Fault, Parameters<typeof dedupOptions>[2]])[] = [
      [REFUSAL, { keep: "last" }],
      [REFUSAL, { keep: "longest", guards: { numbers: true, negation: true, names: false } }],
      [REFUSAL, { keep: "max:id", guards: { numbers: true, negation: false, names: false } }],
      [{ status: 500, body: "CUDA error" }, {}],
      [{ change: nan }, {}],
    ];
    for (const [i, [fault, flags]] of runs.entries()) {
      const server = await serve(fault);
      const out = join(folder, `policy-${i}`);
      const summary = await dedup([input], out, { ...through(server), threshold: 0.2, ...flags });
      await assertAsWithout({ server, rows, out, summary, flags: { threshold: 0.2, ...flags } });
    }
  });

  it("of Arrow and Parquet files are rejects as their JSON, and each file has its own lines", async () => {
    const server = await serve();
    const first = rowsWith({ 5: "poison" });
    const second = rowsWith({ 0: "poison", 59: "poison 2" });
    const [a, b] = [first, second].map((rows, i) => writeJsonl(join(folder, `columns-${i}.jsonl`), rows));
    const columns = join(folder, "columns");
    const formats = ["arrow", "parquet"] as const;
    for (const [i, path] of [a, b].entries()) {
      // Every row is kept, in its order, without poison at a local model.
      await dedup([path], `${columns}-${i}`, {
        threshold: 1,
        guards: { numbers: true, negation: true, names: false },
        formats,
      });
    }
    const tables = [`${columns}-0/kept.arrow`, `${columns}-1/kept.parquet`];
    const out = join(folder, "of-columns");
    const { counts } = await dedup(tables, out, through(server));
    assert.equal(counts.rejected, 3);
    assert.equal(counts.kept + counts.removed + counts.rejected, counts.read);
    const rejects = rejectsOf(out);
    const lines = tables.map((path) => rejects.filter(({ source }) => source === path));
    for (const [i, rows] of [first, second].entries()) {
      assert.deepEqual(
        lines[i].map(({ raw }) => JSON.parse(raw).id),
        rows.flatMap(({ text, id }) => (isPoison(text) ? [id] : [])),
      );
      assert.deepEqual([...new Set(lines[i].map(({ error }) => error))], [ERROR]);
    }
    const report = await verify(out);
    assert.ok(report.ok, report.violation);
  });

  it("stand behind the rejects of reading, and --max-rejects counts both", async () => {
    const server = await serve();
    const input = join(folder, "mixed.jsonl");
    writeJsonl(input, [{ text: "a" }, { text: "poison" }, {}, { text: "b" }, { text: "poison" }]);
    const notes = noting();
    const out = join(folder, "mixed");
    await dedup([input], out, {
      ...through(server),
      maxRejects: parseLimit("max-rejects", "3"),
      context: { reporter: notes },
    });
    assert.deepEqual(
      rejectsOf(out).map(({ line }) => line),
      [3, 2, 5],
    );
    assert.ok(
      notes.notes.includes(
        `2 rows are rejected, because the server refuses 1 texts. The first: line 2 of ${input}: ${ERROR}`,
      ),
      notes.notes.join("\n"),
    );
    for (const limit of ["2", "50%"]) {
      await assert.rejects(
        dedup([input], join(folder, `mixed-${limit}`), {
          ...through(server),
          maxRejects: parseLimit("max-rejects", limit),
        }),
        { exitCode: 4, message: /^3 (of 5 )?records were rejected, more than --max-rejects.*line 2 of .*bad rune/ },
      );
    }
  });

  it("leave no row of theirs in the clusters, and a dry run tells of them", async () => {
    const server = await serve();
    const rows = rowsWith({ 7: "poison", 50: "poison" });
    const input = writeJsonl(join(folder, "clusters.jsonl"), rows);
    const out = join(folder, "clusters");
    const shared = dedupOptions([input], out, through(server));
    const options = {
      ...shared,
      k: 3,
      strictK: false,
      iterations: 5,
      tolerance: 0,
      starts: 1,
      spherical: false,
      labels: 2,
    };
    const { counts } = await runCluster(options, { reporter: silent, stdin: Readable.from([]) });
    assert.deepEqual([counts.clustered, counts.rejected, counts.undirected], [58, 2, 0]);
    assert.deepEqual(
      numbers(readTable(out, "clusters.arrow"), "id"),
      rows.flatMap(({ text, id }) => (isPoison(text) ? [] : [id])),
    );
    assert.equal(rejectsOf(out).length, 2);
    const notes = noting();
    await estimate(shared, { reporter: notes, stdin: Readable.from([]) });
    assert.ok(
      notes.notes.includes(`texts of the sample that would be rejected: 1. The first is row 7: ${ERROR}`),
      notes.notes.join("\n"),
    );
  });
});

describe("too many texts that the server refuses", () => {
  it("more than ten and more than a hundredth, more than a hundred, or all: exit 5 naming the first rows", async () => {
    const server = await serve();
    const ends: readonly (readonly [poison: number, rows: number, told: string | undefined])[] = [
      [1, 8, undefined],
      [10, 60, undefined],
      [11, 60, "11 of 60"],
      [3, 3, "3 of 3"],
      [100, 10_000, undefined],
      [101, 20_000, "\\d+"],
    ];
    for (const [i, [poison, count, told]] of ends.entries()) {
      const rows = Array.from({ length: count }, (_, id) => ({ text: id < poison ? `poison ${id}` : `title ${id}` }));
      const input = writeJsonl(join(folder, `many-${i}.jsonl`), rows);
      const out = join(folder, `many-${i}`);
      const run = dedup([input], out, { ...through(server), threshold: 1 });
      if (told === undefined) {
        assert.equal((await run).counts.rejected, poison);
        continue;
      }
      await assert.rejects(run, (error: Error & { exitCode?: number }) => {
        assert.equal(error.exitCode, 5);
        assert.match(error.message, new RegExp(`^the server refuses ${told} texts, more than 1 % or 100, so nothing`));
        assert.ok(error.message.includes(`The first are row 0: ${ERROR}; row 1: ${ERROR}; row 2: ${ERROR}. `));
        assert.match(error.message, /then run with --fresh/);
        return true;
      });
      assert.ok(!existsSync(join(out, "kept.arrow")));
    }
  });
});

describe("a run that was interrupted", () => {
  /** So long that a record batch of the store, the unit in which progress is kept, holds 256 vectors. */
  const DIM = 4096;
  const rows = Array.from({ length: 7000 }, (_, id) => ({
    text: [100, 6500].includes(id % 6900) ? "poison" : `t ${id}`,
    id,
  }));

  it("remembers the refused texts, sends them to no server again and ends with the same bytes", async () => {
    const input = writeJsonl(join(folder, "long.jsonl"), rows);
    const whole = join(folder, "whole");
    const flags = { threshold: 1 };
    const { counts } = await dedup([input], whole, { ...through(await serve(REFUSAL, DIM)), ...flags });
    assert.equal(counts.rejected, 2);

    const out = join(folder, "stopped");
    const controller = new AbortController();
    const first = await startEmbeddingServer({
      flavour: "vllm",
      dim: DIM,
      faultOf(input) {
        // The fourth window is sent once the first is stored.
        if (input.includes("t 6300")) controller.abort(new Error("stopped"));
        return input.some(isPoison) ? REFUSAL : undefined;
      },
    });
    servers.push(first);
    const stopped = dedup([input], out, { ...through(first), ...flags, context: { signal: controller.signal } });
    await assert.rejects(stopped, /stopped/);
    const state = JSON.parse(readFileSync(join(out, ".work", "state.json"), "utf8"));
    assert.deepEqual(state.refused, [{ row: 100, error: ERROR }]);

    const second = await serve(REFUSAL, DIM);
    const summary = await dedup([input], out, { ...through(second), ...flags });
    assert.ok(summary.resumed > 0);
    assert.deepEqual(summary.counts, counts);
    assert.ok(!second.received.some(({ input }) => input.some(isPoison)), "row 100 is not sent again");
    assert.deepEqual(outputBytes(out), outputBytes(whole));
  });

  it("after everything was embedded has the same rejects without asking the server", async () => {
    const rows = rowsWith({ 5: "poison", 45: "poison" });
    const input = writeJsonl(join(folder, "complete.jsonl"), rows);
    const whole = join(folder, "complete-whole");
    await dedup([input], whole, through(await serve()));
    const out = join(folder, "complete");
    const braked = dedup([input], out, { ...through(await serve()), maxRejects: parseLimit("max-rejects", "1") });
    await assert.rejects(braked, { exitCode: 4 });
    const server = await serve();
    const summary = await dedup([input], out, through(server));
    assert.ok(summary.resumed > 0);
    assert.equal(server.received.length, 2, "only the two requests that discover the model");
    assert.deepEqual(outputBytes(out), outputBytes(whole));
  });
});
