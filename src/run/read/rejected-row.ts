import { createReadStream, existsSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { InputError } from "../../errors.js";
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
 * @throws InputError where the file cannot be read or a line is no record
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
  for await (const { source, line } of readRejects(path)) {
    if (!order.has(source)) order.set(source, order.size);
    keys.push({ source: order.get(source) as number, line, at: keys.length });
  }
  const wanted = keys.sort((a, b) => a.source - b.source || a.line - b.line)[nth];
  let at = 0;
  for await (const record of readRejects(path)) if (at++ === wanted?.at) return record;
  return undefined;
}

/** Reads a rejects.jsonl. @throws InputError where the file cannot be read or a line is no record */
export async function* readRejects(path: string): AsyncGenerator<RejectedRecord> {
  let number = 0;
  for await (const line of linesOf(path)) {
    number++;
    try {
      yield JSON.parse(line) as RejectedRecord;
    } catch (cause) {
      throw new InputError(`line ${number} of ${path} is damaged: ${(cause as Error).message}; run bge-dedup again`);
    }
  }
}

/** The lines of a file. node:readline would leave the file open and an error of the file uncaught. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  try {
    for await (const bytes of createReadStream(path)) {
      const lines = (rest + decoder.write(bytes as Buffer)).split("\n");
      rest = lines.pop() as string;
      yield* lines;
    }
  } catch (cause) {
    throw new InputError(`cannot read ${path}: ${(cause as Error).message}; check its permissions`);
  }
  if (rest !== "") yield rest;
}
