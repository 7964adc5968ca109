import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { closeModel } from "../../src/engine/embed/held-model.js";
import { order } from "../../src/engine/embed/order.js";
import type { EmbedFacts } from "../../src/engine/facts.js";
import type { RunFolder } from "../../src/engine/run-folder.js";
import type { FinishedTask } from "../../src/engine/stage.js";
import { runTask } from "../../src/engine/work/task.js";
import { UnavailableError, UsageError } from "../../src/errors.js";
import { readColumns, readParts, writeColumns } from "../../src/io/arrow/number-table.js";
import { vectorPriority } from "../../src/join/decisions.js";
import { type Reporter, timedReporter } from "../../src/reporter.js";
import { parseLimit } from "../../src/run/check/limit.js";
import type { DedupOptions } from "../../src/run/options.js";
import { startEmbeddingServer } from "../embed/endpoint-server.js";
import { dedup, dedupOptions, noting, silent, testFolder, writeJsonl } from "../run/folders.js";
import { embedAll, vectorsOf } from "./embed-run.js";
import { numberedRun } from "./numbered-run.js";
import { oneMachine, readStages } from "./read-stages.js";

const folder = testFolder();
let made = 0;
const place = () => join(folder, `${made++}`);
after(closeModel);

async function orderOf(
  tasks: RunFolder,
  options: DedupOptions,
  reporter: Reporter = silent,
): Promise<FinishedTask<"order">> {
  await runTask(tasks, order, 0, { options, reporter: timedReporter(reporter) });
  return tasks.get("order", 0);
}

/** The parts of priority.arrow. */
async function blocksOf(ordered: FinishedTask<"order">) {
  const blocks: { position: number[]; signature?: bigint[] }[] = [];
  const path = ordered.path("priority.arrow");
  for await (const part of readParts<{ position: Uint32Array; signature: BigUint64Array }>(path)) {
    const { position, signature } = part;
    blocks.push({ position: [...position], ...(signature === undefined ? {} : { signature: [...signature] }) });
  }
  return blocks;
}

/** Values of an order field: ties, values of many kinds, and some without an order. */
const SCORES = [3, "3", 2.5, null, undefined, "2024-05-01", "9007199254740993", "9007199254740992", -1, "no", true, 3];

/** Three files of records with copies of texts, near ones, and rejected records. */
function inputs(): string[] {
  return [0, 1, 2].map((file) => {
    const records = Array.from({ length: 30 }, (_, i) => {
      const n = (7 * i + 11 * file) % 23;
      const text =
        i % 10 === 9 ? undefined : i % 3 === 0 ? `Parcel  ${n} lost` : `parcel ${n}${n % 4 ? " lost" : "！".repeat(n)}`;
      return { text, score: SCORES[(i + 5 * file) % SCORES.length] };
    });
    return writeJsonl(`${place()}.jsonl`, records);
  });
}

describe("vectors come in the order in which one machine visits them", () => {
  for (const keep of ["first", "last", "longest", "max:score", "min:score"]) {
    it(`under --keep ${keep}`, async () => {
      const guards = { numbers: true, negation: keep === "last", names: false };
      const options = dedupOptions(inputs(), place(), { keep, guards });
      const { tasks } = await readStages(options, { shards: [1, 1, 1], buckets: 2, chunkTexts: 7 });
      const { groups, rows } = await vectorsOf(await embedAll(tasks, options));
      const ordered = await orderOf(tasks, options);
      const blocks = await blocksOf(ordered);

      const one = await oneMachine({ ...options, out: place() });
      const groupOfRow = new Map(
        Array.from({ length: one.winner.length }, (_, group) => [one.index.exact.firstRow(group), group]),
      );
      const groupOfVector = Int32Array.from(rows, (row) => groupOfRow.get(row) as number);
      const expected = await vectorPriority(one.winner, groupOfVector, one.index.order, async () => {});
      assert.ok(expected.length > 20);
      assert.deepEqual(groups, [...groupOfVector]);
      const { group } = await readColumns<{ group: Uint32Array }>(ordered.path("vectors.arrow"));
      assert.deepEqual([...group], groups);
      assert.deepEqual(
        blocks.flatMap(({ position }) => position),
        [...expected],
      );
      assert.deepEqual(
        blocks.flatMap(({ signature }) => signature),
        Array.from(expected, (position) => one.signatures?.[groupOfVector[position]]),
      );
    });
  }

  it("in blocks of the plan's size, without signatures where no guard is active", async () => {
    const shards = [
      ["a", "b"],
      ["c", "d", "e", "a"],
      ["f", "g"],
    ].map((texts) => texts.map((text) => ({ text: `title ${text}` })));
    const plan = { chunkTexts: 2, blockVectors: 3, workers: 2 };
    const { folder: tasks } = await numberedRun({ out: place(), plan, shards });
    const options = dedupOptions([], tasks.out, { threshold: 0.7 });
    await embedAll(tasks, options);
    const ordered = await orderOf(tasks, options);
    assert.deepEqual(await blocksOf(ordered), [{ position: [0, 1, 2] }, { position: [3, 4, 5] }, { position: [6] }]);
    const { model, ...facts } = ordered.facts;
    assert.equal(model.name, "builtin");
    assert.deepEqual(facts, {
      ...{ vectors: 7, blockVectors: 3, blocks: 3, rowGroups: 2, dim: 256 },
      ...{ device: "cpu", threshold: 0.7, refused: [], firstVectors: [0, 2, 4, 5, 7] },
    });
  });

  it("and are no block where no text has a direction", async () => {
    const { folder: tasks } = await numberedRun({ out: place(), plan: { chunkTexts: 2 }, shards: [[{ text: "" }]] });
    const options = dedupOptions([], tasks.out);
    await embedAll(tasks, options);
    const { facts } = await orderOf(tasks, options);
    assert.deepEqual([facts.vectors, facts.blocks, facts.dim, facts.threshold], [0, 0, 256, facts.model.threshold]);
  });
});

describe("texts that a server refuses", async () => {
  const isPoison = (text: string) => /poison/i.test(text.normalize("NFKC"));
  const server = await startEmbeddingServer({
    flavour: "vllm",
    faultOf: (input) => (input.some(isPoison) ? { status: 400, body: { message: "bad rune" } } : undefined),
  });
  after(() => server.kill());
  const { url } = server;
  const endpoint = { url, concurrency: 4, address: () => parseEndpoint(url) };

  /** What one machine and the tasks end with, and what they note of rejected rows. */
  async function bothEnds(
    flags: Parameters<typeof dedupOptions>[2],
    texts: readonly (readonly (string | undefined)[])[],
  ) {
    const files = texts.map((each) =>
      writeJsonl(
        `${place()}.jsonl`,
        each.map((text) => ({ text })),
      ),
    );
    const ends: { error?: Error; notes: string[] }[] = [];
    const given = { model: "endpoint", endpoint, ...flags };
    for (const run of [
      (reporter: Reporter) => dedup(files, place(), { ...given, context: { reporter } }),
      async (reporter: Reporter) => {
        const options = dedupOptions(files, place(), given);
        const { tasks } = await readStages(options, { shards: [1, 2], buckets: 2, chunkTexts: 3 });
        await embedAll(tasks, options, reporter);
        await orderOf(tasks, options, reporter);
      },
    ]) {
      const reporter = noting();
      const error = await run(reporter).then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      ends.push({ error, notes: reporter.notes.filter((note) => /refuses .* texts/.test(note)) });
    }
    return ends;
  }

  const TEXTS = [
    ["a", "b", "poison pill", undefined, "c"],
    ["Poison  pill", "d", "poison"],
    ["ＰＯＩＳＯＮ", "e", "f", "poison pill", "g"],
  ];

  it("are told with the first of their rows", async () => {
    const [one, tasks] = await bothEnds({}, TEXTS);
    assert.deepEqual([one.error, tasks.error], [undefined, undefined]);
    assert.match(one.notes[0], /^5 rows are rejected, because the server refuses 2 texts\. The first: line 3 of /);
    assert.deepEqual(tasks.notes, one.notes);
  });

  for (const limit of ["5", "40%"]) {
    it(`end the run beyond --max-rejects ${limit}`, async () => {
      const [one, tasks] = await bothEnds({ maxRejects: parseLimit("max-rejects", limit) }, TEXTS);
      assert.match(one.error?.message ?? "", /^6 .*records were rejected, more than --max-rejects .* line 1 of /);
      assert.deepEqual(tasks.error, one.error);
    });
  }

  it("end the run where no text is left", async () => {
    const [one, tasks] = await bothEnds({}, [[undefined, "poison"], ["poison 1"], ["poison 2"]]);
    assert.match(one.error?.message ?? "", /^the server refuses 3 of 3 texts, .* row 1: /);
    assert.deepEqual(tasks.error, one.error);
  });
});

describe("what embed tasks tell together", () => {
  /** Embed tasks that tell these facts, of one vector each. */
  async function orderAfter(facts: readonly Partial<EmbedFacts>[], count = 1000) {
    const records = Array.from({ length: count }, (_, i) => ({ text: `${i}` }));
    const plan = { chunkTexts: Math.ceil(count / facts.length) };
    const { folder: tasks } = await numberedRun({ out: place(), plan, shards: [records] });
    const model = { name: "m", fingerprint: "f", dtype: "fp32", threshold: 0.9 };
    const kind = { device: "cpu", processor: "", probe: "" };
    for (const [task, each] of facts.entries()) {
      const attempt = await tasks.begin("embed", task);
      await writeColumns(attempt.path("groups.arrow"), { group: Uint32Array.of(task) });
      await attempt.finish({ vectors: 1, dim: 4, refused: [], model, kind, ...each } as unknown as EmbedFacts);
    }
    const reporter = noting();
    await orderOf(tasks, dedupOptions([], tasks.out), reporter);
    return reporter.notes;
  }
  const refusals = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ row: first + i, error: "no" }));

  it("may be too many refused texts, though no task has too many", async () => {
    await assert.rejects(
      orderAfter([{ refused: refusals(500, 60) }, { refused: refusals(0, 60) }]),
      (error: Error) =>
        error instanceof UnavailableError && /refuses 120 texts.*first are row 0: no; row 1/.test(error.message),
    );
    await assert.rejects(orderAfter([{ refused: refusals(0, 11) }, {}]), /refuses 11 of 1000 texts/);
  });

  it("must be of one model, while another kind of processor is only told", async () => {
    const model = { name: "m", fingerprint: "f", dtype: "fp16", threshold: 0.9 } as never;
    await assert.rejects(orderAfter([{}, { model }], 4), UsageError);
    const kinds = ["x", "x", "y"].map((probe) => ({
      kind: { device: "cpu", processor: `cpu ${probe}`, probe } as const,
    }));
    assert.deepEqual(await orderAfter(kinds, 6), [
      "task 2 embedded on another kind of processor (cpu y) than task 0 (cpu x): its vectors may differ in their last bits",
    ]);
  });
});
