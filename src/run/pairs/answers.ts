import { constants } from "node:fs";
import { access, type FileHandle, open, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { UsageError } from "../../errors.js";
import { syncFolder } from "../../io/durable.js";
import { openSources } from "../../io/open-sources.js";
import type { SharedOptions } from "../options.js";
import { isDedupFolder } from "../work/dedup-folder.js";
import { type PairFaults, type PairRecord, readPairs } from "./labelled-pairs.js";

/** A person's judgement of a pair, as a line of the answers holds it. The first three fields make it a labelled pair. */
export interface AnswerLine {
  readonly text_a: string;
  readonly text_b: string;
  /** 1: the same, 0: different, null: skipped. A later line of the same texts replaces an earlier one. */
  readonly label: 0 | 1 | null;
  readonly cosine: number;
  readonly rows: readonly [number, number];
  /** Fingerprint of the model that measured the cosine. */
  readonly model: string;
  /** When the answer was given, as ISO 8601. */
  readonly time: string;
}

/** The file that keeps the answers of all sessions, one line each. */
export interface AnswersFile {
  /** The pairs judged or skipped in earlier sessions, in the order of their answers. */
  readonly earlier: readonly PairRecord[];
  readonly faults: PairFaults;
  /** Appends an answer and syncs it to disk. The first one creates the file. */
  append(line: AnswerLine): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the answers at `path`, which need not exist. Nothing is written before the first answer.
 * @param options.inputs what is calibrated; the answers must not be among it, or a run would read them as rows
 * @param options.memory bytes that the whole program may take
 * @throws UsageError where answers cannot be written there or lie among the inputs; InputError where the file holds
 * something other than pairs
 */
export async function openAnswers(
  path: string,
  { inputs, memory }: Pick<SharedOptions, "inputs" | "memory">,
): Promise<AnswersFile> {
  await requireOutside(path, inputs);
  const found = await stat(path).catch(() => undefined);
  try {
    if (found?.isDirectory()) throw new Error("it is a folder");
    await access(found === undefined ? dirname(path) : path, constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
  const faults: PairFaults = { rejected: 0 };
  const earlier: PairRecord[] = [];
  if (found !== undefined && found.size > 0) {
    const [{ source }] = await openSources([path], { memory, wishes: { format: "jsonl" } });
    for await (const pair of readPairs(source, faults)) earlier.push(pair);
  }
  let file: FileHandle | undefined;
  return {
    earlier,
    faults,
    async append(line) {
      if (file === undefined) {
        file = await open(path, "a").catch((error): never => {
          throw unwritable(path, error);
        });
        if (found === undefined) await syncFolder(dirname(path));
        // A line that a crash cut short must not swallow the next one.
        if (found !== undefined && !(await endsWithLine(path))) await file.appendFile("\n");
      }
      await file.appendFile(`${JSON.stringify(line)}\n`);
      await file.sync();
    },
    async close() {
      await file?.close();
    },
  };
}

const unwritable = (path: string, cause: unknown) =>
  new UsageError(`answers cannot be written to ${path}: ${(cause as Error).message}; choose another --answers`);

/** @throws UsageError where the path is an input, or lies in a folder whose files are inputs */
async function requireOutside(path: string, inputs: readonly string[]): Promise<void> {
  if (isDedupFolder(inputs)) return;
  for (const input of inputs) {
    const folder = await stat(input).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const inside = folder ? !relative(input, path).startsWith("..") : resolve(input) === resolve(path);
    if (!inside) continue;
    throw new UsageError(
      `the answers ${path} lie among the inputs ${input}, which would read them as rows; choose another --answers`,
    );
  }
}

/** Whether a file is empty or ends with a line end. */
async function endsWithLine(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    await file.read(last, 0, 1, Math.max(0, size - 1));
    return size === 0 || last[0] === 10;
  } finally {
    await file.close();
  }
}
