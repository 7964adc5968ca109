import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz.js";

test("some mutated JSON, CSV, Zstandard, LZ4, Snappy, Parquet and Arrow: read, or refused in words", async () => {
  const counts = await fuzz({ rounds: 200, seed: 3 });
  assert.deepEqual(Object.keys(counts), [
    "json",
    "lines",
    "zstd",
    "zstd as WebAssembly",
    "lz4",
    "lz4 of Hadoop",
    "snappy",
    "jsonl",
    "JSON array",
    "csv",
    "any format by its content",
    "parquet",
    "arrow",
    "arrow by rows",
  ]);
  for (const [name, { cases, accepted }] of Object.entries(counts)) {
    assert.ok(cases === 200 && accepted > 0, `${name}: ${accepted} of ${cases} cases accepted`);
  }
});
