import type { VectorReader } from "../../src/dedup/vectors.js";

/** mulberry32: small, seeded, good enough to make test vectors. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Scales each row of n × dim to unit length, as the store holds them. Rows of zeros are not allowed there. */
export function normaliseRows(values: Float32Array, dim: number): Float32Array {
  for (let start = 0; start < values.length; start += dim) {
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += values[start + i] ** 2;
    const scale = 1 / Math.sqrt(sum);
    for (let i = 0; i < dim; i++) values[start + i] *= scale;
  }
  return values;
}

/** Random unit vectors of which `families` share of the rows are noisy copies of earlier ones. */
export function clusteredVectors(options: {
  count: number;
  dim: number;
  seed: number;
  families: number;
  noise: number;
}): Float32Array {
  const { count, dim, seed, families, noise } = options;
  const random = randomSource(seed);
  const values = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) {
    const origin = row > 0 && random() < families ? Math.floor(random() * row) : -1;
    for (let i = 0; i < dim; i++) {
      const fresh = random() + random() - 1;
      values[row * dim + i] = origin < 0 ? fresh : values[origin * dim + i] + noise * fresh;
    }
  }
  return normaliseRows(values, dim);
}

/** Vectors in memory behind the interface that kernels read. */
export function arrayReader(values: Float32Array, dim: number): VectorReader {
  return {
    count: values.length / dim,
    dim,
    async gather(positions, into) {
      for (let i = 0; i < positions.length; i++) {
        into.set(values.subarray(positions[i] * dim, (positions[i] + 1) * dim), i * dim);
      }
    },
  };
}
