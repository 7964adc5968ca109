import { type FileHandle, open } from "node:fs/promises";
import { writeColumns } from "../../io/arrow/number-table.js";
import type { RowIndex, TextWindow } from "../../run/read/read-texts.js";

/** Name of a file of texts of a read task: a JSON string a line. */
export const textsFile = (chunk: number) => `texts/${chunk}.jsonl`;
/** Name of a file of the input's own vectors, not normalised, of the texts of a chunk: `vector:DIM` Float32. */
export const vectorsFile = (chunk: number) => `vectors/${chunk}.arrow`;

/** Writes the texts of the groups of a shard, a number of them a file. */
export interface TextChunks {
  /** Files so far. */
  readonly count: number;
  /** Appends the texts of the next groups. */
  add(window: TextWindow): Promise<void>;
  /** Syncs and closes the last file. */
  finish(): Promise<void>;
}

/**
 * Creates the writer of the texts of a shard. A text is a JSON string, in which lone surrogates survive as escapes; it is
 * empty where a record has only a vector. Memory: a window, and the vectors of a chunk.
 * @param options.texts texts of a file
 * @param options.index knows the components of a vector
 */
export function createTextChunks(options: {
  readonly path: (name: string) => string;
  readonly texts: number;
  readonly index: Pick<RowIndex, "vectorDim">;
}): TextChunks {
  const { path, texts: most, index } = options;
  let count = 0;
  let file: FileHandle | undefined;
  let written = 0;
  let vectors: Float32Array[] = [];

  async function close(): Promise<void> {
    if (file === undefined) return;
    await file.sync();
    await file.close();
    file = undefined;
    if (vectors.length > 0) {
      const dim = index.vectorDim;
      const all = new Float32Array(vectors.length * dim);
      for (const [i, vector] of vectors.entries()) all.set(vector, i * dim);
      await writeColumns(path(vectorsFile(count - 1)), { [`vector:${dim}`]: all });
    }
    vectors = [];
  }

  return {
    get count() {
      return count;
    },
    async add(window) {
      for (let at = 0; at < window.texts.length; ) {
        if (file === undefined) {
          file = await open(path(textsFile(count++)), "w");
          written = 0;
        }
        const end = Math.min(window.texts.length, at + most - written);
        const lines = window.texts.slice(at, end).map((text) => `${JSON.stringify(text)}\n`);
        await file.appendFile(lines.join(""));
        // A view would keep the vectors of all records of its batch.
        for (const vector of window.vectors?.slice(at, end) ?? []) vectors.push(vector.slice());
        written += end - at;
        at = end;
        if (written === most) await close();
      }
    },
    finish: close,
  };
}
