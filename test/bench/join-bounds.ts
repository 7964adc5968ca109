import { parseArgs } from "node:util";
import { squaredDistance } from "../../src/cluster/assign/distance.js";
import { createBasisLearner } from "../../src/join/codes/basis.js";
import { survivalOf } from "../../src/join/codes/survival.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { cosine } from "../../src/vectors/cosine.js";
import { GEOMETRIES, GEOMETRY_TITLES, type Geometry, loadVectors } from "./material/vectors.js";
import { openTable } from "./table/record.js";

/**
 * What any bound of this kind can do for the join, and where its limit lies: shares of pairs of vectors that nothing was
 * learnt from, by exact arithmetic and without codes.
 *
 *   node dist/test/bench/join-bounds.js --geometry neural --thresholds 0.93,0.95,0.97
 */
const { values: flags } = parseArgs({
  options: {
    geometry: { type: "string", default: "neural" },
    rows: { type: "string", default: "24000" },
    dim: { type: "string", default: "1024" },
    thresholds: { type: "string", default: "0.93,0.95,0.97" },
    sizes: { type: "string", default: "64,96,128,184,248" },
    centroids: { type: "string", default: "256" },
  },
});
const geometry = flags.geometry as Geometry;
if (!GEOMETRIES.includes(geometry)) throw new Error(`--geometry ${geometry}: expected ${GEOMETRIES.join(", ")}`);
const thresholds = flags.thresholds.split(",").map(Number);
const sizes = flags.sizes.split(",").map(Number);
const count = Number(flags.centroids);
/** Vectors to learn from; rows and columns that are compared. */
const LEARNT = 8192;
const ROWS = 512;
const COLUMNS = 1024;
const LLOYD = 4;

const { values, dim } = await loadVectors({ geometry, rows: Number(flags.rows), dim: Number(flags.dim) });
const drawn = everyNth(LEARNT + ROWS + COLUMNS);
const learnt = drawn.subarray(0, LEARNT * dim);
const rows = drawn.subarray(LEARNT * dim, (LEARNT + ROWS) * dim);
const columns = drawn.subarray((LEARNT + ROWS) * dim);

/** Vectors at even distances, scattered so that each part of them is a sample of all. */
function everyNth(wanted: number): Float32Array {
  const all = values.length / dim;
  const sample = new Float32Array(wanted * dim);
  // A step that has no factor in common with the number visits each vector once.
  let step = Math.floor(all * 0.618) | 1;
  while (gcd(step, all) > 1) step += 2;
  for (let i = 0; i < wanted; i++) {
    const from = ((i * step) % all) * dim;
    sample.set(values.subarray(from, from + dim), i * dim);
  }
  return sample;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

const engine = createOrtEngine({ threads: 0 });

/** Coordinates of vectors in the directions that hold most of the energy of a sample. */
async function coordinatesOf(sample: Float32Array, ...sets: readonly Float32Array[]): Promise<Float32Array[]> {
  const learner = await createBasisLearner(engine, sample, dim);
  const { values, size } = await learner.learn(dim);
  await learner.release();
  return sets.map((vectors) => {
    const out = new Float32Array((vectors.length / dim) * dim);
    for (let row = 0; row < vectors.length; row += dim) {
      const sums = new Float64Array(size);
      for (let i = 0; i < dim; i++) {
        for (let k = 0; k < size; k++) sums[k] += vectors[row + i] * values[i * size + k];
      }
      out.set(sums, row);
    }
    return out;
  });
}

/** Centroids by a few Lloyd steps from sampled vectors. */
function centroidsOf(sample: Float32Array): Float32Array {
  let centroids = sample.slice(0, count * dim);
  for (let step = 0; step < LLOYD; step++) {
    const sums = new Float64Array(count * dim);
    const members = new Int32Array(count);
    for (let row = 0; row < sample.length; row += dim) {
      const own = nearest(sample, row, centroids);
      members[own]++;
      for (let i = 0; i < dim; i++) sums[own * dim + i] += sample[row + i];
    }
    centroids = centroids.map((value, at) => {
      const own = members[Math.floor(at / dim)];
      return own === 0 ? value : sums[at] / own;
    });
  }
  return centroids;
}

function nearest(vectors: Float32Array, from: number, centroids: Float32Array): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let c = 0; c < count; c++) {
    const distance = squaredDistance(vectors, from, centroids, c * dim, dim);
    if (distance >= least) continue;
    least = distance;
    best = c;
  }
  return best;
}

/** Every dot product of the one with the others, row by row. */
function products(a: Float32Array, b: Float32Array): Float64Array {
  const [n, m] = [a.length / dim, b.length / dim];
  const all = new Float64Array(n * m);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) all[i * m + j] = cosine(a, i * dim, b, j * dim, dim);
  return all;
}

const percent = (share: number) => 100 * share;
const found: { key: string; what: string; values: number[] }[] = [];
const add = (key: string, what: string, values: number[]) => {
  found.push({ key, what, values });
  console.log(`${what.padEnd(86)} ${values.map((value) => value.toPrecision(3).padStart(9)).join("")}`);
};

console.log(`${GEOMETRY_TITLES[geometry]}, ${dim} components; thresholds ${thresholds.join(", ")}`);
const [u, v] = await coordinatesOf(learnt, rows, columns);

// One set of directions for all: what the join does, without its rounding.
const survivals = await Promise.all(
  thresholds.map(async (threshold) => {
    const all = [];
    const options = { engine, rows: u, columns: v, width: dim, sizes, threshold, margin: () => 0 };
    for await (const survival of survivalOf(options)) all.push(survival);
    return all;
  }),
);
for (const [s, size] of sizes.entries()) {
  const values = survivals.map((all) => percent(all[s].pairs));
  add(`pairs-${size}`, `pairs left by ${size} directions, %`, values);
}
for (const [s, size] of sizes.entries()) {
  const values = survivals.map((all) => percent(all[s].strips));
  add(`strips-${size}`, `strips of 64 columns with such a pair, ${size} directions, %`, values);
}

// The same pair by pair: a bound that stops at the first direction that rejects.
{
  const sums = thresholds.map(() => 0);
  for (let r = 0; r < ROWS * dim; r += dim) {
    for (let c = 0; c < COLUMNS * dim; c += dim) {
      let inside = 0;
      let [restU, restV] = [1, 1];
      let open = thresholds.length;
      for (let k = 0; k < dim && open > 0; k++) {
        inside += u[r + k] * v[c + k];
        restU -= u[r + k] ** 2;
        restV -= v[c + k] ** 2;
        const bound = inside + Math.sqrt(Math.max(0, restU) * Math.max(0, restV));
        for (const [t, threshold] of thresholds.entries()) if (bound >= threshold || k === dim - 1) sums[t]++;
        open = thresholds.filter((threshold) => bound >= threshold).length;
      }
    }
  }
  add(
    "mean-depth",
    "directions until a pair is rejected, mean",
    sums.map((sum) => sum / (ROWS * COLUMNS)),
  );
}

// Local centroids: x = c + a, y = d + b, x·y = c·y + x·d - c·d + a·b, of which a bound knows all but a·b.
{
  const centroids = centroidsOf(learnt);
  const cells = [rows, columns, learnt].map((vectors) =>
    Int32Array.from({ length: vectors.length / dim }, (_, i) => nearest(vectors, i * dim, centroids)),
  );
  const outside = (vectors: Float32Array, own: (row: number) => number) =>
    vectors.map((value, at) => value - centroids[own(Math.floor(at / dim)) * dim + (at % dim)]);
  const sampleRest = outside(learnt, (row) => cells[2][row]);
  const rest = [outside(rows, (row) => cells[0][row]), outside(columns, (row) => cells[1][row])];
  const [a, b] = await coordinatesOf(sampleRest, rest[0], rest[1]);
  const [toRows, toColumns, between] = [rows, columns, centroids].map((vectors) => products(centroids, vectors));
  const lengths = rest.map((vectors) =>
    Float64Array.from({ length: vectors.length / dim }, (_, i) => cosine(vectors, i * dim, vectors, i * dim, dim)),
  );
  const left = sizes.map(() => thresholds.map(() => 0));
  for (let r = 0; r < ROWS; r++) {
    for (let c = 0; c < COLUMNS; c++) {
      const [own, other] = [cells[0][r], cells[1][c]];
      const known = toColumns[own * COLUMNS + c] + toRows[other * ROWS + r] - between[own * count + other];
      let inside = 0;
      let [restA, restB] = [lengths[0][r], lengths[1][c]];
      let k = 0;
      for (const [s, size] of sizes.entries()) {
        for (; k < size; k++) {
          inside += a[r * dim + k] * b[c * dim + k];
          restA -= a[r * dim + k] ** 2;
          restB -= b[c * dim + k] ** 2;
        }
        const bound = known + inside + Math.sqrt(Math.max(0, restA) * Math.max(0, restB));
        for (const [t, threshold] of thresholds.entries()) if (bound >= threshold) left[s][t]++;
      }
    }
  }
  for (const [s, size] of sizes.entries()) {
    const what = `pairs left by ${count} local centroids and ${size} directions of what they leave, %`;
    const values = left[s].map((pairs) => percent(pairs / (ROWS * COLUMNS)));
    add(`local-${size}`, what, values);
  }
  // Whole cells: the nearest that members of two cells can be, by the radii of the cells.
  const radius = new Float64Array(count);
  const members = new Int32Array(count);
  for (const side of [0, 1]) {
    for (const [i, own] of cells[side].entries()) {
      members[own]++;
      radius[own] = Math.max(radius[own], Math.sqrt(lengths[side][i]));
    }
  }
  const all = members.reduce((sum, n) => sum + n, 0);
  const rejected = thresholds.map((threshold) => {
    const reach = Math.sqrt(2 - 2 * threshold);
    let pairs = 0;
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const squared = squaredDistance(centroids, i * dim, centroids, j * dim, dim);
        if (Math.sqrt(squared) - radius[i] - radius[j] > reach) pairs += members[i] * members[j];
      }
    }
    return percent(pairs / all ** 2);
  });
  add("cells", `pairs in cells of ${count} centroids that are rejected whole, by radii, %`, rejected);
}

const table = await openTable({
  id: "join-bounds",
  title: "What bounds can do",
  columns: [
    { key: "what", title: GEOMETRY_TITLES[geometry] },
    ...thresholds.map((threshold) => ({ key: `t${threshold}`, title: `cosine ${threshold}` })),
  ],
});
for (const { key, what, values } of found) {
  table.add(`${geometry}-${key}`, {
    what,
    ...Object.fromEntries(thresholds.map((threshold, t) => [`t${threshold}`, Number(values[t].toPrecision(2))])),
  });
}
table.write();
