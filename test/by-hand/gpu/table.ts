import type { Machine } from "../../bench/table/machine.js";
import type { Card } from "./nvidia-smi.js";

/** What came of one step. */
export interface StepResult {
  readonly name: string;
  readonly seconds: number;
  /** Why it failed, where it did. */
  readonly error?: string;
  /** The JSON lines that it printed. */
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

/** All that is known of a machine. */
export interface Results {
  readonly card: Card;
  /** What the card is in. */
  readonly machine: Machine;
  /** Versions of bge-dedup, Node and onnxruntime. */
  readonly versions: Readonly<Record<string, string>>;
  /** True for a trial of the script, whose figures mean nothing. */
  readonly tiny: boolean;
  readonly steps: readonly StepResult[];
}

/** A table: the beginnings of its steps' names, and the fields of a result that become columns, with their titles. */
interface Layout {
  /** Name among the results of the benchmarks. */
  readonly id: string;
  readonly steps: readonly string[];
  readonly heading: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** All tables but those of the machine and of the steps. */
export const TABLES: readonly Layout[] = [
  {
    id: "gpu-embed",
    steps: ["speed", "batch", "window"],
    heading: "Embedding, shape of bge-large with random weights",
    columns: {
      label: "note",
      device: "device",
      dtype: "dtype",
      length: "tokens a text",
      tokens_per_second: "tokens/s",
      session_busy_percent: "session busy %",
      gpu_busy_percent: "GPU busy %",
      tokenizers_busy_percent: "tokenizers busy %",
      padding_percent: "padding %",
      batch_tokens: "batch",
      window_chars: "window",
      watts: "W",
      gpu_memory_mib: "GPU MiB",
    },
  },
  {
    id: "gpu-golden",
    steps: ["golden"],
    heading: "Vectors of the tiny models beside those of transformers",
    columns: {
      label: "note",
      device: "device",
      model: "model",
      dtype: "dtype",
      pooling: "pooling",
      largest_difference: "largest difference",
      lowest_cosine: "lowest cosine",
      within: "within the tests' bounds",
    },
  },
  {
    id: "gpu-probe",
    steps: ["probe"],
    heading: "Products of codes, as --device auto probes them",
    columns: {
      device: "device",
      depth: "depth",
      pair_ns: "ns a pair",
      gigapairs_per_second: "G pairs/s",
      seconds: "s of the probe",
      threads: "threads",
    },
  },
  {
    id: "gpu-join",
    steps: ["join", "scale"],
    heading: "Exact self-join at 0.9, BGE-like vectors",
    columns: {
      rows: "rows",
      dim: "dimensions",
      device: "device",
      seconds: "s",
      gigapairs_per_second: "G pairs/s",
      removed: "removed",
      measured: "measured",
      decisions: "digest of the decisions",
      gpu_busy_percent: "GPU busy %",
      peak_mib: "peak MiB",
      threads: "threads",
    },
  },
  {
    id: "gpu-whole",
    steps: ["whole"],
    heading: "Whole run from JSONL to Arrow",
    columns: {
      device: "device",
      dtype: "dtype",
      read: "rows",
      kept: "kept",
      tokens: "tokens",
      seconds: "s",
      stages: "stages",
      tokens_per_second: "tokens/s",
      session_busy_percent: "session busy %",
      gpu_busy_percent: "GPU busy %",
      peak_mib: "peak MiB",
    },
  },
  {
    id: "gpu-memory",
    steps: ["memory"],
    heading: "Memory that does not suffice",
    columns: {
      device: "device",
      dtype: "dtype",
      left_gib: "GiB left",
      halvings: "halvings",
      kept: "kept",
      same: "as with small batches",
      seconds: "s",
    },
  },
];

/** A value as a cell. */
function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return value.toLocaleString("en-US", { useGrouping: value >= 10_000 });
  const text = typeof value === "string" ? value : Array.isArray(value) ? value.join("; ") : JSON.stringify(value);
  return text.replaceAll("|", "\\|").replace(/\s+/g, " ").replaceAll('"', "");
}

const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;

/** A table with its heading. Columns that no result has a value for are left out. */
function table(heading: string, columns: readonly [string, string][], results: StepResult["results"]): string {
  const used = columns.filter(([field]) => results.some((result) => cell(result[field]) !== ""));
  const lines = results
    .map((result) => used.map(([field]) => cell(result[field])))
    .filter((cells) => cells.some((text) => text !== ""));
  if (lines.length === 0) return "";
  return `\n## ${heading}\n\n${[used.map(([, title]) => title), used.map(() => "---"), ...lines].map(row).join("")}`;
}

/** The results as Markdown, the card named. Rows of one join with unlike digests are called out: they break a guarantee. */
export function toMarkdown({ card, tiny, steps }: Pick<Results, "card" | "tiny" | "steps">): string {
  let text =
    card.name === "none"
      ? "# bge-dedup without a GPU: nvidia-smi finds none\n"
      : `# bge-dedup on ${card.name}\n\nDriver ${card.driver}, CUDA ${card.cuda}, ${card.memory}.\n`;
  if (tiny) text += "\nA trial with tiny sizes: the figures mean nothing.\n";
  const [doctor] = steps.filter(({ name }) => name === "doctor").flatMap(({ results }) => results);
  text += table(
    "Machine",
    [
      ["key", ""],
      ["value", ""],
    ],
    Object.entries(doctor ?? {}).map(([key, value]) => ({ key, value })),
  );
  for (const { steps: beginnings, heading, columns } of TABLES) {
    const chosen = steps.filter(({ name }) => beginnings.some((beginning) => name.startsWith(beginning)));
    text += table(
      heading,
      Object.entries(columns),
      chosen.flatMap(({ results }) => results),
    );
  }
  const digests = new Map<unknown, Set<unknown>>();
  for (const { rows, decisions } of steps.flatMap(({ results }) => results)) {
    if (decisions !== undefined) digests.set(rows, (digests.get(rows) ?? new Set()).add(decisions));
  }
  for (const [rows, { size }] of digests) {
    if (size > 1) text += `\n**The joins of ${rows} rows do not decide alike.**\n`;
  }
  const ends = steps.map(({ name, seconds, error = "done" }) => ({ name, seconds, error }));
  return (
    text +
    table(
      "Steps",
      [
        ["name", "step"],
        ["seconds", "s"],
        ["error", "came to"],
      ],
      ends,
    )
  );
}
