/** How large the tables of `npm run bench` are. */
export type Size = "quick" | "usual" | "full";

/** One call of a script at one size. */
export interface Call {
  readonly flags: string;
  /** How long it takes on two cores without VNNI, peers included: for planning, not a promise. */
  readonly seconds: number;
  /** Needs the evaluation data beside the checkout, of which no part is shipped. */
  readonly data?: true;
}

export interface Benchmark {
  /** Name of the script. */
  readonly name: string;
  readonly what: string;
  /** Takes `--python`, to run beside peers or, where "needed", for what it measures by. */
  readonly python?: "peers" | "needed";
  readonly calls: Readonly<Record<Size, readonly Call[]>>;
}

const call = (flags: string, seconds: number): Call => ({ flags, seconds });
const withData = (flags: string, seconds: number): Call => ({ flags, seconds, data: true });
/** The same call at each size, or none at "quick". */
const always = (one: Call) => ({ quick: [one], usual: [one], full: [one] });
const notQuick = (one: Call) => ({ quick: [], usual: [one], full: [one] });
const onlyFull = (...calls: Call[]) => ({ quick: [], usual: [], full: calls });

const ALL_PEERS = "--peers flat,hnsw,ivf,usearch";

/** The scripts that run without a folder or a model of one's own, in the order of the page. */
export const BENCHMARKS: readonly Benchmark[] = [
  {
    name: "join",
    what: "the exact self-join beside FAISS and usearch",
    python: "peers",
    calls: {
      quick: [
        withData("--geometry neural --rows 8000 --threshold 0.95", 10),
        call("--geometry bge --rows 8000 --threshold 0.9", 15),
        call("--geometry templated --rows 8000 --threshold 0.85", 10),
      ],
      usual: [
        withData(`--geometry neural --rows 24000 --threshold 0.95 ${ALL_PEERS}`, 90),
        withData("--geometry neural --rows 24000 --threshold 0.93", 40),
        withData("--geometry neural --rows 24000 --threshold 0.97", 40),
        withData("--geometry titles --rows 20000 --threshold 0.85", 20),
        call("--geometry templated --rows 20000 --threshold 0.85", 20),
        call(`--geometry bge --rows 20000 --threshold 0.9 ${ALL_PEERS}`, 60),
        call("--geometry bge --rows 20000 --dim 384 --threshold 0.9", 20),
        call("--geometry isotropic --rows 20000 --threshold 0.9", 30),
      ],
      full: [
        withData(`--geometry neural --rows 24000 --threshold 0.95 ${ALL_PEERS}`, 90),
        withData("--geometry neural --rows 24000 --threshold 0.93", 40),
        withData("--geometry neural --rows 24000 --threshold 0.97", 40),
        withData("--geometry neural-resampled --rows 100000 --threshold 0.95", 180),
        withData("--geometry titles --rows 60000 --threshold 0.85", 60),
        call("--geometry templated --rows 60000 --threshold 0.85", 90),
        call("--geometry bge --rows 100000 --threshold 0.9", 150),
        call("--geometry bge --rows 100000 --threshold 0.9 --threads 1", 180),
        call("--geometry isotropic --rows 100000 --threshold 0.9", 150),
        call(`--geometry bge --rows 20000 --threshold 0.9 ${ALL_PEERS}`, 60),
        call("--geometry bge --rows 20000 --dim 384 --threshold 0.9", 20),
      ],
    },
  },
  {
    name: "join-bounds",
    what: "what the bounds of the join can do on real vectors, and where their limit lies",
    calls: always(withData("--geometry neural --thresholds 0.93,0.95,0.97", 60)),
  },
  {
    name: "join-scale",
    what: "how the join grows with the rows, and a million vectors from disk",
    calls: {
      quick: [call("--geometry bge --rows 4000,8000 --threshold 0.9 --runs 1", 10)],
      usual: [
        withData("--geometry neural-resampled --rows 10000,20000,40000,80000", 180),
        call("--geometry bge --rows 10000,20000,40000,80000 --threshold 0.9", 60),
      ],
      full: [
        withData("--geometry neural-resampled --rows 10000,20000,40000,80000,160000", 700),
        call("--geometry bge --rows 10000,20000,40000,80000,160000 --threshold 0.9", 150),
        call("--geometry bge --rows 1000000 --threshold 0.9 --memory 1 --runs 1", 900),
      ],
    },
  },
  {
    name: "kmeans",
    what: "k-means beside FAISS and scikit-learn",
    python: "peers",
    calls: {
      quick: [call("--rows 10000 --dim 256 --k 20 --iterations 10", 20)],
      usual: [call("--rows 20000 --k 50", 60), call("--rows 50000 --dim 256 --k 50", 60)],
      full: [
        call("--rows 100000 --k 50", 180),
        call("--rows 100000 --k 10", 120),
        call("--rows 100000 --k 1000 --iterations 10", 300),
        call("--rows 50000 --dim 256 --k 50", 60),
      ],
    },
  },
  {
    name: "run",
    what: "whole runs from JSONL to kept.arrow by the builtin model",
    python: "peers",
    calls: {
      quick: [call("--rows 5000 --runs 1", 5)],
      usual: [call("--rows 50000", 25)],
      full: [
        call("--rows 50000", 25),
        withData("--rows 50000 --model ../shared/data/models/tencent-zh", 90),
        call("--rows 1000000 --runs 1", 1500),
      ],
    },
  },
  {
    name: "startup",
    what: "what the commands cost before there is work",
    calls: { quick: [call("--runs 3", 15)], usual: [call("--runs 11", 45)], full: [call("--runs 21", 90)] },
  },
  {
    name: "references",
    what: "new vectors against those of references on disk, beside FAISS",
    python: "peers",
    calls: {
      quick: [call("--references 10000 --rows 1000 --queries 200", 15)],
      usual: [call("--references 100000 --rows 10000 --queries 500", 60)],
      full: [call("--references 1000000 --rows 10000 --queries 500", 600)],
    },
  },
  {
    name: "assign",
    what: "bge-cluster --assign beside plain reading, scikit-learn and FAISS",
    python: "peers",
    calls: {
      quick: [call("--rows 20000 --runs 1", 15)],
      usual: [call("--rows 100000", 40)],
      full: [call("--rows 1000000", 240)],
    },
  },
  { name: "cache", what: "look-ups of the cache of vectors, in a folder and in Redis", calls: notQuick(call("", 90)) },
  { name: "builtin-quality", what: "what the builtin model finds", calls: notQuick(withData("", 240)) },
  { name: "names", what: "what the guard names tells apart", calls: always(withData("", 30)) },
  { name: "calibrate", what: "the suggested threshold", calls: onlyFull(withData("", 900)) },
  { name: "ask", what: "questions until a threshold", calls: onlyFull(withData("20", 900)) },
  {
    name: "cluster-k",
    what: "the number of clusters beside other criteria",
    python: "needed",
    calls: onlyFull(withData("--data ../shared/data", 900)),
  },
  {
    name: "engine-join",
    what: "what cutting the join into tasks costs",
    calls: {
      quick: [call("--rows 5000 --blocks 2048 --groups 2", 20)],
      usual: [call("--rows 20000 --groups 1,4", 60)],
      full: [call("--rows 50000 --blocks 4096,8192,16384 --groups 4", 240)],
    },
  },
  {
    name: "workers",
    what: "whole runs by worker processes",
    calls: {
      quick: [call("--rows 5000 --dim 256 --files 2 --ways one:1,local:2", 20)],
      usual: [call("--rows 20000 --ways one:1,one:2,local:1,local:2", 60)],
      full: [call("--rows 100000 --ways one:1,one:2,local:1,local:2,local:4", 240)],
    },
  },
  {
    name: "cluster-workers",
    what: "k-means by worker processes",
    calls: {
      quick: [call("--rows 5000 --dim 256 --k 10 --iterations 5 --workers 1,2 --runs 1", 20)],
      usual: [call("--rows 20000 --workers 1,2", 60)],
      full: [call("--rows 100000 --workers 1,2,4", 300)],
    },
  },
];

/** Scripts that need a folder, a file or a model of one's own: run them by themselves, with the flags that their heads name. */
export const BY_HAND: Readonly<Record<string, string>> = {
  embed: "embedding beside the bare session and transformers.js (a model folder)",
  "embed-memory": "peak memory of a session over many texts (a model folder)",
  like: "clusters that stay (JSONL with text and label)",
  labels: "key terms beside c-TF-IDF (folders of bge-cluster)",
  "dry-run": "what --dry-run says beside what the run takes (an input)",
};
