import { randomSource } from "../join/vectors.js";

/** Shapes of made vectors: like those of a BGE model, or with no structure at all. */
export type Geometry = "bge" | "isotropic";

/** Numbers nearly normal with variance 1: sums of three uniform ones. */
function nearlyNormal(random: () => number): number {
  return 2 * (random() + random() + random()) - 3;
}

/**
 * Makes unit vectors batch after batch (n × dim each, row-major), the same ones for the same seed.
 * `bge`: mean cosine 0.45, the rest with variances falling as i^-0.8, as measured on BGE vectors. `isotropic`: equal
 * variances and mean 0. One row in twenty is a near-copy of one in the 1,000 rows before it, of cosine 0.85 to 1.
 */
export function* makeVectors(options: {
  geometry: Geometry;
  rows: number;
  dim: number;
  seed: number;
  batchRows?: number;
}): Generator<Float32Array> {
  const { geometry, rows, dim, seed, batchRows = 1000 } = options;
  const random = randomSource(seed);
  const deviations = new Float64Array(dim);
  const mean = geometry === "bge" ? Math.sqrt(0.45) : 0;
  let total = 0;
  for (let i = 0; i < dim; i++) {
    deviations[i] = geometry === "bge" ? (i + 1) ** -0.4 : 1;
    total += deviations[i] ** 2;
  }
  for (let i = 0; i < dim; i++) deviations[i] *= Math.sqrt((1 - mean * mean) / total);
  // The mean points along a diagonal, so that it is no axis of the variances.
  const offset = mean / Math.sqrt(dim);
  for (let start = 0; start < rows; start += batchRows) {
    const count = Math.min(batchRows, rows - start);
    const values = new Float32Array(count * dim);
    for (let row = 0; row < count; row++) {
      const at = row * dim;
      const copied = row > 0 && random() < 0.05;
      const origin = copied ? Math.floor(random() * row) * dim : 0;
      // Noise of relative length ν gives a cosine of about 1 / sqrt(1 + ν²).
      const noise = copied ? 0.6 * random() : 0;
      let squared = 0;
      for (let i = 0; i < dim; i++) {
        const fresh = deviations[i] * nearlyNormal(random);
        const value = copied ? values[origin + i] + noise * fresh : offset + fresh;
        values[at + i] = value;
        squared += value * value;
      }
      const scale = 1 / Math.sqrt(squared);
      for (let i = 0; i < dim; i++) values[at + i] *= scale;
    }
    yield values;
  }
}
