import { type FileHandle, open } from "node:fs/promises";
import type { Reject } from "./source.js";

/** Writes rejects.jsonl. The first reject creates the file, so a run without rejects leaves none. */
export interface RejectsWriter {
  /** Rejects written so far. */
  readonly count: number;
  /** Appends rejects of the source named `source`, in order. */
  write(source: string, rejects: readonly Reject[]): Promise<void>;
  /** Syncs and closes. */
  finish(): Promise<void>;
}

/** Creates a writer for the file at `path`, which is replaced by the first reject. */
export function createRejectsWriter(path: string): RejectsWriter {
  let file: FileHandle | undefined;
  let count = 0;
  return {
    get count() {
      return count;
    },
    async write(source, rejects) {
      if (rejects.length === 0) return;
      file ??= await open(path, "w");
      const lines = rejects.map(({ line, error, raw, rawBase64 }) =>
        JSON.stringify({ source, line, error, raw, ...(rawBase64 === true ? { encoding: "base64" } : {}) }),
      );
      await file.appendFile(`${lines.join("\n")}\n`);
      count += rejects.length;
    },
    async finish() {
      await file?.sync();
      await file?.close();
    },
  };
}
