import { modelProto } from "../../onnx/builder.js";
import type { Engine } from "../../onnx/engine.js";
import type { Clusters, TileOfRows } from "./clusters.js";
import { scoreGraph } from "./scores.js";

/**
 * The number of rows of a product is a multiple of this. The engine keeps memory for each shape that it has seen, so
 * few shapes keep its memory pool small.
 */
const ROW_STEP = 64;

/** Compiles the product of tiles of at most `tileRows` rows and all centroids. Memory: the scores of one tile. */
export async function compileProduct(engine: Engine, clusters: Clusters, tileRows: number) {
  const { dim, k, bounded, space, assignment, pass } = clusters;
  const { chunk, arrays, at, run, width } = space;
  const kernel = await engine.compile(modelProto(scoreGraph(dim, k)));

  async function scoresOf({ vectors, count }: TileOfRows): Promise<Float32Array> {
    const computed = Math.min(tileRows, Math.ceil(count / ROW_STEP) * ROW_STEP);
    const { scores } = await kernel.run({
      rows: {
        dtype: "float32",
        shape: [computed, dim],
        data: vectors.subarray(0, computed * dim) as Float32Array<ArrayBuffer>,
      },
      centroids: { dtype: "float32", shape: [k, dim], data: pass.centroids },
      bias: { dtype: "float32", shape: [k], data: arrays.biases.slice() },
    });
    return scores.data as Float32Array;
  }

  return {
    /** Assigns a tile by the product of all its rows and all centroids. */
    async assign(tile: TileOfRows): Promise<void> {
      const scores = await scoresOf(tile);
      const end = tile.start + tile.count;
      for (let first = tile.start; first < end; first += chunk) {
        const size = Math.min(chunk, end - first);
        const isNew = assignment[first] < 0;
        const vectors = isNew ? clusters.vectorsOf(tile, first, size) : undefined;
        if (vectors !== undefined) clusters.measureNorms(vectors, first, size);
        else if (first >= bounded) arrays.norms.fill(1, bounded, bounded + size);
        arrays.from.set(assignment.subarray(first, first + size));
        const from = (first - tile.start) * k;
        arrays.scores.set(scores.subarray(from, from + size * k));
        const row = clusters.slot(first);
        const unsure = run.rankScores(
          at.scores,
          size,
          k,
          at.norms + 4 * row,
          pass.productSlack,
          width,
          at.lower + 2 * width * row,
          at.upper + 2 * row,
          at.to,
          at.unsure,
        );
        clusters.take(tile, first, size, unsure, vectors);
      }
    },
    release: () => kernel.release(),
  };
}
