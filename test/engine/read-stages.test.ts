import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { tableFromArrays } from "apache-arrow";
import fc from "fast-check";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { openParquetWriter } from "../../src/io/parquet/write.js";
import { dedupOptions, testFolder, writeJsonl } from "../run/folders.js";
import { requireSame } from "./same-reading.js";

const folder = testFolder();

/** Number of random runs, of texts and of vectors; more of them by BGE_ROUNDS. */
const ROUNDS = Number(process.env.BGE_ROUNDS ?? 6);
let folders = 0;
const newFolder = () => {
  const path = join(folder, `${folders++}`);
  mkdirSync(path);
  return path;
};

/** A record: its text, null for one without a text, and a value that orders it. */
interface Row {
  readonly text: string | null;
  readonly rank: number | null;
}

type Format = "jsonl" | "csv" | "arrow" | "parquet";

/** Few texts in many spellings, so that copies, equal forms and rejects meet within shards and across them. */
const row: fc.Arbitrary<Row> = fc.record({
  text: fc.option(fc.string({ unit: fc.constantFrom("a", "A", "ａ", "，", ",", "好", "\ud800", "1"), maxLength: 2 }), {
    freq: 8,
  }),
  rank: fc.option(fc.constantFrom(1, 2, 2 ** 53), { freq: 5 }),
});

/** Lone surrogates are possible in JSON alone. */
const wellFormed = ({ text, rank }: Row): Row => ({ text: text?.toWellFormed() ?? null, rank });

async function writeFile(path: string, format: Format, rows: readonly Row[]): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  if (format === "jsonl") {
    writeFileSync(path, rows.map((each) => `${each.text === null ? '{"text": 7}' : JSON.stringify(each)}\n`).join(""));
  } else if (format === "csv") {
    const cell = (text: string | null) => (text === null ? "" : `"${text}"`);
    const lines = rows.map(wellFormed).map(({ text, rank }) => `${cell(text)},${rank ?? ""}\n`);
    writeFileSync(path, `text,rank\n${lines.join("")}`);
  } else {
    const found = rows.map(wellFormed);
    const table = tableFromArrays({
      // A first row with values, so that the columns have types.
      text: ["first", ...found.map(({ text }) => text)],
      rank: Float64Array.from([0, ...found.map(({ rank }) => rank ?? 0)]),
    });
    const open = format === "arrow" ? openArrowWriter : openParquetWriter;
    const writer = await open({ path, schema: table.schema });
    for (const batch of table.batches) await writer.write(batch);
    await writer.finish();
  }
  return path;
}

describe("the stages read, exact and number find what one machine finds", () => {
  it("for random files, shards and buckets, under every policy", async () => {
    const file = fc.record({
      format: fc.constantFrom<Format>("jsonl", "jsonl", "csv", "arrow", "parquet"),
      rows: fc.array(row, { maxLength: 12 }),
      shard: fc.boolean(),
      year: fc.constantFrom("", "year=2023/", "year=2024/"),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("first", "last", "longest", "shortest", "max:rank", "min:rank"),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.nat(12),
        async (files, keep, buckets, chunkTexts, guarded, seed) => {
          const own = newFolder();
          const inputs: string[] = [];
          const shards: number[] = [];
          // One file that every policy can use.
          const all = [{ format: "jsonl" as const, rows: [{ text: "a", rank: 2 }], shard: true, year: "" }, ...files];
          for (const [i, { format, rows, shard, year }] of all.entries()) {
            inputs.push(await writeFile(join(own, `${year}${i}.${format}`), format, rows));
            if (shard || shards.length === 0) shards.push(1);
            else shards[shards.length - 1]++;
          }
          const options = dedupOptions(inputs, join(own, "out"), {
            keep,
            sourceField: "file",
            guards: { numbers: guarded, negation: false, names: false },
          });
          await requireSame(options, { shards, buckets, chunkTexts }, seed);
        },
      ),
      { numRuns: ROUNDS, seed: 5 },
    );
  });

  it("for the input's own vectors, whose number of components the first of all files sets", async () => {
    const lists = fc.option(
      fc.array(fc.option(fc.constantFrom(0, 1, -2.5), { freq: 20 }), { minLength: 1, maxLength: 3 }),
    );
    const record = fc.record({ text: fc.option(fc.constantFrom("a", "A", "b")), embedding: lists });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        async (files, buckets) => {
          const own = newFolder();
          const usable = [{ embedding: [1, 2] }];
          const inputs = [...files, usable].map((rows, i) =>
            writeJsonl(
              join(own, `${i}.jsonl`),
              rows.map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => value !== null))),
            ),
          );
          const options = dedupOptions(inputs, join(own, "out"), { vectorField: "embedding" });
          await requireSame(options, { shards: inputs.map(() => 1), buckets, chunkTexts: 2 });
        },
      ),
      { numRuns: ROUNDS, seed: 8 },
    );
  });

  it("where a folder has the name of the field that orders the rows, and files of other shards hold it", async () => {
    const holding = [{ text: "a", year: 7 }, { text: "A", year: 9 }, { text: "b" }];
    const lacking = [{ text: "Ａ" }, { text: "b" }, { text: "c" }];
    for (const [name, files] of Object.entries({
      none: [lacking, lacking, lacking],
      first: [holding, lacking, lacking],
      last: [lacking, lacking, holding],
      all: [holding, holding, holding],
    })) {
      const own = newFolder();
      const inputs = files.map((records, i) => {
        mkdirSync(join(own, `year=${2020 + i}`));
        return writeJsonl(join(own, `year=${2020 + i}`, `${name}.jsonl`), records);
      });
      for (const keep of ["max:year", "min:year"]) {
        const options = dedupOptions(inputs, join(own, `out-${keep.slice(0, 3)}`), { keep });
        await requireSame(options, { shards: [1, 1, 1], buckets: 2, chunkTexts: 2 });
      }
    }
  });
});
