import { readFileSync } from "node:fs";
import { createEmbeddingSession } from "../../src/embed/local/session.js";
import { readModelFolder } from "../../src/models/folder.js";
import type { Dtype } from "../../src/models/spec.js";
import { openTable } from "./table/record.js";

/**
 * Peak memory of a session over many texts of varied lengths: after 100,000 it should be what it was after 10,000. Linux.
 *
 *     node dist/test/bench/embed-memory.js test/models/tiny-bert fp32 100000
 */
const [folder, dtype = "fp32", count = "100000"] = process.argv.slice(2);
const WINDOW = 500;

const table = await openTable({
  id: "embed-memory",
  title: "Peak memory of a session",
  columns: [
    { key: "model", title: "model" },
    { key: "texts", title: "texts" },
    { key: "peak", title: "peak", unit: "MB", digits: 0 },
    { key: "rate", title: "tokens/s", digits: 0 },
  ],
});
const shape = `${folder.split("/").at(-1)} ${dtype}`;
const model = await readModelFolder({ name: folder, folder, dtype: dtype as Dtype });
const session = await createEmbeddingSession({ model, provider: "cpu", threads: 2 });
let state = 1;
const random = () => {
  state = (state * 1103515245 + 12345) & 0x7fffffff;
  return state / 0x7fffffff;
};
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;

let tokens = 0;
const started = performance.now();
for (let done = 0; done < Number(count); ) {
  const offsets = new Int32Array(WINDOW + 1);
  // From 2 to the limit, short ones more often.
  for (let i = 0; i < WINDOW; i++) {
    offsets[i + 1] = offsets[i] + Math.min(model.maxTokens, 2 + Math.floor(Math.exp(random() * 6.3)));
  }
  const ids = new Int32Array(offsets[WINDOW]).map(() => 5 + Math.floor(random() * 100));
  await session.embed({ ids, offsets });
  tokens += ids.length;
  done += WINDOW;
  if (done % 10_000 === 0) {
    const rate = tokens / ((performance.now() - started) / 1000);
    table.add(`${shape.replace(" ", "-")}-${done}`, { model: shape, texts: done, peak: peak(), rate });
    console.log(`${done} texts: peak ${peak().toFixed(0)} MB, ${Math.round(rate)} tokens/s`);
  }
}
table.write();
process.exit(0);
