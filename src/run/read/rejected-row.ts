import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { DedupManifest } from "../work/dedup-folder.js";

/** A line of rejects.jsonl. */
export interface RejectedRecord {
  readonly source: string;
  /** Line of the source, or number of the record where it has no lines, from 1. */
  readonly line: number;
  readonly error: string;
  /** The record as received; in base64 where `encoding` says so. */
  readonly raw: string;
  readonly encoding?: "base64";
}

/**
 * Finds a rejected row in rejects.jsonl, whose lines have no row numbers: the rejects in the order of the inputs and of
 * their lines are the rows in neither table. Those that a server refused come at the end of the file, so the file is
 * read once for the order and once for the line.
 * @param options.nth number of rejected rows before this one
 * @returns undefined where the file is missing or has fewer lines
 */
export async function readRejected(options: {
  readonly path: string;
  readonly nth: number;
  readonly inputs: DedupManifest["inputs"];
}): Promise<RejectedRecord | undefined> {
  const { path, nth, inputs } = options;
  if (!existsSync(path)) return undefined;
  // Inputs that the manifest does not name follow in the order of their first reject.
  const order = new Map(inputs.map(({ name }, at) => [name, at]));
  const keys: { readonly source: number; readonly line: number; readonly at: number }[] = [];
  for await (const { source, line } of records(path)) {
    if (!order.has(source)) order.set(source, order.size);
    keys.push({ source: order.get(source) as number, line, at: keys.length });
  }
  const wanted = keys.sort((a, b) => a.source - b.source || a.line - b.line)[nth];
  let at = 0;
  for await (const record of records(path)) if (at++ === wanted?.at) return record;
  return undefined;
}

async function* records(path: string): AsyncGenerator<RejectedRecord> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) yield JSON.parse(line) as RejectedRecord;
}
