import { mkdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { FAQ_EN } from "./faq-en.js";
import { FAQ_ZH } from "./faq-zh.js";

/** How the later row of a planted pair comes from the first. The last three are hard negatives: they must stay apart. */
export type Kind =
  | "exact"
  | "normalized"
  | "typo"
  | "insertion"
  | "swap"
  | "number-differs"
  | "negation-differs"
  | "word-differs";

/** One planted pair: 0-based rows, the original first. */
export interface Family {
  readonly kind: Kind;
  readonly rows: readonly [number, number];
}

const KINDS: Readonly<Record<string, Kind>> = {
  "=": "exact",
  "~": "normalized",
  t: "typo",
  i: "insertion",
  s: "swap",
  "#": "number-differs",
  "!": "negation-differs",
  w: "word-differs",
};

interface Row {
  readonly text: string;
  readonly answer: string;
  readonly lang: string;
  readonly tags: readonly string[];
  readonly kind: Kind | null;
  readonly original: Row | null;
  /** Rows are put in this order: relatives fall some way behind their original. */
  readonly place: number;
}

function parse(notes: string, lang: string, stretch: number): Row[] {
  const rows: Row[] = [];
  let original: Row | null = null;
  let questions = 0;
  for (const line of notes.trim().split("\n")) {
    const [text, answer, tags] = line.split("|");
    if (tags !== undefined) {
      const place = stretch * questions++;
      original = { text, answer, lang, tags: tags.split(","), kind: null, original: null, place };
      rows.push(original);
    } else if (original !== null) {
      const kind = KINDS[line[0]];
      if (kind === undefined)
        throw new Error(`unknown mark in "${line}", expected one of ${Object.keys(KINDS).join(" ")}`);
      const place = original.place + 1 + ((rows.length * 37) % 83);
      rows.push({
        ...original,
        text: kind === "exact" ? original.text : line.slice(1).trimStart(),
        kind,
        original,
        place,
      });
    }
  }
  return rows;
}

/** Both files of the fixture as text, the same on every run. */
export function makeFaq(): { readonly jsonl: string; readonly truth: string } {
  const empty = { text: "", answer: "", lang: "zh", tags: [], kind: null, original: null, place: 60.5 };
  const rows = [...parse(FAQ_ZH, "zh", 1), ...parse(FAQ_EN, "en", 1.25), empty].sort((a, b) => a.place - b.place);
  const lines = rows.map(({ text, answer, lang, tags }, row) => {
    // Every fifth id is past 2^53, where neighbours share one double.
    const id = row % 5 === 4 ? 2n ** 53n + BigInt(row) : BigInt(1001 + row);
    const updated = new Date(Date.UTC(2023, 0, 1 + ((row * 17) % 700), row % 24, (row * 7) % 60)).toISOString();
    const rest = { text, answer, lang, updated_at: updated.replace(".000Z", "Z"), views: (row * 7919) % 10_007, tags };
    return `{"id":${id},${JSON.stringify(rest).slice(1)}\n`;
  });
  const families = rows.flatMap(({ kind, original }, row): Family[] =>
    kind === null || original === null ? [] : [{ kind, rows: [rows.indexOf(original), row] }],
  );
  const truth = `{"families":[\n${families.map((family) => JSON.stringify(family)).join(",\n")}\n]}\n`;
  return { jsonl: lines.join(""), truth };
}

// Run by itself it writes the two files into fixtures/ of the current folder.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { jsonl, truth } = makeFaq();
  mkdirSync("fixtures", { recursive: true });
  writeFileSync("fixtures/faq.jsonl", jsonl);
  writeFileSync("fixtures/faq.truth.json", truth);
}
