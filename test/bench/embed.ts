import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { groupByLength, paddedLength } from "../../src/embed/local/batching.js";
import { EXACT_BYTE_PRODUCTS } from "../../src/embed/local/load-session.js";
import { sessionCount } from "../../src/embed/local/session-count.js";
import { windowChars } from "../../src/embed/local/window-size.js";
import { readModelFolder } from "../../src/models/folder.js";
import { loadEncoder } from "../../src/models/load-encoder.js";
import type { Dtype, ModelSpec } from "../../src/models/spec.js";
import { orderedMap } from "../../src/run/embed/ordered-map.js";
import { startEmbedder } from "../../src/workers/embedders.js";
import { reviews, tnewsTitles } from "./corpora.js";
import { openTable } from "./table/record.js";

/**
 * Embedding speed beside the bare session and beside transformers.js, over the same texts, model and threads.
 *
 *     python test/make/bert-shapes.py MODELS TOKENIZER small
 *     npm i --prefix PEER @huggingface/transformers
 *     node dist/test/bench/embed.js MODELS/bge-small-shape fp32 ../shared/data reviews 300 2 PEER
 *
 * The contenders take turns, and each is judged by its fastest of three rounds; what the processor spent is printed too,
 * since it says more where others use the machine. Bare: the same number of tokens in rows of their mean length, in full
 * batches of the size that is best of three, nothing but session.run on the model as it was exported, in int8 with exact
 * products as ours.
 */
const ROUNDS = 3;

const [folder, dtype, data, corpus, count, threadCount, peer] = process.argv.slice(2);
if (threadCount === undefined) throw new Error("expected: MODEL fp32|int8 DATA reviews|titles ROWS THREADS [PEER]");
const threads = Number(threadCount);
const model = await readModelFolder({ name: folder, folder, dtype: dtype as Dtype });
const texts = (corpus === "titles" ? tnewsTitles(data) : reviews(data)).slice(0, Number(count));
const { encode } = await loadEncoder(model);
const lengths = texts.map((text) => encode(text).ids.length);
const tokens = lengths.reduce((sum, length) => sum + length, 0);
const mean = Math.round(tokens / texts.length);

const table = await openTable({
  id: "embed",
  title: "Embedding, the fastest of three rounds",
  runs: null,
  columns: [
    { key: "model", title: "model" },
    { key: "texts", title: "texts" },
    { key: "who", title: "" },
    { key: "rate", title: "tokens/s", digits: 0 },
    { key: "cpuRate", title: "tokens a second of processor", digits: 0 },
    { key: "textRate", title: "texts/s", digits: 0 },
  ],
});

interface Contender {
  readonly name: string;
  /** Tokens that `run` embeds, where they are not those of the texts: the last of full batches is full too. */
  readonly tokens?: number;
  /** Embeds all texts once. */
  readonly run: () => Promise<void>;
}

/**
 * session.run on the model as it is, at one batch size; in int8 with exact products, without which a processor without
 * VNNI is faster and its vectors are wrong.
 */
async function bare({ onnxPath = "" }: ModelSpec, batchTokens: number): Promise<Contender> {
  const exact = dtype === "int8" ? { extra: { session: EXACT_BYTE_PRODUCTS } } : {};
  const options = { intraOpNumThreads: threads, logSeverityLevel: 4, ...exact } as const;
  const session = await InferenceSession.create(onnxPath, options);
  const rows = Math.max(1, Math.floor(batchTokens / mean));
  const runs = Math.ceil(tokens / (rows * mean));
  const int64 = (value: bigint) => new Tensor("int64", new BigInt64Array(rows * mean).fill(value), [rows, mean]);
  const all: Record<string, Tensor> = { input_ids: int64(200n), attention_mask: int64(1n), token_type_ids: int64(0n) };
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]]));
  return {
    name: `bare session${dtype === "int8" ? ", exact" : ""}, ${rows} x ${mean}`,
    tokens: runs * rows * mean,
    async run() {
      for (let run = 0; run < runs; run++) await session.run(feeds, ["last_hidden_state"]);
    },
  };
}

async function ours(): Promise<Contender> {
  const sessions = sessionCount({ model, provider: "cpu", threads, memory: 4 * 2 ** 30 });
  const embedder = await startEmbedder({ model, provider: "cpu", threads, sessions, tokenizers: 1 });
  const size = windowChars(model, "cpu");
  async function* windows(): AsyncGenerator<string[]> {
    let window: string[] = [];
    let chars = 0;
    for (const text of texts) {
      window.push(text);
      chars += text.length;
      if (chars < size) continue;
      yield window;
      window = [];
      chars = 0;
    }
    if (window.length > 0) yield window;
  }
  return {
    name: "bge-dedup",
    async run() {
      for await (const _ of orderedMap(windows(), (window) => embedder.embed(window), 3));
    },
  };
}

/** transformers.js at its usual batch sizes, texts in the order of the file as its users have them. */
async function transformers(path: string): Promise<Contender[]> {
  const entry = join(resolve(path), "node_modules/@huggingface/transformers/dist/transformers.node.mjs");
  if (!existsSync(entry)) return [];
  const { pipeline, env } = await import(pathToFileURL(entry).href);
  env.allowRemoteModels = false;
  env.localModelPath = resolve(folder, "..");
  const extract = await pipeline("feature-extraction", resolve(folder).split("/").at(-1), {
    dtype: dtype === "int8" ? "q8" : "fp32",
    session_options: { intraOpNumThreads: threads, logSeverityLevel: 4 },
  });
  return [1, 8, 32].map((rows) => ({
    name: `transformers.js, batch of ${rows}`,
    async run() {
      for (let at = 0; at < texts.length; at += rows) {
        await extract(texts.slice(at, at + rows), { pooling: "cls", normalize: true });
      }
    },
  }));
}

const contenders = [...(await Promise.all([512, 1024, 4096].map((size) => bare(model, size)))), await ours()];
if (peer === undefined) console.log("transformers.js: not given, skipped");
else {
  const found = await transformers(peer);
  if (found.length === 0) console.log(`transformers.js: not found under ${peer}, skipped`);
  contenders.push(...found);
}
const offsets = Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b, 0))]);
const padded = groupByLength(offsets, (length) => paddedLength(length, model.maxTokens)).reduce(
  (sum, { members, length }) => sum + members.length * length,
  0,
);
console.log(
  `${folder} ${dtype}: ${texts.length} ${corpus}, ${tokens} tokens, ${mean} a text; padding ${(100 * (padded / tokens - 1)).toFixed(1)} %`,
);
console.log(`${threads} threads`);

const best = contenders.map(() => ({ seconds: Number.POSITIVE_INFINITY, processor: Number.POSITIVE_INFINITY }));
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, { run }] of contenders.entries()) {
    const started = performance.now();
    const usage = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(usage);
    best[i].seconds = Math.min(best[i].seconds, (performance.now() - started) / 1000);
    best[i].processor = Math.min(best[i].processor, (user + system) / 1e6);
  }
}
const shape = `${resolve(folder).split("/").at(-1)} ${dtype}`;
for (const [i, { name, tokens: embedded = tokens }] of contenders.entries()) {
  const { seconds, processor } = best[i];
  table.add(`${shape}-${corpus}-${threads}-${name}`.toLowerCase().replace(/[^a-z0-9]+/g, "-"), {
    ...{ model: `${shape}, ${threads} threads`, texts: `${texts.length} ${corpus}, ${mean} tokens a text`, who: name },
    ...{ rate: embedded / seconds, cpuRate: embedded / processor, textRate: embedded / mean / seconds },
  });
  const rate = (time: number) => Math.round(embedded / time).toLocaleString("en-US");
  console.log(
    `${name.padEnd(30)} ${rate(seconds).padStart(8)} tokens/s  ${Math.round(embedded / mean / seconds)} texts/s  ` +
      `${rate(processor).padStart(8)} tokens a second of processor`,
  );
}
table.write();
process.exit(0);
