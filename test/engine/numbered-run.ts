import { writeFileSync } from "node:fs";
import type { NumberFacts, ReadFacts } from "../../src/engine/facts.js";
import type { RunPlan } from "../../src/engine/plan.js";
import { openRunFolder, type RunFolder } from "../../src/engine/run-folder.js";
import { type Columns, writeColumns } from "../../src/io/arrow/number-table.js";
import { normalise } from "../../src/text/normalise.js";

/** A record as the naive numbering sees it. */
export interface PlainRecord {
  /** null where the record was rejected. */
  readonly text: string | null;
  readonly vector?: readonly number[];
  /** Key of its order under `--keep`. */
  readonly high?: number;
  readonly low?: number;
  readonly signature?: bigint;
}

/** A distinct normal form over all records. */
interface PlainGroup {
  readonly form: string;
  /** Text of its first row. */
  readonly text: string;
  readonly rows: number[];
}

/** What the naive numbering of a run found. */
export interface NumberedRun {
  readonly folder: RunFolder;
  readonly groups: readonly PlainGroup[];
}

/** Options of `numberedRun`. */
export interface NumberedRunOptions {
  readonly out: string;
  readonly plan: Partial<RunPlan> & { readonly chunkTexts: number };
  /** Records of each shard. */
  readonly shards: readonly (readonly PlainRecord[])[];
  /** Negative where row a comes first; by row where absent. */
  readonly compare?: (a: number, b: number) => number;
  /** Texts that references know, in normal form. */
  readonly known?: readonly string[];
}

/**
 * Numbers the texts of a run by a plain scan over all records, and writes what the stages read and number leave for the
 * later ones.
 */
export async function numberedRun({ out, shards, known = [], ...options }: NumberedRunOptions): Promise<NumberedRun> {
  const { compare = (a, b) => a - b } = options;
  const plan: RunPlan = {
    version: "test",
    cwd: process.cwd(),
    flags: {},
    inputs: [],
    files: [],
    shards: shards.map((_, shard) => [shard, shard + 1] as const),
    buckets: 1,
    workers: 2,
    ...options.plan,
  };
  const folder = openRunFolder(out, plan, 0);
  const records = shards.flat();
  const groups: PlainGroup[] = [];
  const numberOf = new Map<string, number>();
  for (const [row, { text }] of records.entries()) {
    if (text === null) continue;
    const form = normalise(text);
    const number = numberOf.get(form) ?? groups.push({ form, text, rows: [] }) - 1;
    numberOf.set(form, number);
    groups[number].rows.push(row);
  }
  const firstRows = [0];
  for (const shard of shards) firstRows.push(firstRows[firstRows.length - 1] + shard.length);
  const locals = shards.map((shard) => [
    ...new Set(shard.flatMap(({ text }) => (text === null ? [] : [numberOf.get(normalise(text)) as number]))),
  ]);
  const chunks = locals.map((local) => Math.ceil(local.length / plan.chunkTexts));
  const dim = records.find(({ vector }) => vector !== undefined)?.vector?.length ?? 0;
  for (const [shard, local] of locals.entries()) {
    const attempt = await folder.begin("read", shard);
    for (let chunk = 0; chunk < chunks[shard]; chunk++) {
      const own = local.slice(chunk * plan.chunkTexts, (chunk + 1) * plan.chunkTexts);
      // The text of the group as this shard had it first.
      const first = own.map((group) => groups[group].rows.find((row) => row >= firstRows[shard]) as number);
      const lines = first.map((row) => `${JSON.stringify(records[row].text)}\n`);
      writeFileSync(attempt.path(`texts/${chunk}.jsonl`), lines.join(""));
      if (dim === 0) continue;
      const values = Float32Array.from(first.flatMap((row) => records[row].vector as number[]));
      await writeColumns(attempt.path(`vectors/${chunk}.arrow`), { [`vector:${dim}`]: values });
    }
    await attempt.finish({ groups: local.length, chunks: chunks[shard], vectorDim: dim } as ReadFacts);
  }
  const attempt = await folder.begin("number", 0);
  await writeColumns(attempt.path("shards.arrow"), ...locals.map((local) => ({ group: Uint32Array.from(local) })));
  await writeColumns(attempt.path("groups.arrow"), groupColumns({ groups, records, compare, known }));
  const begins = shards.map((_, shard) => groups.filter(({ rows }) => rows[0] < firstRows[shard]).length);
  const knownGroups = groups.filter(({ form }) => known.includes(form));
  await attempt.finish({
    firstRows,
    firstGroups: [...begins, groups.length],
    rejected: records.filter(({ text }) => text === null).length,
    groups: groups.length,
    known: { groups: knownGroups.length },
    chunks,
    vectorDim: dim,
  } as unknown as NumberFacts);
  return { folder, groups };
}

function groupColumns(options: {
  readonly groups: readonly PlainGroup[];
  readonly records: readonly PlainRecord[];
  readonly compare: (a: number, b: number) => number;
  readonly known: readonly string[];
}): Columns {
  const { groups, records, compare, known } = options;
  const winners = groups.map(({ rows }) => [...rows].sort(compare)[0]);
  const signatures = records.some(({ signature }) => signature !== undefined);
  return {
    winner: Uint32Array.from(winners),
    size: Uint32Array.from(groups, ({ rows }) => rows.length),
    first: Uint32Array.from(groups, ({ rows }) => rows[0]),
    high: Float64Array.from(winners, (row) => records[row].high ?? 0),
    low: Float64Array.from(winners, (row) => records[row].low ?? 0),
    ...(signatures
      ? { signature: BigUint64Array.from(groups, ({ rows: [row] }) => records[row].signature ?? 0n) }
      : {}),
    entry: Int32Array.from(groups, ({ form }) => known.indexOf(form)),
  };
}
