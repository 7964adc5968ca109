import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { InputError } from "../../src/errors.js";
import { openArrow } from "../../src/io/arrow/arrow.js";
import { decompressHadoopLz4, decompressLz4Frame } from "../../src/io/compress/lz4.js";
import { decodeZstd, ZSTD_ENGINE, type ZstdEngine } from "../../src/io/compress/zstd.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { openJsonArray, openJsonl } from "../../src/io/jsonl/jsonl.js";
import { openSources } from "../../src/io/open-sources.js";
import { decompressSnappy } from "../../src/io/parquet/codecs.js";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { RejectedRecords } from "../../src/io/rejected-records.js";
import type { Source } from "../../src/io/source.js";
import { JSON_SEEDS, jsonTarget, linesTarget } from "./fuzz-text.js";
import { goldenFiles } from "./golden-files.js";
import { assertPlainWords } from "./internals.js";
import { mutate } from "./mutate.js";
import { type Random, seededRandom } from "./random.js";

/**
 * Mutates valid input of every parser that is ours and sees that each either reads it or refuses it with an error that is
 * meant for a person, in bounded time. As a program: `node dist/test/faults/fuzz.js --seconds 600 --seed 1`.
 */

/** Cases of a target and what became of them. */
export interface FuzzCounts {
  cases: number;
  accepted: number;
  slowest: number;
}

/** One case: true where the input was accepted. Throws where the parser misbehaves. */
type Target = (random: Random) => boolean | Promise<boolean>;

/** Longest that a case may take, in milliseconds; inputs are a few kilobytes. */
const SLOW = 10_000;

/** Frames of the zstd command line: literals alone, nothing, and a compressed block. */
const ZSTD = [
  "KLUv/SQGMQAAc2hvcnQKkGPzoQ==",
  "KLUv/SQAAQAAmenYUQ==",
  "KLUv/aCwHgQA3AEA0oEGDOBtY/8+7lImTqRzARJ3Je5K8DQ0rwxYXlkQoDD2+h2QU1cDdv+KHJPRJoadjDsJ+wb5IEBeLQVUAAAAAQD9/4n/uQYCPQAAAAEArd4DIA==",
];

async function zstdTarget(random: Random, engine: ZstdEngine): Promise<boolean> {
  const frame = Buffer.from(ZSTD[random.below(ZSTD.length)], "base64");
  const bytes = mutate(frame, random);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random.below(40));
      yield bytes.subarray(at, end);
      at = end;
    }
  }
  try {
    let size = 0;
    for await (const chunk of decodeZstd(chunks(), engine)) size += chunk.length;
    assert.ok(size < 2 ** 24);
    return true;
  } catch (error) {
    // Nothing is read or written out of range.
    assert.ok(
      error instanceof Error && !/TypeError|RangeError|AssertionError/.test(error.name),
      (error as Error).stack,
    );
    return false;
  }
}

/** A frame with one stored block and one compressed one: four literals and a match of twenty. */
const LZ4 = Buffer.from([
  0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 5, 0, 0, 0x80, 104, 101, 108, 108, 111, 10, 0, 0, 0, 0x4f, 97, 98, 99, 100,
  4, 0, 1, 0x10, 33, 0, 0, 0, 0,
]);

/** The same compressed block as Hadoop frames it. */
const HADOOP_LZ4 = Buffer.concat([Buffer.from([0, 0, 0, 25, 0, 0, 0, 10]), LZ4.subarray(20, 30)]);

/** "abcd", then copies with offsets of one, two and four bytes. */
const SNAPPY = Buffer.from([16, 12, 97, 98, 99, 100, 1, 4, 14, 1, 0, 15, 8, 0, 0, 0]);

/** A decoder of bare blocks gives the size that was asked for or refuses in its own words. */
function blockTarget(block: Buffer, size: number, decode: (bytes: Uint8Array, size: number) => Uint8Array): Target {
  return (random) => {
    const bytes = mutate(block, random);
    try {
      assert.equal(decode(bytes, size).length, size);
      return true;
    } catch (error) {
      assert.ok(error instanceof Error && error.name === "Error", `${bytes.toString("hex")}: ${error}`);
      return false;
    }
  };
}

/** Reads a source as both passes do; both must see the same records. */
async function readBoth(source: Source, fields: readonly string[]): Promise<void> {
  let scanned = 0;
  let rejects = 0;
  const rejected = new RejectedRecords(source.name);
  for await (const batch of source.scan({ textFields: fields })) {
    scanned += batch.texts.length;
    rejects += batch.rejects.length;
    rejected.add(batch.texts.length, batch.rejects);
  }
  const schema = await source.schema();
  let read = 0;
  for await (const { columns } of source.read({ schema, rejected })) {
    const text = rowText(columns);
    for (let i = 0; i < columns.numRows; i++) assert.ok(text(i).length > 0);
    read += columns.numRows;
  }
  assert.equal(read + rejects, scanned);
}

/** Opens a mutated file and reads it; the only error it may end in is one for a person. */
async function fileTarget(
  bytes: Uint8Array,
  path: string,
  open: (path: string) => Promise<Source>,
  random: Random,
): Promise<boolean> {
  const mutated = mutate(bytes, random);
  writeFileSync(path, mutated);
  try {
    const source = await open(path);
    const fields = (await source.schema().catch(() => undefined))?.fields.map(({ name }) => name);
    await readBoth(source, fields?.includes("text") || fields === undefined ? ["text"] : fields.slice(0, 1));
    return true;
  } catch (error) {
    assert.ok(error instanceof InputError, `${(error as Error).stack}`);
    assertPlainWords(error.message);
    return false;
  }
}

/** The parsers by name. `folder` is where cases are written that must be files. */
function targets(folder: string): Readonly<Record<string, Target>> {
  const parquet = goldenFiles(/\.parquet$/);
  const arrow = goldenFiles(/\.(arrow|feather)$/);
  const jsonl = Buffer.from(
    JSON_SEEDS.map((line) => `${line}\n`)
      .join("")
      .repeat(3),
  );
  const array = Buffer.from(`[\n${JSON_SEEDS.join(",\n")}\n]`);
  const csv = Buffer.from(
    'text,n,"a ""b"""\r\nplain,1,\r\n"quoted, with\nline ""end""",2,x\r\n退款,3,"y"\r\n'.repeat(3),
  );
  const wide = Buffer.from(`\ufeff${jsonl.toString()}`, "utf16le");
  const anything = [jsonl, array, csv, wide, gzipSync(jsonl), gzipSync(csv), ...parquet, ...arrow];
  const recognised = async (path: string) => (await openSources([path], { memory: 2 ** 28, wishes: {} }))[0].source;
  const pick = (choices: readonly Buffer[], random: Random) => choices[random.below(choices.length)];
  const at = (name: string) => join(folder, name);
  return {
    json: jsonTarget,
    lines: linesTarget,
    zstd: (random) => zstdTarget(random, ZSTD_ENGINE),
    "zstd as WebAssembly": (random) => zstdTarget(random, "wasm"),
    lz4: blockTarget(LZ4, 30, decompressLz4Frame),
    "lz4 of Hadoop": blockTarget(HADOOP_LZ4, 25, decompressHadoopLz4),
    snappy: blockTarget(SNAPPY, 16, decompressSnappy),
    jsonl: (random) => fileTarget(jsonl, at("case.jsonl"), (path) => openJsonl({ path, name: path }), random),
    "JSON array": (random) => fileTarget(array, at("case.json"), (path) => openJsonArray({ path, name: path }), random),
    csv: (random) => fileTarget(csv, at("case.csv"), recognised, random),
    "any format by its content": (random) => fileTarget(pick(anything, random), at("case"), recognised, random),
    parquet: (random) =>
      fileTarget(pick(parquet, random), at("case.parquet"), (path) => openParquet({ path, name: path }), random),
    arrow: (random) =>
      fileTarget(pick(arrow, random), at("case.arrow"), (path) => openArrow({ path, name: path }), random),
    "arrow by rows": (random) =>
      fileTarget(pick(arrow, random), at("case.arrow"), (path) => openArrow({ path, name: path, whole: 0 }), random),
  };
}

/**
 * Fuzzes every target in turn for `seconds` or `rounds`, with the same cases in the same order for the same seed.
 * @param keep called with the target, the case's seed and the error of a case that fails; without it the first one is thrown
 */
export async function fuzz(options: {
  seconds?: number;
  rounds?: number;
  seed: number;
  keep?: (target: string, seed: number, error: Error) => void;
}): Promise<Readonly<Record<string, FuzzCounts>>> {
  const folder = mkdtempSync(join(tmpdir(), "bge-fuzz-"));
  const counts: Record<string, FuzzCounts> = {};
  const { seconds = Number.POSITIVE_INFINITY, rounds = Number.POSITIVE_INFINITY } = options;
  const until = performance.now() + seconds * 1000;
  try {
    const all = Object.entries(targets(folder));
    for (let round = 0; round < rounds && performance.now() < until; round++) {
      for (const [name, target] of all) {
        counts[name] ??= { cases: 0, accepted: 0, slowest: 0 };
        const seed = options.seed + round * 7919;
        const started = performance.now();
        try {
          if (await target(seededRandom(seed))) counts[name].accepted++;
          const took = performance.now() - started;
          counts[name].slowest = Math.max(counts[name].slowest, took);
          assert.ok(took < SLOW, `took ${took.toFixed(0)} ms`);
        } catch (error) {
          if (options.keep === undefined)
            throw new Error(`${name}, seed ${seed}: ${(error as Error).message}`, { cause: error });
          options.keep(name, seed, error as Error);
        }
        counts[name].cases++;
      }
    }
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({
    options: { seconds: { type: "string", default: "600" }, seed: { type: "string", default: "1" } },
  });
  let failures = 0;
  const counts = await fuzz({
    seconds: Number(values.seconds),
    seed: Number(values.seed),
    keep(target, seed, error) {
      failures++;
      process.stdout.write(`FAILED ${target}, seed ${seed}: ${error.message.slice(0, 600)}\n`);
    },
  });
  process.stdout.write(
    `${JSON.stringify({ counts, failures, peak: process.resourceUsage().maxRSS * 1024 }, null, 2)}\n`,
  );
  process.exitCode = failures > 0 ? 1 : 0;
}
