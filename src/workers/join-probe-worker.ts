import { GROUP } from "../join/codes/column-codes.js";
import { createIntegerProduct, MOST_PANELS } from "../join/codes/tile-product.js";
import { DeviceHost } from "../join/device-host.js";
import { createOrtEngine, type Provider } from "../onnx/ort-engine.js";

/**
 * Program that times the products of a join: `node join-probe-worker.js PROVIDER DEPTH THREADS` prints the nanoseconds of a
 * pair's product as JSON, `{"pairNs": 0.004}`, or `{"error": ".."}`. A device's products are the join's own: a slab of
 * columns with the maxima of strips; those of the processor are the join's too, on all threads together.
 */
const [provider, depth, threads] = [process.argv[2] as Provider, Number(process.argv[3]), Number(process.argv[4])];
/** Rows of a call on each thread, and calls of which the best counts. */
const ROWS = 512;
const CALLS = 5;

async function pairNs(): Promise<number> {
  const engine = createOrtEngine({ threads: provider === "cpu" ? threads : 1, provider });
  if (provider !== "cpu") return new DeviceHost(engine).pairNs(depth);
  const product = createIntegerProduct(engine, depth);
  const rows = new Uint8Array(ROWS * threads * depth).fill(130);
  const panels = { data: new Int8Array(GROUP * depth).fill(2), count: MOST_PANELS };
  let best = Number.POSITIVE_INFINITY;
  for (let call = 0; call < CALLS; call++) {
    const started = performance.now();
    await product.maxima(rows, panels);
    best = Math.min(best, performance.now() - started);
  }
  return (1e6 * best) / (ROWS * threads * GROUP);
}

try {
  console.log(JSON.stringify({ pairNs: await pairNs() }));
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).message }));
}
// A driver may keep the process alive.
process.exit(0);
