import { InferenceSession, Tensor } from "onnxruntime-node";
import { modelProto } from "../../onnx/builder.js";
import { type Provider, sessionOptions } from "../../onnx/ort-engine.js";
import { cudaProvider, cudaProviderFailure } from "./cuda-provider.js";

/**
 * Program of the device probe. Times a product of two matrices on a device and prints JSON: the GFLOP/s and whether the
 * device has half precision, or what went wrong. The probe has a process of its own, since a faulty driver may end the
 * process or never answer. `SIDES` holds the sides of the two square products that are timed.
 */
const SIDES = { first: 256, second: 1024 };

/**
 * A device that is slower than this at the small product, in GFLOP/s, skips the large product, which would take
 * minutes.
 */
const SLOW = 2;

/**
 * A model of two products. Only the largest number of the result comes back, so the transfer of the result is not
 * timed.
 */
function productModel(side: number, half: boolean): Uint8Array {
  const dtype = half ? "float16" : "float32";
  const data = half ? new Uint16Array(side * side) : new Float32Array(side * side).fill(0.5);
  return modelProto({
    nodes: [
      { op: "MatMul", inputs: ["a", "b"], outputs: ["product"] },
      { op: "MatMul", inputs: ["product", "b"], outputs: ["twice"] },
      { op: "ReduceMax", inputs: ["twice"], outputs: ["max"], attributes: { keepdims: { int: 0 } } },
    ],
    inputs: [{ name: "a", dtype, shape: [side, side] }],
    outputs: [{ name: "max", dtype, shape: [] }],
    initializers: [{ name: "b", dtype, shape: [side, side], data }],
  });
}

/** GFLOP/s of the second run: two products of 2 · side³ operations each. The first run compiles and warms up. */
async function timeProduct(provider: Provider, side: number): Promise<number> {
  const session = await InferenceSession.create(productModel(side, false), sessionOptions({ threads: 0, provider }));
  const feeds = { a: new Tensor("float32", new Float32Array(side * side).fill(0.5), [side, side]) };
  await session.run(feeds);
  const started = performance.now();
  await session.run(feeds);
  const seconds = (performance.now() - started) / 1000;
  return (4 * side ** 3) / seconds / 1e9;
}

async function measure(provider: Provider): Promise<number> {
  const gflops = await timeProduct(provider, SIDES.first);
  return gflops < SLOW ? gflops : timeProduct(provider, SIDES.second);
}

async function hasHalf(provider: Provider): Promise<boolean> {
  const side = 16;
  try {
    const session = await InferenceSession.create(productModel(side, true), sessionOptions({ threads: 0, provider }));
    await session.run({ a: new Tensor("float16", new Uint16Array(side * side), [side, side]) });
    return true;
  } catch {
    return false;
  }
}

const provider = process.argv[2] as Provider;
try {
  const gflops = await measure(provider);
  process.stdout.write(`${JSON.stringify({ gflops, half: await hasHalf(provider) })}\n`);
} catch (error) {
  const cause = provider === "cuda" ? cudaProviderFailure(cudaProvider()) : undefined;
  process.stdout.write(`${JSON.stringify({ error: cause ?? (error as Error).message.trim() })}\n`);
}
