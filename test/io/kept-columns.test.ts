import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { buildRecordBatch } from "../../src/io/jsonl/columns.js";
import { openJsonl } from "../../src/io/jsonl/jsonl.js";
import { KeptColumns } from "../../src/io/jsonl/kept-columns.js";
import type { JsonObject } from "../../src/io/jsonl/numbers.js";
import { RejectedRecords } from "../../src/io/rejected-records.js";
import { InferredFields, observeFields } from "../../src/io/schema/infer.js";
import { inferredSchema } from "../../src/io/schema/infer-schema.js";

let folder = "";
let path = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "bge-dedup-kept-"));
  path = join(folder, "input.jsonl");
});
after(() => rm(folder, { recursive: true }));

/** Long enough for a batch to hold a few records only. */
const PADDING = "长".repeat(200_000);

/** Scans lines with so much memory to keep columns in, and reads them: each record's number, the rows and the types. */
async function readAgain(options: { memory?: number; between?: () => Promise<void> }) {
  const { memory, between } = options;
  const source = await openJsonl({ path, name: "input.jsonl" });
  let left = memory ?? 0;
  const reserve = (bytes: number) => {
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
  const rejected = new RejectedRecords(source.name);
  for await (const batch of source.scan({ textFields: ["text"], ...(memory === undefined ? {} : { reserve }) })) {
    rejected.add(batch.texts.length, batch.rejects);
  }
  await between?.();
  const schema = await source.schema();
  const records: number[] = [];
  const rows: string[] = [];
  for await (const { records: numbers, columns } of source.read({ schema, rejected })) {
    records.push(...numbers);
    for (const row of columns.toArray()) {
      rows.push(
        JSON.stringify(row.toJSON(), (key, value) =>
          key === "text" ? String(value).length : typeof value === "bigint" ? `${value}n` : value,
        ),
      );
    }
  }
  return {
    records,
    rows,
    fields: schema.fields.map((field) => `${field} ${[...field.metadata]}`),
    used: (memory ?? 0) - left,
  };
}

const value = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("1", "2", "-7", "null") },
  { weight: 1, arbitrary: fc.constantFrom("1.5", "1.0", '"s"', "12345678901234567890", "true") },
  { weight: 1, arbitrary: fc.constantFrom("[1,2]", '["x"]', '{"a":1}', '{"a":"x","b":null}', '{"a":[0.5]}') },
);
const line = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ a: value, b: value, c: value }, { requiredKeys: [] }).map((fields) => {
      const rest = Object.entries(fields).map(([name, text]) => `,"${name}":${text}`);
      return `{"text":"${PADDING}"${rest.join("")}}`;
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom("no JSON", '{"text":1}') },
);

// Before those that leave much to be collected.
test("what is asked for is about what batches of many columns and few rows take, which is more than their buffers", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const taken = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  let asked = 0;
  const kept = new KeptColumns((bytes) => {
    asked += bytes;
    return true;
  });
  const before = taken();
  for (let batch = 0; batch < 30; batch++) {
    const inferred = new InferredFields();
    const record: JsonObject = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`c${i}`, i]));
    observeFields(inferred, record, false);
    const columns = buildRecordBatch(inferredSchema(inferred), [record]);
    kept.add({ records: Uint32Array.of(batch), columns, bytesRead: 1 }, 1);
  }
  const held = taken() - before;
  assert.ok(kept.open && asked > 0.6 * held && asked < 2 * held, `${asked} bytes asked for, ${held} held`);
});

test("the second pass gives the same whether all, some or none of the columns were kept", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 24 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (lines, share) => {
        await writeFile(path, lines.join("\n"));
        const { used: _, ...expected } = await readAgain({});
        const { used, ...all } = await readAgain({ memory: 1e9 });
        assert.deepEqual(all, expected);
        const { used: __, ...some } = await readAgain({ memory: share * used });
        assert.deepEqual(some, expected);
      },
    ),
    { numRuns: 40 },
  );
});

test("a file whose columns were all kept is not opened again; one whose columns changed their type is read again", async () => {
  const lines = (last: string) =>
    Array.from({ length: 20 }, (_, i) => `{"text":"${PADDING}","a":${i < 19 ? i : last}}`).join("\n");
  await writeFile(path, lines("19"));
  const kept = await readAgain({ memory: 1e9, between: () => truncate(path, 0) });
  assert.deepEqual(
    kept.records,
    Array.from({ length: 20 }, (_, i) => i),
  );
  await writeFile(path, lines("1.5"));
  await assert.rejects(
    readAgain({ memory: 1e9, between: () => truncate(path, 0) }),
    /the input changed during the run/,
  );
});

test("no more is kept than the memory that was given, and the rest is read from the file", async () => {
  await writeFile(path, Array.from({ length: 20 }, (_, i) => `{"text":"${PADDING}","a":${i}}`).join("\n"));
  const { used: all, ...expected } = await readAgain({ memory: 1e9 });
  const { used, ...half } = await readAgain({ memory: all / 2 });
  assert.ok(used > 0 && used <= all / 2, `${used} of ${all} bytes`);
  assert.deepEqual(half, expected);
});
