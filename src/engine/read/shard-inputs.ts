import { readFile } from "node:fs/promises";
import { readColumns } from "../../io/arrow/number-table.js";
import { writeDurably } from "../../io/durable.js";
import { type FileStamp, type InputFile, stampOf } from "../../io/open-sources.js";
import { RejectedRecords } from "../../io/rejected-records.js";
import { type StoredColumns, storeColumns } from "../../io/schema/stored-schema.js";
import type { DedupOptions } from "../../run/options.js";
import { openFiles } from "../../run/read/open-inputs.js";
import type { ReadableInputs } from "../../run/read/read-rows.js";
import type { PlannedFile, RunPlan } from "../plan.js";
import type { FinishedTask } from "../stage.js";
import { FILES } from "../task-files.js";
import { readUnitedSchema } from "./united-schema.js";

/** A file of a shard as the read task saw it. */
export interface ScannedSource {
  readonly stamp: FileStamp;
  readonly columns: StoredColumns;
}

/** Where the bytes of a file lie. */
export function placeOf({ name, copy }: PlannedFile): string {
  return copy ?? name;
}

/** The files of a shard, in order. */
export function filesOf({ files, shards }: RunPlan, shard: number): readonly PlannedFile[] {
  return files.slice(...shards[shard]);
}

/** A shard to open. */
export interface OpenShard {
  readonly plan: RunPlan;
  readonly options: DedupOptions;
  readonly shard: number;
}

/**
 * Opens the files of a shard, with the columns that the paths of all files and `--source-field` add, as one machine opens
 * all files.
 * @param stamps what each file was before; a second pass then fails where it is another now
 * @throws InputError where a file cannot be recognised or read
 */
export function openShard({ plan, options, shard }: OpenShard, stamps?: readonly FileStamp[]): Promise<InputFile[]> {
  const planned = filesOf(plan, shard);
  const copies = new Map(planned.flatMap(({ name, copy }) => (copy === undefined ? [] : [[name, copy] as const])));
  return openFiles(
    planned.map(({ name }) => name),
    {
      shared: options,
      copies,
      stamps,
      all: { names: plan.files.map(({ name }) => name), first: plan.shards[shard][0] },
    },
  );
}

/** What the files of a shard are now; undefined where one is missing, which `openShard` puts into words. */
export async function stampsOf({ plan, shard }: OpenShard): Promise<FileStamp[] | undefined> {
  return Promise.all(filesOf(plan, shard).map((file) => stampOf(placeOf(file)))).catch(() => undefined);
}

/** Saves what a scan has found in the files of a shard. */
export async function writeScanned(
  path: string,
  files: readonly InputFile[],
  stamps: readonly FileStamp[],
): Promise<void> {
  const scanned: ScannedSource[] = [];
  for (const [at, { source }] of files.entries()) {
    scanned.push({ stamp: { ...stamps[at], sha256: source.sha256 }, columns: await storeColumns(source) });
  }
  await writeDurably(path, JSON.stringify(scanned));
}

/** What the scan has found in the files of a shard. */
export async function readScanned(read: FinishedTask<"read">): Promise<readonly ScannedSource[]> {
  return JSON.parse(await readFile(read.path(FILES.read.scanned), "utf8")) as ScannedSource[];
}

/** Opens the files of a shard once more, for the second pass. @throws as `openShard` */
export async function reopenShard(shard: OpenShard, read: FinishedTask<"read">): Promise<InputFile[]> {
  return openShard(
    shard,
    (await readScanned(read)).map(({ stamp }) => stamp),
  );
}

/**
 * What `readRows` needs for the rows of one shard. `firstRows` counts over all rows of the run; `rejected` holds the records
 * that the scan rejected, to which the caller adds those that a server refused. Memory: 4 bytes a row while it is made,
 * one bit a row afterwards.
 *
 * The rejects.jsonl of the shards, one after the other, are that of one machine: lines are counted by file, and a shard
 * consists of whole files. Those that a server refused come behind all of them, again by shards.
 * @throws as `openShard`; the rows fail with a FailedRunError where a file is not what the read task saw
 */
export async function readableShard(
  shard: OpenShard,
  tasks: { readonly read: FinishedTask<"read">; readonly number: FinishedTask<"number"> },
): Promise<ReadableInputs> {
  const { read, number } = tasks;
  const files = await reopenShard(shard, read);
  const sources = files.map(({ source }) => source);
  const first = number.facts.firstRows[shard.shard];
  const { inputs, records } = read.facts;
  return {
    sources,
    index: {
      firstRows: [...inputs.map((input) => first + input.first_row), first + records],
      rejected: await rejectedRecords(read),
    },
    schema: await readUnitedSchema(number, sources, shard.options),
  };
}

/** The records of each file that a read task rejected. */
export async function rejectedRecords(read: FinishedTask<"read">): Promise<RejectedRecords[]> {
  const { raw } = await readColumns<{ raw: Int32Array }>(read.path(FILES.read.rows));
  return read.facts.inputs.map(({ name, first_row: first, rows }) => {
    const rejected = new RejectedRecords(name);
    for (let start = 0; start < rows; start += SLICE) {
      const end = Math.min(start + SLICE, rows);
      const found: { record: number }[] = [];
      for (let record = start; record < end; record++) if (raw[first + record] < 0) found.push({ record });
      rejected.add(end - start, found);
    }
    return rejected;
  });
}

/** Records whose rejects are objects at the same time. */
const SLICE = 1 << 16;
