import { parseArgs } from "node:util";
import { windowChars } from "../../../src/embed/local/window-size.js";
import { readModelFolder } from "../../../src/models/folder.js";
import type { Dtype } from "../../../src/models/spec.js";
import type { Provider } from "../../../src/onnx/ort-engine.js";
import { orderedMap } from "../../../src/run/embed/ordered-map.js";
import { startEmbedder } from "../../../src/workers/embedders.js";
import { seededRandom } from "../../faults/random.js";
import { round, watchCard } from "./nvidia-smi.js";
import { type Length, makeText, parseLength } from "./texts.js";

/**
 * Tokens per second of the product's embedder on a device, one JSON line for each length of text; windows go through
 * tokenizing workers and the session's worker as in a run.
 *
 *     node dist/test/by-hand/gpu/speed.js --model DIR --device cuda --dtype fp16 --lengths 32,128,512,mixed --seconds 4
 */
const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "" },
    device: { type: "string", default: "cpu" },
    dtype: { type: "string", default: "fp32" },
    lengths: { type: "string", default: "32,128,512,mixed" },
    seconds: { type: "string", default: "4" },
    threads: { type: "string", default: "8" },
    "batch-tokens": { type: "string" },
    "window-chars": { type: "string" },
    label: { type: "string", default: "" },
  },
});
/** Windows that compile kernels and fill pools of memory before the clock runs. */
const WARM_UP = 3;
/** As a run has them. */
const WINDOWS_IN_FLIGHT = 3;
/** As a run with a GPU has them. */
const TOKENIZERS = 4;
/** Different windows, made before the clock runs and then used in turn. */
const WINDOWS = 4;

const device = flags.device as Provider;
const model = await readModelFolder({ name: flags.model, folder: flags.model, dtype: flags.dtype as Dtype });
const batchTokens = flags["batch-tokens"] === undefined ? undefined : Number(flags["batch-tokens"]);
const chars = Number(flags["window-chars"] ?? windowChars(model, device));
const notes: string[] = [];
const embedder = await startEmbedder({
  model,
  provider: device,
  threads: Number(flags.threads),
  tokenizers: TOKENIZERS,
  batchTokens,
  note: (message) => notes.push(message),
});

/** A window of texts as the reader cuts one. */
function makeWindow(length: Length, seed: number): string[] {
  const random = seededRandom(seed);
  const window: string[] = [];
  for (let size = 0; size < chars; size += window[window.length - 1].length) window.push(makeText(length, random));
  return window;
}

for (const length of flags.lengths.split(",").map(parseLength)) {
  const windows = Array.from({ length: WINDOWS }, (_, i) => makeWindow(length, i + 1));
  async function* endless(): AsyncGenerator<string[]> {
    for (let i = 0; ; i++) yield windows[i % WINDOWS];
  }
  const embed = (window: string[]) => embedder.embed(window);
  // The clock runs from the end of one window to the end of another, while others are in flight before and after.
  let started = 0;
  let ended = 0;
  let busyBefore: Readonly<Record<string, number>> = {};
  let busyAfter = busyBefore;
  let use = watchCard();
  let done = 0;
  let tokens = 0;
  let padded = 0;
  let texts = 0;
  for await (const vectors of orderedMap(endless(), embed, WINDOWS_IN_FLIGHT)) {
    if (++done < WARM_UP) continue;
    ended = performance.now();
    busyAfter = embedder.busy?.() ?? {};
    if (done === WARM_UP) {
      started = ended;
      busyBefore = busyAfter;
      use();
      use = watchCard();
      continue;
    }
    tokens += vectors.tokens;
    padded += vectors.paddedTokens;
    texts += vectors.directed.length;
    if (ended - started >= 1000 * Number(flags.seconds)) break;
  }
  const milliseconds = ended - started;
  const card = use();
  const busy = Object.fromEntries(
    Object.entries(busyAfter).map(([part, sum]) => [part, sum - (busyBefore[part] ?? 0)]),
  );
  console.log(
    JSON.stringify({
      label: flags.label,
      device,
      dtype: model.dtype,
      length,
      tokens_per_second: Math.round((1000 * tokens) / milliseconds),
      texts_per_second: Math.round((1000 * texts) / milliseconds),
      session_busy_percent: round((100 * busy.embed) / milliseconds, 1),
      tokenizers_busy_percent: round((100 * busy.tokenize) / milliseconds / TOKENIZERS, 1),
      padding_percent: round(100 * (padded / tokens - 1), 1),
      ...card,
      batch_tokens: batchTokens ?? "default",
      window_chars: chars,
      notes,
    }),
  );
}
await embedder.close();
