import { join } from "node:path";
import { below, type Random } from "../../src/random.js";
import type { DedupFlags } from "../../src/run/flags/dedup.js";
import { writeFile } from "./corpus-files.js";

/** A record of a corpus. A field that is undefined is absent. */
export interface CorpusRow {
  readonly text?: string | number | null;
  readonly rank?: number | null;
  readonly embedding?: readonly number[];
  readonly kind?: string | null;
}

/** Files with random rows, and flags for a run over them. */
export interface Corpus {
  readonly inputs: readonly string[];
  readonly flags: DedupFlags;
}

const BASES = [
  "how do I reset the password of my account",
  "请问如何重置我的登录密码，急急急",
  "the parcel of order 12 has not arrived yet",
  "快递显示已签收但是我没有收到包裹",
  "no refund is given after 30 days, says Anna Smith",
  "退款三天没有到账怎么办",
  "",
  "🙂",
  "!",
  "e",
  "a lone surrogate \ud83d in a text",
  "a line\u2028separator and a \u0000 in it",
];

/** Changes of a text: to an equal one, to one equal after normalisation, or to a near one. */
const CHANGES: readonly ((text: string, random: Random) => string)[] = [
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => `  ${text.replaceAll(" ", "  ")} `,
  (text) => `${text}x`,
  (text) => text.replace("12", "13").replace("三天", "四天").replace("30", "31").replace("Smith", "Miller"),
  (text) => text.replace("not ", "").replace("没有", "已"),
  (text) => [...text].slice(1).join(""),
  (text) => `${text}。`,
  // Drift: every copy of a copy is a little further away.
  (text, random) => `${text} ${"abcdefgh"[below(random, 8)]}${below(random, 30)}`,
];

const chosen = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)];

const KEEPS = ["first", "last", "longest", "shortest", "max:rank", "min:rank"];

/** Makes a corpus of one to four files in a folder that exists. */
export function randomCorpus(folder: string, random: Random): Corpus {
  const given = random() < 0.35;
  const files = 1 + below(random, 4);
  const rows: CorpusRow[] = [];
  const inputs: string[] = [];
  for (let file = 0; file < files; file++) {
    const count = random() < 0.1 ? 0 : 1 + below(random, 24);
    const start = rows.length;
    for (let i = 0; i < count; i++) rows.push(given ? vectorRow(rows, random) : textRow(rows, random));
    inputs.push(writeFile(join(folder, `part-${file}`), rows.slice(start), random));
  }
  const guards = ["numbers", "negation", "names"].filter(() => random() < 0.3);
  // verify reads the Arrow tables.
  const formats = ["arrow", ...["parquet", "jsonl"].filter(() => random() < 0.5)];
  return {
    inputs,
    flags: {
      ...(given ? { vectorField: "embedding", threshold: chosen(random, [0.8, 0.9, 0.97]) } : {}),
      ...(given || random() < 0.3 ? {} : { threshold: chosen(random, [0.5, 0.7, 0.85, 0.95, 1]) }),
      keep: chosen(random, KEEPS),
      ...(guards.length > 0 ? { guard: guards } : {}),
      format: formats,
      ...(random() < 0.2 ? { sourceField: "from" } : {}),
      ...(random() < 0.15 ? { maxRemoved: chosen(random, ["5%", "30%", 3]) } : {}),
      ...(random() < 0.15 ? { maxRejects: chosen(random, ["1%", "20%", 1]) } : {}),
      ...(given ? {} : { model: "builtin" }),
      threads: 1,
      memory: "512MB",
      cache: "none",
    },
  };
}

/** A row that repeats or changes an earlier text, or has a new one, or none that can be used. */
function textRow(rows: readonly CorpusRow[], random: Random): CorpusRow {
  const rank = random() < 0.2 ? null : below(random, 4);
  const kind = chosen(random, ["a", "b", "c", "dd", null]);
  if (random() < 0.06) return { text: chosen(random, [null, 7, undefined]), rank, kind };
  const earlier = rows.length > 0 && random() < 0.6 ? chosen(random, rows).text : undefined;
  const text = typeof earlier === "string" ? earlier : chosen(random, BASES);
  return { text: chosen(random, CHANGES)(text, random), rank, kind };
}

/** A row with a vector of its own: at random, a step away from an earlier one, the same, or none that has a direction. */
function vectorRow(rows: readonly CorpusRow[], random: Random): CorpusRow {
  const dim = 4;
  const free = () => Array.from({ length: dim }, () => Math.fround(random() - 0.5));
  const { rank, kind } = textRow([], random);
  const earlier = rows.length > 0 && random() < 0.7 ? chosen(random, rows) : undefined;
  // Most rows have a text of their own, and equal texts share the first vector.
  const text = random() < 0.2 ? undefined : random() < 0.2 ? chosen(random, BASES) : `text ${rows.length}`;
  if (random() < 0.05) return { text, rank, kind, embedding: Array.from({ length: dim }, () => 0) };
  if (random() < 0.05) return { text, rank, kind };
  const step = chosen(random, [0, 0.05, 0.2]);
  const embedding = earlier?.embedding?.map((x) => Math.fround(x + step * (random() - 0.5))) ?? free();
  return { text, rank, kind, embedding };
}
