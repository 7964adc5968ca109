import { type FileHandle, open } from "node:fs/promises";
import type { Reject } from "./source.js";

/** Writes rejects.jsonl. The file comes into being with the first reject, so a clean run has none. */
export interface RejectsWriter {
  readonly count: number;
  /** Appends rejects of a source, in order. */
  write(source: string, rejects: readonly Reject[]): Promise<void>;
  /** Syncs and closes. */
  finish(): Promise<void>;
}

/** Opens a writer; nothing is written before the first reject. */
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
