import { availableParallelism } from "node:os";
import type { Options } from "yargs";
import { EXECUTORS } from "../engine/executor.js";
import { PHASES } from "../engine/stage.js";
import { FORMATS, GUARDS } from "../run/flags/dedup.js";
import { LAYOUTS } from "../run/flags/export.js";
import { GROUP_ORDERS } from "../run/flags/groups.js";
import { DEVICES, DTYPES, FORMATS_OF_INPUT, LONG } from "../run/flags/shared.js";
import { TEXT_FIELD } from "../run/options.js";

/** Flags that both commands have. Help, parsing and defaults come from this one table. */
export const sharedFlags = {
  "text-field": {
    alias: "t",
    type: "string",
    array: true,
    default: [TEXT_FIELD],
    describe: "column or path of the text, as messages[].content; repeat to join several with a newline",
  },
  "input-format": {
    type: "string",
    choices: FORMATS_OF_INPUT,
    default: "auto",
    describe: "format of the inputs, where their content does not tell, as of a pipe with CSV of one column",
  },
  delimiter: { type: "string", describe: "delimiter of CSV (found by the header)" },
  "source-field": { type: "string", describe: "add a column of this name with the path of each row's input" },
  "id-field": { type: "string", describe: "column that identifies a row to a person; carried as is, never needed" },
  "vector-field": {
    type: "string",
    describe: "use the vectors of this list column of numbers instead of embedding; text is then optional",
  },
  out: { alias: "o", type: "string", default: "bge-out", describe: "output folder" },
  model: {
    alias: "m",
    type: "string",
    describe:
      "builtin, a name that bge-dedup models lists (bge-large-zh-v1.5, ...), owner/name of a hub, or a model folder " +
      "(default: builtin; environment BGE_MODEL)",
  },
  device: {
    type: "string",
    choices: DEVICES,
    default: "auto",
    describe: "where the model runs",
  },
  dtype: {
    type: "string",
    choices: DTYPES,
    default: "auto",
    describe: "which ONNX file of the model is used",
  },
  "max-length": { type: "string", describe: "tokens of the longest text (the model's limit); see --long" },
  long: {
    type: "string",
    choices: LONG,
    default: "truncate",
    describe: "longer texts are cut, or embedded in windows whose vectors are averaged by their tokens",
  },
  "batch-tokens": { type: "string", describe: "padded tokens per batch (chosen per device)" },
  endpoint: {
    type: "string",
    describe: "embed by an OpenAI-compatible server instead, as http://host:30000/v1 (key: environment BGE_API_KEY)",
  },
  "endpoint-model": { type: "string", describe: "which of the server's models (the only one)" },
  concurrency: { type: "string", describe: "requests to the server at once (16)" },
  memory: {
    type: "string",
    default: "4GB",
    describe: "ceiling of resident memory; the program and its model need some 300MB of it",
  },
  threads: { type: "string", default: String(availableParallelism()), describe: "threads for the numeric work" },
  seed: { type: "string", default: "0", describe: "seed of everything random" },
  fresh: { type: "boolean", default: false, describe: "start over instead of continuing an interrupted run" },
  "max-rejects": { type: "string", describe: "count or share of bad records beyond which nothing is published" },
  cache: {
    type: "string",
    describe:
      "remember vectors between runs: auto (the user's cache folder, for all but builtin), none, a folder, or " +
      "redis://HOST:PORT/DB (default: auto; environment BGE_CACHE)",
  },
  json: { type: "boolean", default: false, describe: "print the summary as one JSON object on standard output" },
  quiet: { alias: "q", type: "boolean", default: false, describe: "print nothing but errors and what --json asks for" },
  progress: {
    type: "string",
    choices: ["auto", "bar", "log", "none"],
    default: "auto",
    describe: "progress on standard error: bars on a terminal, else log lines",
  },
  "log-format": {
    type: "string",
    choices: ["text", "json"],
    default: "text",
    describe: "log lines for people or one JSON object each; json implies --progress log, and errors are lines as well",
  },
} as const satisfies Record<string, Options>;

/** Flags by which a scheduled job tells Prometheus about its runs. */
export const metricsFlags = {
  metrics: {
    type: "string",
    describe:
      "tell how the run ended in this file, NAME.prom, for the node exporter's textfile collector; commands may share it",
  },
  push: {
    type: "string",
    describe:
      "tell it a Pushgateway at this URL, also with labels as /metrics/job/NAME (credentials: environment BGE_PUSH_TOKEN, or " +
      "BGE_PUSH_USER and BGE_PUSH_PASSWORD)",
  },
} as const satisfies Record<string, Options>;

/** Flags of bge-dedup alone. */
export const dedupFlags = {
  threshold: { type: "string", describe: "cosine in (0, 1] from which texts are near-duplicates (per model)" },
  keep: {
    type: "string",
    default: "first",
    describe: "which of several near-duplicates stays: first last longest shortest max:FIELD min:FIELD",
  },
  guard: {
    type: "string",
    array: true,
    choices: GUARDS,
    default: ["none"],
    describe: "never merge texts whose numbers, negations or names differ; repeatable",
  },
  format: {
    type: "string",
    array: true,
    choices: FORMATS,
    default: ["arrow"],
    describe: "format of kept and removed; repeatable",
  },
  "max-removed": { type: "string", describe: "count or share of removed rows beyond which nothing is published" },
  against: {
    type: "string",
    array: true,
    describe: "folders of earlier runs, or globs of them, whose rows count as kept before all of these; repeatable",
  },
  "dry-run": { type: "boolean", default: false, describe: "read, count, sample and estimate; write nothing" },
} as const satisfies Record<string, Options>;

/** Flags of a run that several processes work on. */
export const engineFlags = {
  executor: {
    type: "string",
    choices: EXECUTORS,
    describe:
      "let several processes do the run, here (local) or on the machines of an engine that share the output folder; the " +
      "engine's own flags follow behind --",
  },
  workers: { type: "string", describe: "with --executor: processes that work at once (4)" },
} as const satisfies Record<string, Options>;

const {
  threads: { default: _threads, ...threads },
  memory: { default: _memory, ...memory },
} = sharedFlags;

/** Threads and memory of whoever does tasks: without a default, since where they are not given those of the plan hold. */
export const taskFlags = { threads, memory } as const satisfies Record<string, Options>;

/** Flags of `work` alone. */
export const workFlags = {
  phase: { type: "string", choices: PHASES, describe: "do only tasks of this phase, once those before are done (all)" },
  attached: { type: "boolean", default: false, hidden: true, describe: "end when standard input ends" },
} as const satisfies Record<string, Options>;

/** Flags of calibrate by a person's labels. */
export const labelFlags = {
  pairs: { type: "string", describe: "file of judged pairs with text_a, text_b and label (1: the same, 0: different)" },
  precision: { type: "string", describe: "with --pairs: wanted share of merged pairs that are the same (0.99)" },
  ask: { type: "string", describe: "show you up to so many near pairs of the input, to judge by single keys" },
  answers: { type: "string", describe: "with --ask: file that keeps your answers (labels.jsonl)" },
} as const satisfies Record<string, Options>;

/** Flags of calibrate alone. */
export const calibrateFlags = {
  sample: { type: "string", default: "1000", describe: "texts that are damaged and whose neighbours are looked for" },
} as const satisfies Record<string, Options>;

/** Flags of bge-cluster alone. */
export const clusterFlags = {
  k: {
    type: "string",
    describe: "number of clusters (50, or as many as --like has); auto: found on a sample, the summary says why",
  },
  "strict-k": { type: "boolean", default: false, describe: "fail where there are fewer distinct texts than clusters" },
  iterations: { type: "string", default: "50", describe: "most iterations of Lloyd's algorithm" },
  tolerance: { type: "string", default: "1e-4", describe: "relative shift of the centroids at which it ends" },
  starts: { type: "string", default: "1", describe: "runs from different seeds, of which the tightest clusters win" },
  spherical: { type: "boolean", describe: "centroids of unit length: cluster by cosine alone" },
  labels: { type: "string", default: "5", describe: "key terms for each cluster" },
  like: {
    type: "string",
    describe: "folder of earlier clusters to go on from: the same ones keep ids and key terms, and drift is reported",
  },
  assign: {
    type: "boolean",
    default: false,
    describe: "with --like: put the rows into those clusters as they are, without fitting",
  },
} as const satisfies Record<string, Options>;

/** Flags of bge-dedup explain and groups alone. */
export const explainFlags = {
  nearest: { type: "string", default: "5", describe: "kept rows nearest to a kept row to show; 0 spares the search" },
  top: { type: "string", default: "10", describe: "groups to show" },
  sort: {
    type: "string",
    choices: GROUP_ORDERS,
    default: "size",
    describe: "largest groups first, or those with the least similar removed row",
  },
} as const satisfies Record<string, Options>;

/** Flags of `export` alone. */
export const exportFlags = {
  to: {
    type: "string",
    demandOption: true,
    describe: "Parquet file to write, or milvus://HOST:PORT/COLLECTION (milvus+tls:// encrypts)",
  },
  layout: {
    type: "string",
    choices: LAYOUTS,
    default: "plain",
    describe:
      "what a Parquet file holds: every row with its vector (plain) or its place on a map (embedding-atlas), or the kept " +
      "rows for an import (pinecone)",
  },
  "id-field": {
    type: "string",
    describe:
      "milvus and pinecone: field of the ids; _row: the numbers of the rows (the --id-field of the run, else _row)",
  },
  "id-prefix": { type: "string", describe: "milvus and pinecone: text before each id, as 2026-11-27:" },
  column: {
    type: "string",
    array: true,
    describe: "milvus and pinecone: column of the input to take along; repeatable (all)",
  },
  "delete-removed": {
    type: "boolean",
    default: false,
    describe: "milvus: delete rows from the collection that the run removed",
  },
} as const satisfies Record<string, Options>;

/** Flags of `cache prune` alone. */
export const cacheFlags = {
  max: { type: "string", demandOption: true, describe: "size that the cache may keep, as 10GB; 0 removes all" },
} as const satisfies Record<string, Options>;
