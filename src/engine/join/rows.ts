import { readColumns } from "../../io/arrow/number-table.js";
import { readerAt } from "../../vectors/concatenated.js";
import type { VectorReader } from "../../vectors/reader.js";
import { selected } from "../../vectors/selected.js";
import { openVectorStores } from "../../vectors/stores.js";
import type { NumberFacts, OrderFacts } from "../facts.js";
import type { FinishedTasks } from "../stage.js";
import { FILES } from "../task-files.js";
import { type RowFates, survivingRows } from "./row-fates.js";

/** Vectors of the run or of its references, by their numbers. */
export interface Rows {
  readonly positions: Uint32Array;
  /** Guard signature of each; absent if no guard is active. */
  readonly signatures?: BigUint64Array;
}

/**
 * Files that are open at the same time on each side of a join. Where priority is not the order of the input, each tile
 * has vectors of nearly all tasks of embed, and opening their files anew for each tile would take longer than the tile.
 */
const MOST_OPEN = 256;

/** A reader of some vectors, in the order in which they were asked for. The caller closes it. */
export interface OpenRows {
  readonly vectors: VectorReader;
  close(): Promise<void>;
}

/** Columns of a part of priority.arrow, and of references.arrow. */
type RowColumns = { readonly position: Uint32Array; readonly signature: BigUint64Array };

/** The vectors of a block, in priority order. */
export async function rowsOfBlock(tasks: FinishedTasks, block: number): Promise<Rows> {
  const order = await tasks.get("order", 0);
  return rowsOf(await readColumns<RowColumns>(order.path(FILES.order.priority), block));
}

/** The vectors that a decided block has kept, in priority order. */
export async function keptOfBlock(tasks: FinishedTasks, block: number): Promise<Rows> {
  const decided = await tasks.get("decide", block);
  const outcome = await readColumns<RowFates>(decided.path(FILES.decide.outcome));
  return someRows(await rowsOfBlock(tasks, block), survivingRows(outcome));
}

/** The kept vectors of the references, in priority order; positions are those in their stores, one behind the other. */
export async function rowsOfReferences(tasks: FinishedTasks): Promise<Rows> {
  const number = await tasks.get("number", 0);
  return rowsOf(await readColumns<RowColumns>(number.path(FILES.number.references)));
}

function rowsOf({ position, signature }: RowColumns): Rows {
  return { positions: position, signatures: signature };
}

/** Those of some vectors that `rows` names. */
export function someRows({ positions, signatures }: Rows, rows: Uint32Array): Rows {
  return {
    positions: Uint32Array.from(rows, (row) => positions[row]),
    signatures: signatures && BigUint64Array.from(rows, (row) => signatures[row]),
  };
}

/** Vectors behind one another. */
export function allRows(parts: readonly Rows[]): Rows {
  const guarded = parts.length > 0 && parts.every(({ signatures }) => signatures !== undefined);
  const count = parts.reduce((sum, { positions }) => sum + positions.length, 0);
  const all = { positions: new Uint32Array(count), signatures: guarded ? new BigUint64Array(count) : undefined };
  let at = 0;
  for (const { positions, signatures } of parts) {
    all.positions.set(positions, at);
    if (signatures !== undefined) all.signatures?.set(signatures, at);
    at += positions.length;
  }
  return all;
}

/**
 * Opens vectors of the run. Only the tasks of embed that made one of them are looked up, so that a block of a long run
 * costs a few files.
 * @throws LostOutputError where such a task's output is gone; InputError from `gather` where a store is damaged
 */
export async function openRows(tasks: FinishedTasks, order: OrderFacts, positions: Uint32Array): Promise<OpenRows> {
  const { firstVectors, dim } = order;
  const made = new Set<number>();
  let task = 0;
  for (const position of positions) {
    if (position < firstVectors[task] || position >= firstVectors[task + 1]) task = readerAt(firstVectors, position);
    made.add(task);
  }
  const needed = [...made].sort((a, b) => a - b);
  if (needed.length === 0) return { vectors: { count: 0, dim, gather: async () => {} }, close: async () => {} };
  const finished = await Promise.all(needed.map((each) => tasks.get("embed", each)));
  const stores = await openVectorStores(
    finished.map((embed) => embed.path(FILES.embed.vectors)),
    { mostOpen: MOST_OPEN, sizes: finished.map(({ facts }) => ({ count: facts.vectors, dim })) },
  );
  // The stores that are open lie behind one another, as if the tasks between them had made no vector.
  const shift = new Float64Array(firstVectors.length);
  for (const [store, each] of needed.entries()) shift[each] = stores.starts[store] - firstVectors[each];
  const places = positions.map((position) => {
    if (position < firstVectors[task] || position >= firstVectors[task + 1]) task = readerAt(firstVectors, position);
    return position + shift[task];
  });
  return { vectors: selected(stores, places), close: stores.close };
}

/** Opens vectors of the references. @throws InputError where a store is missing or damaged */
export async function openReferenceRows(
  { stores }: NonNullable<NumberFacts["references"]>,
  positions: Uint32Array,
): Promise<OpenRows> {
  const opened = await openVectorStores(stores, { mostOpen: MOST_OPEN });
  return { vectors: selected(opened, positions), close: opened.close };
}
