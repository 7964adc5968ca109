import { type Random, seededRandom } from "../../random.js";

/**
 * UMAP in two dimensions, from exact nearest neighbours.
 *
 * Own code, because umap-js 1.4.0 (MIT), the only package of a licence that fits, needs twice the time and three times the
 * memory for a map no better: 27.3 s of CPU and 640 MB for 10,000 texts of banking77 with a static model, where this and the
 * search of the neighbours took 13.0 s and 226 MB; it also brings ten packages more. Trustworthiness by scikit-learn (15
 * neighbours, 1 is best) was 0.983 with it and 0.984 here. On 5,000 rows, beside Python's umap-learn 0.5.12 and the plane of
 * the principal components: 0.976 here, 0.978 and 0.747 for banking77; 0.843, 0.848 and 0.712 for Chinese titles with
 * multilingual-e5-small.
 *
 * Differences from umap-learn: the neighbours are exact, the start is the plane of the principal components instead of
 * the spectral one, and the graph is drawn edge by edge in a fixed order, so that the same vectors give the same map.
 * @see McInnes, Healy, Melville, UMAP: uniform manifold approximation and projection, 2018
 */

/** Parameters of the curve 1 / (1 + a·d^2b) for a least distance of 0.1, as umap-learn fits them. */
const A = 1.577;
const B = 0.8951;
/** Pairs pushed apart for each pair pulled together. */
const NEGATIVES = 5;
/** Seed of the pairs that are pushed apart: the same vectors give the same map. */
const SEED = 1;
/** Longest step of a coordinate. */
const CLIP = 4;

/** Neighbours of each point, nearest first: n × k, the point itself left out. */
export interface NeighbourGraph {
  readonly k: number;
  readonly neighbours: Int32Array;
  /** Cosine distances, not below 0. */
  readonly distances: Float32Array;
}

/** Edges of the fuzzy graph, each once, with weights in (0, 1]. */
interface Edges {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly weight: Float32Array;
}

/**
 * Lays out the points.
 * @param options.start places to begin from, x and y in turn; the caller's, overwritten with the result, which is about
 * 20 wide
 * @param options.pause awaited after every epoch; may throw to stop
 */
export async function layOut(options: {
  readonly graph: NeighbourGraph;
  readonly start: Float32Array;
  readonly epochs: number;
  readonly pause: (epoch: number) => Promise<void>;
}): Promise<void> {
  const { graph, start: places, epochs, pause } = options;
  scaleTo(places, 10);
  const edges = fuzzyEdges(graph);
  const strongest = edges.weight.reduce((most, weight) => Math.max(most, weight), 0);
  // An edge is drawn as often as its weight says: one of half the largest weight every second epoch.
  const due = Float32Array.from(edges.weight, (weight) => strongest / weight);
  const turned = new Uint8Array(due.length);
  const random = seededRandom(SEED);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const rate = 1 - (epoch - 1) / epochs;
    for (let e = 0; e < due.length; e++) {
      if (due[e] > epoch) continue;
      due[e] += strongest / edges.weight[e];
      // From either end in turn, so that points at random push both.
      const [from, to] = turned[e] === 0 ? [edges.from[e], edges.to[e]] : [edges.to[e], edges.from[e]];
      turned[e] ^= 1;
      drawEdge(places, from, to, rate, random);
    }
    await pause(epoch);
  }
}

/** Pulls the ends of an edge together and pushes the first away from points at random. */
function drawEdge(places: Float32Array, from: number, to: number, rate: number, random: Random): void {
  const points = places.length / 2;
  const i = 2 * from;
  const j = 2 * to;
  const near = squaredDistance(places, i, j);
  if (near > 0) {
    const power = near ** B;
    const pull = (-2 * A * B * power) / (near * (1 + A * power));
    for (let c = 0; c < 2; c++) {
      const step = rate * clipped(pull * (places[i + c] - places[j + c]));
      places[i + c] += step;
      places[j + c] -= step;
    }
  }
  for (let n = 0; n < NEGATIVES; n++) {
    const other = 2 * Math.floor(random() * points);
    if (other === i) continue;
    const far = squaredDistance(places, i, other);
    const push = (2 * B) / ((0.001 + far) * (1 + A * far ** B));
    for (let c = 0; c < 2; c++) {
      const step = far > 0 ? clipped(push * (places[i + c] - places[other + c])) : CLIP;
      places[i + c] += rate * step;
    }
  }
}

function squaredDistance(places: Float32Array, i: number, j: number): number {
  return (places[i] - places[j]) ** 2 + (places[i + 1] - places[j + 1]) ** 2;
}

function clipped(step: number): number {
  return Math.max(-CLIP, Math.min(CLIP, step));
}

/**
 * The fuzzy graph: each point sees its neighbours by exp(−(d − nearest) / σ), where σ makes the weights add up to
 * log2(k), and two views of an edge are united as probabilities.
 */
function fuzzyEdges({ k, neighbours, distances }: NeighbourGraph): Edges {
  const count = neighbours.length / k;
  const weights = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const own = distances.subarray(i * k, (i + 1) * k);
    const sigma = bandwidth(own);
    for (let j = 0; j < k; j++) {
      const other = neighbours[i * k + j];
      const weight = Math.exp(-Math.max(0, own[j] - own[0]) / sigma);
      // Numbers below 2^53 as keys: the smaller end first, so that both views meet.
      const key = Math.min(i, other) * count + Math.max(i, other);
      const before = weights.get(key) ?? 0;
      weights.set(key, before + weight - before * weight);
    }
  }
  const keys = [...weights.keys()];
  return {
    from: Int32Array.from(keys, (key) => Math.floor(key / count)),
    to: Int32Array.from(keys, (key) => key % count),
    weight: Float32Array.from(keys, (key) => Math.max(1e-3, weights.get(key) ?? 0)),
  };
}

/** σ of a point, by bisection. */
function bandwidth(distances: Float32Array): number {
  const target = Math.log2(distances.length + 1);
  let [low, high, sigma] = [0, Number.POSITIVE_INFINITY, 1];
  for (let step = 0; step < 48; step++) {
    const sum = distances.reduce((total, d) => total + Math.exp(-Math.max(0, d - distances[0]) / sigma), 0);
    if (sum > target) high = sigma;
    else low = sigma;
    sigma = high === Number.POSITIVE_INFINITY ? 2 * sigma : (low + high) / 2;
  }
  return Math.max(sigma, 1e-6);
}

/** Moves places about their centre so that they reach `radius` on the wider axis. */
function scaleTo(places: Float32Array, radius: number): void {
  let widest = 0;
  for (const value of places) widest = Math.max(widest, Math.abs(value));
  if (widest > 0) for (let i = 0; i < places.length; i++) places[i] *= radius / widest;
}
