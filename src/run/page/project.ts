import type { Engine } from "../../onnx/engine.js";
import type { PageMap } from "../../report/page/data.js";
import { placeInPlane, principalPlane } from "../../report/page/principal.js";
import { layOut, type NeighbourGraph } from "../../report/page/umap.js";
import type { VectorReader } from "../../vectors/reader.js";
import { createNearest, type NearestKernel } from "./nearest.js";

/** Most points that UMAP lays out; the others are placed between them. */
const FITTED = 10_000;
/** Fewer points than this lie in the plane of their principal components. */
const FEWEST = 50;
/** Neighbours of each point in UMAP's graph, and those between which a further point lies. */
const NEIGHBOURS = 15;
const BETWEEN = 5;
/** Rounds of the layout: few points need more of them, and can have them for as much time. */
const epochsOf = (points: number) => (points <= 5000 ? 500 : 200);
/** Rows of one product. */
const TILE = 1024;

/** Places of points. */
export interface Projection extends Pick<PageMap, "method" | "fitted"> {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/**
 * Places vectors on a map: UMAP of an even sample, and every other vector between its nearest five of the sample,
 * weighted by the inverse square of the cosine distance. `layOut` says how true to the vectors that is.
 * @param options.positions vectors to place; stays the caller's
 * @param options.onDone called with the share that is done, 0 to 1
 */
export async function projectVectors(options: {
  readonly vectors: VectorReader;
  readonly positions: Uint32Array;
  readonly engine: Engine;
  readonly onDone: (share: number) => void;
  readonly signal?: AbortSignal;
}): Promise<Projection> {
  const { vectors, positions, engine, onDone, signal } = options;
  const { dim } = vectors;
  const count = positions.length;
  const size = Math.min(FITTED, count);
  const fitted = Uint32Array.from({ length: size }, (_, i) => positions[Math.floor((i * count) / size)]);
  const sample = new Float32Array(size * dim);
  await vectors.gather(fitted, sample);
  const plane = principalPlane(sample.subarray(0, Math.min(size, 4000) * dim), dim);
  const places = new Float32Array(2 * size);
  for (let i = 0; i < size; i++) places.set(placeInPlane(plane, sample, i * dim), 2 * i);
  if (size < FEWEST) {
    const both = [0, 1].map((c) => Float32Array.from({ length: size }, (_, i) => places[2 * i + c]));
    return { method: "pca", fitted: size, x: both[0], y: both[1] };
  }
  const epochs = epochsOf(size);
  const graphKernel = await createNearest(engine, dim, NEIGHBOURS + 1);
  const graph = await neighbourGraph(graphKernel, sample, dim).finally(() => graphKernel.release());
  await layOut({
    graph,
    start: places,
    epochs,
    async pause(epoch) {
      await new Promise(setImmediate);
      signal?.throwIfAborted();
      onDone((0.7 * epoch) / epochs);
    },
  });
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const kernel = await createNearest(engine, dim, BETWEEN);
  const tile = new Float32Array(TILE * dim);
  try {
    for (let start = 0; start < count; start += TILE) {
      signal?.throwIfAborted();
      const length = Math.min(TILE, count - start);
      const rows = tile.subarray(0, length * dim);
      await vectors.gather(positions.subarray(start, start + length), rows);
      const { scores, columns } = await kernel.nearest(rows, sample);
      for (let i = 0; i < length; i++) {
        [x[start + i], y[start + i]] = between(places, scores, columns, i * BETWEEN);
      }
      onDone(0.7 + (0.3 * (start + length)) / count);
    }
  } finally {
    await kernel.release();
  }
  layFlat(x, y);
  return { method: "umap", fitted: size, x, y };
}

/** Turns the points so that they spread most from left to right, as a screen does. */
function layFlat(x: Float32Array, y: Float32Array): void {
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(x), mean(y)];
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xx += (x[i] - middleX) ** 2;
    xy += (x[i] - middleX) * (y[i] - middleY);
    yy += (y[i] - middleY) ** 2;
  }
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (let i = 0; i < x.length; i++) {
    const [right, up] = [x[i] - middleX, y[i] - middleY];
    x[i] = cos * right + sin * up;
    y[i] = cos * up - sin * right;
  }
}

/** Mean of the places of the nearest points, the nearer the heavier. A fitted point keeps its own place. */
function between(places: Float32Array, scores: Float32Array, columns: Int32Array, start: number): [number, number] {
  let [x, y, total] = [0, 0, 0];
  for (let j = start; j < start + BETWEEN; j++) {
    const weight = 1 / (1e-6 + Math.max(0, 1 - scores[j])) ** 2;
    x += weight * places[2 * columns[j]];
    y += weight * places[2 * columns[j] + 1];
    total += weight;
  }
  return [x / total, y / total];
}

/** The exact neighbours of each vector among all of them. */
async function neighbourGraph(kernel: NearestKernel, sample: Float32Array, dim: number): Promise<NeighbourGraph> {
  const count = sample.length / dim;
  const neighbours = new Int32Array(count * NEIGHBOURS);
  const distances = new Float32Array(count * NEIGHBOURS);
  for (let start = 0; start < count; start += TILE) {
    const length = Math.min(TILE, count - start);
    const { scores, columns } = await kernel.nearest(sample.subarray(start * dim, (start + length) * dim), sample);
    for (let i = 0; i < length; i++) {
      let at = (start + i) * NEIGHBOURS;
      const end = at + NEIGHBOURS;
      // The point itself is among the best; with many copies it may not be, and then the last one goes.
      for (let j = i * (NEIGHBOURS + 1); j < (i + 1) * (NEIGHBOURS + 1) && at < end; j++) {
        if (columns[j] === start + i) continue;
        neighbours[at] = columns[j];
        distances[at++] = Math.max(0, 1 - scores[j]);
      }
    }
  }
  return { k: NEIGHBOURS, neighbours, distances };
}
