import { type Data, Field, FixedSizeList, Float32, makeData } from "apache-arrow";
import { float32Column } from "../io/columns/plain.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import type { Reporter } from "../reporter.js";
import { openVectorStore } from "../vectors/store.js";
import type { TableLayout } from "./flags/export.js";
import { type Projection, projectVectors } from "./page/project.js";

/** The columns that one layout adds to those of all. */
export interface LayoutColumns {
  readonly fields: readonly Field[];
  /**
   * Makes them for some rows.
   * @param positions of the vectors; -1 where a row has none, which makes its cell null
   */
  columns(positions: ArrayLike<number>): Promise<readonly Data[]>;
  close(): Promise<void>;
}

/** What a layout is made of. */
interface LayoutOptions {
  readonly storePath: string;
  readonly threads: number;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** Prepares the columns of a layout; the caller closes them. */
export function openLayout(layout: TableLayout, options: LayoutOptions): Promise<LayoutColumns> {
  return layout === "plain" ? vectorColumn(options) : mapColumns(options);
}

/** `vector`, as embeddings.arrow has it. */
async function vectorColumn({ storePath }: LayoutOptions): Promise<LayoutColumns> {
  const store = await openVectorStore(storePath);
  const { dim } = store;
  const type = new FixedSizeList(dim, new Field("item", new Float32(), false));
  return {
    fields: [new Field("vector", type, true)],
    async columns(positions) {
      const length = positions.length;
      const present = Array.from(positions).flatMap((position, i) => (position < 0 ? [] : [i]));
      const found = new Float32Array(present.length * dim);
      await store.gather(
        present.map((i) => positions[i]),
        found,
      );
      const values = new Float32Array(length * dim);
      const validity = new Uint8Array(Math.ceil(length / 8));
      for (const [at, i] of present.entries()) {
        values.set(found.subarray(at * dim, (at + 1) * dim), i * dim);
        validity[i >> 3] |= 1 << (i & 7);
      }
      const child = makeData({ type: new Float32(), length: values.length, nullCount: 0, data: values });
      return [makeData({ type, length, nullCount: length - present.length, nullBitmap: validity, child })];
    },
    close: () => store.close(),
  };
}

/** `x` and `y`, the places of all vectors on a map. */
async function mapColumns({ storePath, threads, reporter, signal }: LayoutOptions): Promise<LayoutColumns> {
  const vectors = await openVectorStore(storePath);
  let places: Pick<Projection, "x" | "y"> = { x: new Float32Array(), y: new Float32Array() };
  try {
    if (vectors.count > 0) {
      const placing = reporter.stage("map", vectors.count);
      places = await projectVectors({
        vectors,
        positions: Uint32Array.from({ length: vectors.count }, (_, position) => position),
        engine: createOrtEngine({ threads }),
        onDone: (share) => placing.advance(Math.floor(share * vectors.count)),
        signal,
      });
      placing.end();
    }
  } finally {
    await vectors.close();
  }
  return {
    fields: [new Field("x", new Float32(), true), new Field("y", new Float32(), true)],
    columns: async (positions) =>
      [places.x, places.y].map((axis) =>
        float32Column(Array.from(positions, (position) => (position < 0 ? null : axis[position]))),
      ),
    close: async () => {},
  };
}
