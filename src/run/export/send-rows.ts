import { FailedRunError } from "../../errors.js";
import type { MilvusCollection } from "../../io/milvus/client.js";
import { type RowPlan, VARCHAR_BYTES } from "../../io/milvus/collection.js";
import { fieldData } from "../../io/milvus/field-data.js";
import type { Reporter } from "../../reporter.js";
import { cutToBytes } from "../../text/cut.js";
import type { KeptBatch, KeptRows } from "./kept-rows.js";

/** Most bytes and rows of a request. A server of gRPC takes 4 MiB unless it is told otherwise, and Milvus 64 MiB. */
const [REQUEST_BYTES, REQUEST_ROWS] = [3.5 * 2 ** 20, 5000];
/** Bytes that a row takes beside its id, text, vector and columns: tags and lengths. */
const ROW_BYTES = 32;
/** Most ids that are looked up by one query; Milvus answers with up to 16,384 rows. */
const LOOKED_UP = 4096;

/** Where rows go. */
export interface Target {
  readonly server: MilvusCollection;
  readonly plan: RowPlan;
  /** Identity of the result. */
  readonly run: string;
  /** Whether the collection keeps `run` with every row. */
  readonly tagged: boolean;
}

/** What became of the rows. */
export interface Sent {
  readonly sent: number;
  /** Rows that were there already. */
  readonly present: number;
  /** Rows without a vector, which were left out. */
  readonly unplaced: number;
  /** Texts that were cut to the length of their field. */
  readonly cut: number;
}

/** How a step of the export reports and is stopped. */
interface Watched {
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Sends the rows that are not there yet, in the order of kept.arrow. A request is made while the server works on the one
 * before. Memory: a batch of kept.arrow and two requests.
 * @param options.fresh whether the collection is new, so that nothing has to be looked up
 * @throws InputError for a row that the collection cannot hold
 */
export async function sendRows(
  kept: KeptRows,
  target: Target,
  { reporter, signal, fresh }: Watched & { readonly fresh: boolean },
): Promise<Sent> {
  const { server, plan, run, tagged } = target;
  const columns = [...kept.columns, "run"];
  const longest = plan.text?.maxLength ?? VARCHAR_BYTES;
  const sending = reporter.stage("send", kept.count);
  let [done, sent, present, unplaced, cut] = [0, 0, 0, 0, 0];
  let pending: Promise<void> = Promise.resolve();
  try {
    for await (const batch of kept.batches()) {
      const there = fresh || !tagged ? undefined : await storedRuns(target, batch.ids);
      const missing = [...batch.ids.keys()].filter((row) => there?.get(batch.ids[row]) !== run);
      const skipped = batch.ids.length - missing.length + batch.unplaced;
      for (const { rows, cells } of requests(batch, missing, `"${run}"`, kept)) {
        signal?.throwIfAborted();
        const texts = rows.map((row) => cutToBytes(batch.texts[row], longest));
        const fields = fieldData(
          {
            ids: rows.map((row) => batch.ids[row]),
            texts,
            vectors: await batch.vectors(rows),
            columns,
            cell: (column, i) => cells[i][column],
          },
          plan,
        );
        await pending;
        sending.advance(done + sent);
        pending = server.upsert(fields, rows.length);
        // Awaited later; until then Node must not count its failure as unhandled.
        pending.catch(() => {});
        sent += rows.length;
        cut += texts.filter((text, i) => text !== batch.texts[rows[i]]).length;
      }
      present += batch.ids.length - missing.length;
      unplaced += batch.unplaced;
      done += skipped;
    }
    await pending;
  } catch (error) {
    // The failure of the request before explains a failure after it.
    await pending;
    throw error;
  }
  sending.advance(kept.count);
  sending.end();
  return { sent, present, unplaced, cut };
}

/** Some rows of a batch that go in one request, with the JSON of their columns. */
interface Request {
  readonly rows: readonly number[];
  readonly cells: readonly (readonly string[])[];
}

function* requests(batch: KeptBatch, rows: readonly number[], run: string, kept: KeptRows): Generator<Request> {
  let taken: number[] = [];
  let cells: string[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const own = [...kept.columns.map((_, column) => batch.cell(column, row)), run];
    // At most 3 bytes a UTF-16 unit.
    const units = batch.ids[row].length + batch.texts[row].length + own.reduce((sum, text) => sum + text.length, 0);
    const size = 4 * kept.dim + 3 * units + ROW_BYTES + kept.columns.reduce((sum, name) => sum + name.length, 0);
    if (taken.length > 0 && (bytes + size > REQUEST_BYTES || taken.length === REQUEST_ROWS)) {
      yield { rows: taken, cells };
      [taken, cells, bytes] = [[], [], 0];
    }
    taken.push(row);
    cells.push(own);
    bytes += size;
  }
  if (taken.length > 0) yield { rows: taken, cells };
}

/**
 * Shows by queries that every row is there: a new collection has as many rows as were sent, or else each row is looked up.
 * @param options.fresh whether the collection is new
 * @throws FailedRunError where some are missing
 */
export async function proveRows(
  kept: KeptRows,
  target: Target,
  { fresh, rows, ...watched }: Watched & { readonly fresh: boolean; readonly rows: number },
): Promise<void> {
  if (fresh && (await target.server.count("")) === rows) return;
  const missing = rows - (await countRows(kept, target, watched));
  if (missing === 0) return;
  throw new FailedRunError(
    `${missing} rows that the server took are not in the collection, or were replaced meanwhile; run the same command again, which sends them`,
  );
}

/**
 * Looks every row up and counts those that are there. A server may need a minute to count by a filter instead: Milvus Lite
 * reads all of 100,000 rows for that.
 */
export async function countRows(kept: KeptRows, target: Target, { reporter, signal }: Watched): Promise<number> {
  const looking = reporter.stage("look up", kept.count);
  let [done, there] = [0, 0];
  for await (const { ids, unplaced } of kept.batches()) {
    signal?.throwIfAborted();
    const runs = await storedRuns(target, ids);
    there += ids.filter((id) => (target.tagged ? runs.get(id) === target.run : runs.has(id))).length;
    done += ids.length + unplaced;
    looking.advance(done);
  }
  looking.end();
  return there;
}

/** Value of `run` of each row that is there, by id; undefined where a row has none. */
async function storedRuns({ server, plan, tagged }: Target, ids: readonly string[]) {
  const runs = new Map<string, string | undefined>();
  for (let start = 0; start < ids.length; start += LOOKED_UP) {
    const part = ids.slice(start, start + LOOKED_UP);
    const found = await server.find({ id: plan.id, ids: part, fields: tagged ? ["run"] : [] });
    for (const [id, row] of found) runs.set(id, runOf(row));
  }
  return runs;
}

/** `run` of a row; servers give a dynamic column alone or within `$meta`. */
function runOf(row: Readonly<Record<string, unknown>>): string | undefined {
  const { run, $meta } = row as { run?: string; $meta?: { run?: string } };
  return run ?? $meta?.run;
}
