import type { VectorReader } from "../../src/vectors/reader.js";

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

/** Sets of unit vectors that are hard on a bound by quantised prefixes: small, so that every pair can be looked at. */
export function adversarialSets(): { name: string; values: Float32Array; dim: number }[] {
  const random = randomSource(11);
  const make = (count: number, dim: number, value: (row: number, i: number) => number) => {
    const values = new Float32Array(count * dim);
    for (let row = 0; row < count; row++) for (let i = 0; i < dim; i++) values[row * dim + i] = value(row, i);
    return normaliseRows(values, dim);
  };
  const normal = () => random() + random() + random() - 1.5;
  const directions = Array.from({ length: 5 * 200 }, normal);
  const axis = Array.from({ length: 120 }, normal);
  return [
    { name: "one component", dim: 1, values: make(20, 1, (row) => (row % 3 === 0 ? -1 : 1)) },
    { name: "two components", dim: 2, values: make(90, 2, (row, i) => (i === 0 ? Math.cos(row) : Math.sin(row))) },
    { name: "three components", dim: 3, values: make(90, 3, normal) },
    { name: "all-equal rows", dim: 60, values: make(80, 60, (_, i) => i + 1) },
    { name: "one-hot rows", dim: 130, values: make(130, 130, (row, i) => (row === i ? 1 : 0)) },
    { name: "isotropic rows", dim: 256, values: make(100, 256, normal) },
    {
      name: "rows of rank five",
      dim: 200,
      values: (() => {
        const weights = Array.from({ length: 100 * 5 }, normal);
        return make(100, 200, (row, i) => {
          let sum = 0;
          for (let k = 0; k < 5; k++) sum += weights[row * 5 + k] * directions[k * 200 + i];
          return sum;
        });
      })(),
    },
    {
      name: "huge and tiny components together",
      dim: 128,
      values: make(100, 128, (row, i) => normal() * 10 ** -((i * 7 + row) % 30)),
    },
    {
      name: "rows about a common direction, and a few opposite to it",
      dim: 120,
      values: make(100, 120, (row, i) => (row % 10 === 0 ? -axis[i] : axis[i] + 0.05 * normal())),
    },
    {
      name: "denormal components",
      dim: 100,
      values: make(60, 100, (_, i) => (i === 0 ? 1 : normal() * 1e-40)),
    },
  ];
}
