import { writeColumns } from "../../io/arrow/number-table.js";
import type { InputFile } from "../../io/open-sources.js";
import { createRejectsWriter } from "../../io/rejects.js";
import { guardSignatures } from "../../run/read/guard-signatures.js";
import { identifyInput } from "../../run/read/open-inputs.js";
import { createRowIndex, type RowIndex, readTexts } from "../../run/read/read-texts.js";
import { REJECTS } from "../../run/write/output-names.js";
import type { ReadFacts } from "../facts.js";
import type { Stage, TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";
import { earlierDimension } from "./earlier-dimension.js";
import { entriesOf, TextHashes } from "./entries.js";
import { orderOfShard } from "./folder-order.js";
import { faultOf, type InputFault } from "./input-fault.js";
import { braked, writeBatchCounts } from "./reject-batches.js";
import { openShard, stampsOf, writeScanned } from "./shard-inputs.js";
import { createTextChunks } from "./text-chunks.js";

/** Characters of a window: so many that only the number of its texts limits a window, since no model runs. */
const WINDOW_CHARS = 1 << 24;

/**
 * Reads shards of whole input files: rejects bad records, finds equal texts within the shard, and deals them to the buckets
 * of the stage `exact`. It writes
 *
 *     rows.arrow      raw Int32: number of each record's distinct text as received, -1 where it was rejected
 *     entries.arrow   the distinct texts, a part for each bucket, see `Entries`
 *     texts/N.jsonl   text of each local group, `chunkTexts` a file; vectors/N.arrow its vector, where the input has them
 *     guards.arrow    signature BigUint64 of each local group, where a guard is active
 *     rejects.jsonl   the rejected records; scanned.json the columns of each file and what the file was
 *
 * Bad inputs do not fail the task: its facts tell the fault, and `requireUsable` throws the one that one machine would have
 * ended with. Memory: that of `ExactTexts` and `RowOrder` for the rows of the shard, 32 bytes for each distinct text, and
 * 64 more while they are dealt; with vectors those of a chunk of texts.
 */
export const read: Stage<"read"> = {
  name: "read",
  phase: "read",
  after: [],
  count: async ({ shards }) => shards.length,
  run: readShard,
};

async function readShard(context: TaskContext): Promise<ReadFacts> {
  const { plan, options, index: shard, path } = context;
  const stamps = await stampsOf({ plan, options, shard });
  let files: readonly InputFile[];
  try {
    files = await openShard({ plan, options, shard }, stamps);
  } catch (error) {
    return { ...NOTHING, fault: faultOf("open", error) };
  }
  const hashes = new TextHashes();
  const index = createRowIndex({ keep: options.keep, onText: (text, form) => hashes.add(text, form) });
  index.vectorDim = await earlierDimension(context);
  const guards = await guardSignatures(options.guards);
  const scanned = await scanShard(context, { files, index, onGroup: guards.add });
  const { rejected, fault } = scanned;
  const { rows: records, rawTexts: raws, groups } = index.exact.counts;
  const { vectorDim } = index;
  const formats = files.map(({ format }) => format);
  const counts = {
    records,
    rejected,
    unordered: index.order.unordered,
    orderedByFolders: false,
    raws,
    groups,
    chunks: scanned.chunks,
    vectorDim,
    formats,
  };
  if (fault !== undefined) return { ...counts, inputs: [], fault };

  index.exact.close();
  const { order, orderedByFolders } = await orderOfShard(context, files, index.order);
  await writeColumns(path(FILES.read.rows), {
    raw: Int32Array.from({ length: records }, (_, row) => index.exact.rawOf(row)),
  });
  await writeColumns(
    path(FILES.read.entries),
    ...entriesOf({ index: { ...index, order }, hashes, shard, buckets: plan.buckets }),
  );
  const signature = guards.of(Int32Array.from({ length: groups }, (_, group) => group));
  if (signature !== undefined) await writeColumns(path(FILES.read.guards), { signature });
  await writeScanned(path(FILES.read.scanned), files, stamps ?? []);
  const identified = await Promise.all(files.map(identifyInput));
  const inputs = files.map(({ format }, at) => {
    const [first, end] = index.firstRows.slice(at, at + 2);
    return { ...identified[at], format, rows: end - first, first_row: first };
  });
  return { ...counts, unordered: order.unordered, orderedByFolders, inputs };
}

/** Facts of a shard of which no file was read. */
const NOTHING: ReadFacts = {
  records: 0,
  rejected: 0,
  unordered: 0,
  orderedByFolders: false,
  raws: 0,
  groups: 0,
  chunks: 0,
  vectorDim: 0,
  inputs: [],
  formats: [],
};

/**
 * Scans the files of a shard to their end or to a fault, and writes texts and rejects.
 * @returns rejected records and chunks of texts
 */
async function scanShard(
  { plan, options, path, reporter, signal }: TaskContext,
  reading: {
    readonly files: readonly InputFile[];
    readonly index: RowIndex;
    readonly onGroup: (text: string, group: number) => void;
  },
): Promise<{ readonly rejected: number; readonly chunks: number; readonly fault?: InputFault }> {
  const { files, index, onGroup } = reading;
  const { textFields, vectorField, maxRejects } = options;
  const sources = files.map(({ source }) => source);
  const rejects = braked(createRejectsWriter(path(REJECTS)), maxRejects);
  const chunks = createTextChunks({ path, texts: plan.chunkTexts, index });
  const bytes = sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const stage = reporter.stage("read", bytes);
  const windows = readTexts({
    sources,
    textFields,
    vectorField,
    index,
    rejects,
    windowChars: WINDOW_CHARS,
    onGroup,
    stage,
    signal,
  });
  let fault: InputFault | undefined;
  try {
    for await (const window of windows) await chunks.add(window);
  } catch (error) {
    fault = faultOf("scan", error);
  } finally {
    await rejects.finish();
    await chunks.finish();
  }
  await writeBatchCounts(path, rejects.batches);
  return { rejected: rejects.count, chunks: chunks.count, fault };
}
