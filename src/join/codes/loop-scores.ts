import type { ScoreProduct } from "./tile-product.js";

/** Multiplications up to which plain loops are taken to need less time than loading an engine and compiling a product. */
const FEW_MULTIPLICATIONS = 2e7;

/** True where the scores of `pairs` pairs are not worth an engine: among 279 vectors of 256 components or 139 of 1,024. */
export function areFewScores(pairs: number, dim: number): boolean {
  return pairs * dim <= FEW_MULTIPLICATIONS;
}

/** The product of `createScoreProduct` by loops: sums in float64, rounded once, so within the bound of a float32 sum. */
export function loopScores(dim: number): ScoreProduct {
  return {
    async scores(rows, columns) {
      const scores = new Float32Array((rows.length / dim) * (columns.length / dim));
      let at = 0;
      for (let r = 0; r < rows.length; r += dim) {
        for (let c = 0; c < columns.length; c += dim) {
          let a = 0;
          let b = 0;
          let e = 0;
          let f = 0;
          let i = 0;
          for (; i + 3 < dim; i += 4) {
            a += rows[r + i] * columns[c + i];
            b += rows[r + i + 1] * columns[c + i + 1];
            e += rows[r + i + 2] * columns[c + i + 2];
            f += rows[r + i + 3] * columns[c + i + 3];
          }
          for (; i < dim; i++) a += rows[r + i] * columns[c + i];
          scores[at++] = a + b + (e + f);
        }
      }
      return scores;
    },
    release: async () => {},
  };
}
