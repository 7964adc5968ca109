import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type ClusterOptions, type ClusterSummary, cluster, InputError, UsageError } from "../../src/index.js";
import { normals } from "../cluster/oracle.js";
import { dedup, numbers, outputBytes, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();
const DIM = 12;

/** Words of a topic, so that it has key terms. */
const WORDS = [
  "parcel delivery",
  "refund invoice",
  "password login",
  "battery charger",
  "holiday booking",
  "tax office",
];

/** `n` records of a topic: its words, and a vector near to the topic's axis. */
function topic(axis: number, n: number, seed: number) {
  const normal = normals(100 * axis + seed);
  return Array.from({ length: n }, (_, i) => ({
    text: `${WORDS[axis]} ${seed}-${i}`,
    v: Array.from({ length: DIM }, (_, at) => (at === axis ? 1 : 0) + 0.15 * normal()),
  }));
}

let made = 0;
/** Clusters records, written to a file of their own, into a folder of their own. */
async function night(records: readonly unknown[], options: Partial<ClusterOptions> = {}) {
  const out = join(folder, `night-${++made}`);
  const inputs = writeJsonl(`${out}.jsonl`, records);
  const summary = await cluster({ inputs, out, vectorField: "v", ...options });
  return { out, summary };
}

const manifestOf = (out: string) => JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
const idsOfRows = (out: string) => numbers(readTable(out, "clusters.arrow"), "cluster");
const idsOf = (out: string) => numbers(readTable(out, "centroids.arrow"), "cluster");
const labelsOf = (out: string) =>
  new Map(
    values(readTable(out, "centroids.arrow"), "label").map((label, i) => [
      idsOf(out)[i],
      [...(label as Iterable<string>)].join(" "),
    ]),
  );
const drift = ({ summary }: { summary: ClusterSummary }) => {
  assert.ok(summary.drift);
  return summary.drift;
};

const week = [0, 1, 2, 3].flatMap((axis) => topic(axis, 60 + 10 * axis, 1));
const first = await night(week, { k: 4 });

describe("bge-cluster --like", () => {
  it("gives the same inputs the same clusters in every byte, for any threads and memory", async () => {
    const { "clusters.arrow": clusters, "centroids.arrow": centroids } = outputBytes(first.out);
    for (const options of [
      { threads: 1, memory: "64MB" },
      { threads: 3, memory: "1GB", seed: 9 },
    ]) {
      const again = await night(week, { like: first.out, ...options });
      const bytes = outputBytes(again.out);
      assert.ok(bytes["clusters.arrow"].equals(clusters));
      assert.ok(bytes["centroids.arrow"].equals(centroids));
      const { jensen_shannon, moved_share, moved_centroids, new_clusters, vanished_clusters } = drift(again);
      assert.deepEqual([jensen_shannon, moved_share, moved_centroids], [0, 0, 0]);
      assert.deepEqual([new_clusters, vanished_clusters], [[], []]);
    }
    // Even where k-means was stopped long before it came to rest.
    const early = await night(week, { k: 30, iterations: 1 });
    const repeated = await night(week, { like: early.out });
    assert.deepEqual(idsOfRows(repeated.out), idsOfRows(early.out));
  });

  it("keeps ids and key terms where new rows come, wherever they stand, whatever the seed", async () => {
    const fresh = [0, 1, 2, 3].flatMap((axis) => topic(axis, 4, 2));
    const next = await night([...fresh, ...week], { like: first.out, seed: 5 });
    assert.deepEqual(idsOfRows(next.out).slice(fresh.length), idsOfRows(first.out));
    assert.deepEqual(labelsOf(next.out), labelsOf(first.out));
    assert.equal(drift(next).like, first.out);
    assert.equal(manifestOf(next.out).options.k, 4);
    assert.deepEqual(
      drift(next).clusters.map(({ before }) => before),
      numbers(readTable(first.out, "centroids.arrow"), "size").map((size) => size / week.length),
    );
    assert.deepEqual(manifestOf(next.out).drift, drift(next));
  });

  it("finds a topic that was injected: far rows, which are named, and a share that rises", async () => {
    const foreign = topic(7, 20, 1).map((record) => ({ ...record, text: `foreign ${record.text}` }));
    const usual = drift(await night([...week, ...topic(0, 20, 3)], { like: first.out }));
    const injected = await night([...week, ...foreign], { like: first.out });
    const found = drift(injected);
    assert.ok(usual.far_share < 0.03, `${usual.far_share}`);
    assert.ok(found.far_rows >= 20 && found.far_share > 0.06, `${found.far_share}`);
    assert.equal(found.farthest.length, 10);
    for (const { row, text } of found.farthest) {
      assert.ok(row >= week.length, `row ${row} is foreign`);
      assert.equal(text, foreign[row - week.length].text);
    }
    assert.match(injected.summary.warnings.join(), /7\.\d % of the rows are far from every centroid of .*1 % is usual/);
  });

  it("names clusters that vanish and that are new, and never gives an id a second meaning", async () => {
    const [a, b, c] = [0, 1, 2].map((axis) => topic(axis, 80, 4));
    const before = await night([...a, ...b, ...c], { k: 3 });
    const idOf = ({ out }: { out: string }, row: number) => idsOfRows(out)[row];
    const gone = idOf(before, 160);
    const replaced = await night([...a, ...b, ...topic(5, 80, 4)], { like: before.out });
    assert.deepEqual(drift(replaced).vanished_clusters, [gone]);
    assert.deepEqual(drift(replaced).new_clusters, [3]);
    assert.equal(new Set(idsOfRows(replaced.out).slice(160)).size, 1);
    assert.equal(idOf(replaced, 160), 3);
    assert.deepEqual(idsOfRows(replaced.out).slice(0, 160), idsOfRows(before.out).slice(0, 160));
    assert.match(labelsOf(replaced.out).get(3) ?? "", /tax/);
    assert.deepEqual(
      idsOf(replaced.out),
      [0, 1, 2, 3].filter((id) => id !== gone),
    );
    const entry = drift(replaced).clusters.find(({ cluster: id }) => id === gone);
    assert.deepEqual(entry, { cluster: gone, before: 1 / 3, now: 0, shift: null });
    // The topic of the old id comes back and is a new cluster: nobody remembers it.
    const back = await night([...a, ...b, ...c], { like: replaced.out });
    assert.deepEqual(drift(back).new_clusters, [4]);
    assert.equal(manifestOf(back.out).next_cluster, 5);
  });

  it("makes as many clusters as --k says, and those that are the same keep their ids", async () => {
    const more = await night([...week, ...topic(8, 50, 1), ...topic(9, 50, 1)], { like: first.out, k: 6 });
    assert.deepEqual(idsOf(more.out), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(idsOfRows(more.out).slice(0, week.length), idsOfRows(first.out));
    const fewer = await night(week, { like: first.out, k: 2 });
    assert.equal(idsOf(fewer.out).length, 2);
    assert.equal(drift(fewer).vanished_clusters.length + drift(fewer).new_clusters.length >= 2, true);
    const auto = await night(week, { like: first.out, k: "auto" });
    assert.deepEqual(idsOfRows(auto.out), idsOfRows(first.out));
    assert.equal(auto.summary.chosen_k?.k, 4);
  });

  it("makes fewer clusters of fewer distinct texts, down to a single row", async () => {
    const one = await night(week.slice(0, 1), { like: first.out });
    assert.deepEqual(idsOf(one.out), [idsOfRows(first.out)[0]]);
    assert.deepEqual(idsOfRows(one.out), [idsOfRows(first.out)[0]]);
    await assert.rejects(night(week.slice(0, 2), { like: first.out, strictK: true }), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /the 4 clusters of --like are more than there are texts to tell apart: 2 in 2 rows/);
      return true;
    });
  });

  it("reads a folder of a version that recorded no more than rows and centroids", async () => {
    const old = join(folder, "old");
    cpSync(first.out, old, { recursive: true });
    const { next_cluster: _, far_distance: __, ...manifest } = manifestOf(first.out);
    writeFileSync(join(old, "manifest.json"), JSON.stringify(manifest));
    const records = [...week, ...topic(1, 9, 7)];
    const [now, then] = [await night(records, { like: first.out }), await night(records, { like: old })];
    assert.deepEqual({ ...drift(then), like: "" }, { ...drift(now), like: "" });
    assert.equal(manifestOf(then.out).next_cluster, 4);
  });

  it("goes on from the output folder itself, with raw rows too", async () => {
    const inputs = writeJsonl(join(folder, "raw.jsonl"), week);
    const out = join(folder, "raw");
    await cluster({ inputs, out, vectorField: "v", k: 4 });
    const before = outputBytes(out);
    await cluster({ inputs, out, vectorField: "v", like: out });
    assert.deepEqual(outputBytes(out), before);
    assert.equal(manifestOf(out).drift.like, out);
  });

  it("clusters a folder of bge-dedup anew from its own clusters, in place", async () => {
    const out = join(folder, "in-place");
    await dedup([writeJsonl(`${out}.jsonl`, week)], out, { vectorField: "v", threshold: 0.999 });
    await cluster({ inputs: out, k: 4 });
    const before = outputBytes(out);
    const summary = await cluster({ inputs: out, like: out });
    assert.deepEqual(outputBytes(out), before);
    assert.deepEqual(manifestOf(out).cluster.drift, summary.drift);
    assert.equal((await verify(out)).ok, true);
    const elsewhere = await cluster({ inputs: out, like: out, assign: true, out: join(folder, "elsewhere") });
    assert.equal(elsewhere.drift?.moved_share, 0);
  });
});

describe("bge-cluster --like --assign", () => {
  it("puts every row into its nearest cluster and moves nothing, an empty cluster neither", async () => {
    const records = [...topic(0, 30, 6), ...topic(1, 30, 6), ...topic(9, 30, 6)];
    const assigned = await night(records, { like: first.out, assign: true });
    const [before, now] = [readTable(first.out, "centroids.arrow"), readTable(assigned.out, "centroids.arrow")];
    for (const name of ["cluster", "label", "centroid"]) {
      assert.equal(JSON.stringify(values(now, name)), JSON.stringify(values(before, name)), name);
    }
    const centroids = values(before, "centroid").map((centroid) => [...(centroid as Iterable<number>)]);
    const store = values(readTable(assigned.out, "embeddings.arrow"), "embedding");
    const table = readTable(assigned.out, "clusters.arrow");
    const [found, distances] = [numbers(table, "cluster"), values(table, "distance")];
    for (const [row, vector] of store.entries()) {
      const x = [...(vector as Iterable<number>)];
      const to = centroids.map((centroid) => Math.sqrt(centroid.reduce((sum, c, i) => sum + (c - x[i]) ** 2, 0)));
      const nearest = to.indexOf(Math.min(...to));
      assert.equal(found[row], idsOf(first.out)[nearest]);
      assert.ok(Math.abs((distances[row] as number) - to[nearest]) < 1e-6);
    }
    const sizes = numbers(now, "size");
    assert.deepEqual(
      sizes,
      idsOf(first.out).map((id) => found.filter((other) => other === id).length),
    );
    // Topics 2 and 3 have no rows, unless a row of topic 9 came there.
    const medoids = values(now, "medoid_row");
    const shown = values(now, "representatives").map((rows) => [...(rows as Iterable<bigint>)]);
    for (const [i, size] of sizes.entries()) {
      assert.equal(medoids[i] === null, size === 0);
      assert.equal(shown[i].length > 0, size > 0);
    }
    const { far_share, moved_share, new_clusters } = drift(assigned);
    assert.ok(far_share > 0.3);
    assert.deepEqual([moved_share, new_clusters], [0, []]);
    assert.equal(assigned.summary.iterations, 0);
    assert.equal(manifestOf(assigned.out).far_distance, manifestOf(first.out).far_distance);
  });

  it("keeps an empty cluster with its id, and calls it vanished", async () => {
    const assigned = await night(topic(0, 30, 8), { like: first.out, assign: true });
    const sizes = numbers(readTable(assigned.out, "centroids.arrow"), "size");
    assert.deepEqual([...sizes].sort(), [0, 0, 0, 30]);
    assert.equal(drift(assigned).vanished_clusters.length, 3);
    // The night after, everything is as it was: assigning never forgets.
    const after = await night(week, { like: assigned.out, assign: true });
    assert.deepEqual(idsOfRows(after.out), idsOfRows(first.out));
    assert.deepEqual(labelsOf(after.out), labelsOf(first.out));
  });
});

describe("--like refuses, with the cure and the code", () => {
  const refused = async (
    options: Partial<ClusterOptions>,
    kind: typeof InputError | typeof UsageError,
    message: RegExp,
    records: readonly unknown[] = week.slice(0, 20),
  ) =>
    assert.rejects(night(records, options), (error: Error) => {
      assert.ok(error instanceof kind, error.stack);
      assert.match(error.message, message);
      return true;
    });
  const damaged = (name: string, damage: (out: string) => void) => {
    const out = join(folder, name);
    cpSync(first.out, out, { recursive: true });
    damage(out);
    return out;
  };

  it("options that contradict each other", async () => {
    await refused({ assign: true }, UsageError, /--assign needs --like/);
    await refused({ like: first.out, assign: true, k: 3 }, UsageError, /as they are; leave out --k/);
    await refused({ like: first.out, assign: true, strictK: true }, UsageError, /leave out --strict-k/);
    await refused({ like: first.out, starts: 3 }, UsageError, /--like is the only start; leave out --starts 3/);
    await refused({ like: "" }, UsageError, /--like is empty/);
    await refused({ like: first.out, spherical: true }, UsageError, /made without --spherical.* leave out --spherical/);
  });

  it("a folder without clusters, or with damaged ones", async () => {
    await refused({ like: join(folder, "nothing") }, InputError, /holds no clusters, there is no such folder/);
    const out = join(folder, "only-dedup");
    await dedup([writeJsonl(`${out}.jsonl`, week)], out, { vectorField: "v", threshold: 0.999 });
    await refused({ like: out }, InputError, /holds no clusters; expected a folder that bge-cluster wrote/);
    const without = damaged("without", (path) => rmSync(join(path, "centroids.arrow")));
    await refused({ like: without }, InputError, /centroids.arrow is listed in the manifest but is missing/);
    const flipped = damaged("flipped", (path) => {
      const bytes = readFileSync(join(path, "centroids.arrow"));
      bytes[bytes.length >> 1] ^= 255;
      writeFileSync(join(path, "centroids.arrow"), bytes);
    });
    await refused({ like: flipped }, InputError, /is damaged: centroids.arrow has sha256/);
    const cut = damaged("cut", (path) => {
      const { outputs: _, ...manifest } = manifestOf(path);
      writeFileSync(join(path, "manifest.json"), JSON.stringify(manifest));
      writeFileSync(join(path, "centroids.arrow"), readFileSync(join(path, "centroids.arrow")).subarray(0, 700));
    });
    await refused({ like: cut }, InputError, /centroids.arrow/);
    const text = damaged("text", (path) => writeFileSync(join(path, "manifest.json"), "{"));
    await refused({ like: text }, InputError, /manifest.json is damaged/);
  });

  it("vectors of another model or dimension, naming both", async () => {
    await refused(
      { like: first.out, vectorField: undefined },
      UsageError,
      /its clusters are of column v \(12 dimensions, fp32.*the vectors of this run of builtin \(.*fp32/,
    );
    const longer = week.slice(0, 9).map(({ text, v }) => ({ text, v: [...v, 0] }));
    await refused({ like: first.out }, UsageError, /column v \(12 dim.* of column v \(13 dim/, longer);
  });

  it("goes on with centroids of unit length where the former ones are, without a word of it", async () => {
    const round = await night(week, { k: 4, spherical: true });
    const next = await night([...week, ...topic(0, 5, 11)], { like: round.out });
    assert.equal(manifestOf(next.out).options.spherical, true);
    await refused(
      { like: round.out, spherical: false },
      UsageError,
      /made with --spherical.* leave out --no-spherical/,
    );
  });
});
