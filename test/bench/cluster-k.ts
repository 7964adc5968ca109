import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chooseK } from "../../src/cluster/choose-k.js";
import { kmeans } from "../../src/cluster/kmeans.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { openVectorStore, type VectorStore } from "../../src/vectors/store.js";
import { openTable } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * What `--k auto` chooses beside other criteria, on texts with known classes: agreement of the clusters with the classes
 * at the k of each criterion (AMI and ARI, corrected for chance) beside the best of all k, and the time of the search
 * beside that of one run at the chosen k. Silhouette and the other peers are scikit-learn's, over the same clusters.
 *
 *   node dist/test/bench/cluster-k.js --data data-folder --python python-with-sklearn [--only banking,titles]
 */
const { values: flags } = parseArgs({
  options: {
    data: { type: "string" },
    python: { type: "string", default: "python3" },
    only: { type: "string" },
    threads: { type: "string", default: String(cpus().length) },
  },
});
if (flags.data === undefined) throw new Error("--data is missing; expected the folder of the evaluation data");
const data = flags.data;
const threads = Number(flags.threads);

const recorded = await openTable({
  id: "cluster-k",
  title: "The number of clusters by several criteria: k, and AMI with the classes",
  columns: [
    { key: "corpus", title: "corpus" },
    { key: "vectors", title: "vectors" },
    { key: "criterion", title: "criterion" },
    { key: "k", title: "k" },
    { key: "ami", title: "AMI", digits: 3 },
    { key: "ari", title: "ARI", digits: 3 },
    { key: "search", title: "search", unit: "processor s", digits: 1 },
    { key: "once", title: "one run", unit: "processor s", digits: 1 },
  ],
});

/** A text and its class; null where no class is known. */
interface Row {
  readonly text: string;
  readonly class: string | null;
}

const linesOf = (path: string) => readFileSync(join(data, path), "utf8").trimEnd().split("\n");

function questions(intents = Number.POSITIVE_INFINITY): Row[] {
  const rows = linesOf("en-banking77/train.csv")
    .slice(1)
    .map((line) => {
      const at = line.lastIndexOf(",");
      return { text: line.slice(0, at).replace(/^"|"$/g, ""), class: line.slice(at + 1).trim() };
    });
  // The classes are spread over the alphabet, where neighbours are alike.
  const names = [...new Set(rows.map((row) => row.class))].sort();
  const step = Math.max(1, Math.floor(names.length / intents));
  const chosen = new Set(names.filter((_, i) => i % step === 0).slice(0, intents));
  return rows.filter((row) => chosen.has(row.class));
}

const tabbed = (path: string): Row[] =>
  linesOf(path).map((line) => ({
    text: line.slice(0, line.lastIndexOf("\t")),
    class: line.slice(line.lastIndexOf("\t") + 1),
  }));

const news = (): Row[] =>
  linesOf("en-minhash-articles/articles_2500.train").map((line) => ({
    text: line.slice(line.indexOf(" ") + 1),
    class: null,
  }));

const potion = ["-m", join(data, "models/potion-en")];
const corpora: Readonly<Record<string, { rows?: () => Row[]; args: string[] }>> = {
  "banking, 5 intents, potion": { rows: () => questions(5), args: potion },
  "banking, 10 intents, potion": { rows: () => questions(10), args: potion },
  "banking, 20 intents, potion": { rows: () => questions(20), args: potion },
  "banking, 77 intents, potion": { rows: () => questions(), args: potion },
  "banking, 77 intents, builtin": { rows: () => questions(), args: [] },
  "titles, 15 classes, e5": { args: [join(data, "zh-tnews-e5/titles.parquet"), "--vector-field", "embedding"] },
  "titles, 15 classes, builtin": { rows: () => tabbed("zh-tnews/train.tsv"), args: [] },
  "reviews, 2 classes, builtin": { rows: () => tabbed("zh-chnsenticorp/train.tsv"), args: [] },
  "articles, potion": { rows: news, args: potion },
  "articles, builtin": { rows: news, args: [] },
};

const bin = fileURLToPath(new URL("../../../bin/bge-cluster.js", import.meta.url));
const peer = fileURLToPath(new URL("../../../test/bench/peers/cluster_k.py", import.meta.url));

/** What the peer tells of one criterion. */
interface Chosen {
  readonly criterion: string;
  readonly k: number;
  readonly ami: number | null;
  readonly ari: number | null;
}

/** Embeds the rows by bge-cluster itself and returns the folder. */
function embed({ rows, args }: (typeof corpora)[string], folder: string): string {
  const out = join(folder, "out");
  const input = join(folder, "rows.jsonl");
  if (rows)
    writeFileSync(
      input,
      rows()
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(""),
    );
  const child = spawnSync(
    process.execPath,
    [bin, ...(rows ? [input] : []), ...args, "-o", out, "--k", "1", "--iterations", "1", "-q"],
    { encoding: "utf8" },
  );
  if (child.status !== 0) throw new Error(child.stderr);
  return out;
}

/** The result of a piece of work, and its seconds of processor time over all threads. */
const seconds = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const began = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(began);
  return [result, (user + system) / 1e6];
};

/** The clusters of a sample for every k of a grid, twice from different seeds. */
async function clusterings(vectors: VectorStore, sample: Uint32Array) {
  const engine = createOrtEngine({ threads });
  const found: { k: number; inertia: number; clusters: number[]; again: number[] }[] = [];
  for (let half = 0; half <= 18; half++) {
    const k = Math.round(2 ** (half / 2));
    if (found.at(-1)?.k === k || k > sample.length / 4) continue;
    const options = { vectors, positions: sample, k, iterations: 10, engine };
    const { inertia, assignment } = await kmeans(options);
    const { assignment: again } = await kmeans({ ...options, seed: 1 });
    found.push({ k, inertia, clusters: [...assignment], again: [...again] });
  }
  return found;
}

async function measure(name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cluster-k-"));
  try {
    const out = embed(corpora[name], folder);
    const vectors = await openVectorStore(join(out, "embeddings.arrow"));
    const positions = Uint32Array.from({ length: vectors.count }, (_, i) => i);
    const engine = createOrtEngine({ threads });
    const memory = 2 ** 30;
    const [ours, search] = await seconds(() => chooseK({ vectors, positions, seed: 0, engine, memory }));
    const [, once] = await seconds(() => kmeans({ vectors, positions, k: ours.k, engine, memory }));
    const stride = Math.max(1, positions.length / 6000);
    const sample = Uint32Array.from({ length: Math.floor(positions.length / stride) }, (_, i) =>
      Math.floor(i * stride),
    );
    const rows = new Float32Array(sample.length * vectors.dim);
    await vectors.gather(sample, rows);
    writeFileSync(join(folder, "sample.f32"), new Uint8Array(rows.buffer));
    const { k, candidates } = ours;
    const chosen = await kmeans({ vectors, positions: sample, k: Math.min(k, sample.length), iterations: 10, engine });
    writeFileSync(
      join(folder, "clusters.json"),
      JSON.stringify({
        dim: vectors.dim,
        sample: [...sample],
        found: await clusterings(vectors, sample),
        ours: { k, clusters: [...chosen.assignment] },
      }),
    );
    await vectors.close();
    const child = spawnSync(flags.python, [peer, folder], { encoding: "utf8", maxBuffer: 2 ** 26 });
    if (child.status !== 0) throw new Error(child.stderr);
    const table = JSON.parse(child.stdout) as Chosen[];
    console.log(
      `\n${name}: ${vectors.count} x ${vectors.dim}, effective dimension ${ours.effective_dimension.toFixed(0)}`,
    );
    console.log(
      `search ${search.toFixed(1)} CPU s over ${ours.sample} vectors, ${candidates.length} candidates; one run at k = ${k}: ${once.toFixed(1)} s`,
    );
    console.log(candidates.map(({ k, gain }) => `${k}: ${gain.toFixed(3)}`).join(", "));
    const digits = (value: number | null) => (value === null ? "" : value.toFixed(3));
    console.log("| criterion | k | AMI | ARI |\n|---|---|---|---|");
    for (const { criterion, k, ami, ari } of table) {
      console.log(`| ${criterion} | ${k} | ${digits(ami)} | ${digits(ari)} |`);
      const times = criterion === "--k auto" ? { search, once } : { search: null, once: null };
      const shape = shapeOf(vectors.count, vectors.dim);
      const key = `${name} ${criterion}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
      recorded.add(key, { corpus: name, vectors: shape, criterion, k, ami, ari, ...times });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

console.log(`${threads} threads`);
const only = flags.only?.split(";");
for (const name of Object.keys(corpora))
  if (only === undefined || only.some((part) => name.includes(part))) await measure(name);
recorded.write();
