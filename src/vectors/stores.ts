import { InputError } from "../errors.js";
import { type ConcatenatedReader, concatenated } from "./concatenated.js";
import type { VectorReader } from "./reader.js";
import { openVectorStore, type VectorStore } from "./store.js";

/** Many stores behind one reader; positions run through, store after store as given. */
export interface VectorStores extends ConcatenatedReader {
  /** Reads the row number of each vector of store `store`. The caller owns the array. */
  rows(store: number): Promise<Float64Array>;
  /** Closes all files. */
  close(): Promise<void>;
}

/** Stores that are open at the same time: far fewer than a process may open files, and enough to read ahead. */
const MOST_OPEN = 16;
/** Positions that the outcome of a join can name, which is an Int32Array. */
const MOST_VECTORS = 2 ** 31 - 1;

/** What is known of a store before it is opened. */
export interface StoreSize {
  /** Number of vectors. */
  readonly count: number;
  readonly dim: number;
}

/**
 * Opens finished stores, of which at most `mostOpen` (16) are open at the same time: a store is opened when its vectors
 * are asked for, and the one that was not used for longest is closed.
 * @param paths at least one
 * @param options.sizes of all stores; absent if they are to be read from the stores, each of which is then looked at once
 * before this returns
 * @throws InputError where a store is missing or damaged, or changes later, or has another number of components than the
 * first one; `gather` and `rows` throw it too
 */
export async function openVectorStores(
  paths: readonly string[],
  { mostOpen = MOST_OPEN, sizes }: { readonly mostOpen?: number; readonly sizes?: readonly StoreSize[] } = {},
): Promise<VectorStores> {
  const pool = new StorePool(paths, mostOpen, sizes);
  try {
    const readers: VectorReader[] = [];
    for (let i = 0; i < paths.length; i++) {
      const { count, dim } = sizes?.[i] ?? (await pool.use(i, async (store) => store));
      if (dim !== (readers[0]?.dim ?? dim)) {
        throw new InputError(
          `${paths[i]} holds vectors of ${dim} components; expected ${readers[0].dim} as ${paths[0]}`,
        );
      }
      readers.push({ count, dim, gather: (positions, into) => pool.use(i, (store) => store.gather(positions, into)) });
    }
    const all = concatenated(readers);
    if (all.count > MOST_VECTORS) {
      throw new InputError(`${paths.length} stores hold ${all.count} vectors; expected at most ${MOST_VECTORS}`);
    }
    return {
      ...all,
      rows: (store) => pool.use(store, (opened) => opened.rows()),
      close: () => pool.close(),
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** A store that is open or being opened. */
interface OpenStore {
  readonly store: Promise<VectorStore>;
  /** Calls that read it now. */
  users: number;
}

/** Opens stores by their numbers when they are used, and closes those that were not used for longest. */
class StorePool {
  readonly #paths: readonly string[];
  readonly #mostOpen: number;
  /** By number; the one that was not used for longest comes first. */
  readonly #open = new Map<number, OpenStore>();
  /** Number of vectors of each store, as known beforehand or when it was opened first. */
  readonly #counts: number[];

  constructor(paths: readonly string[], mostOpen: number, sizes: readonly StoreSize[] = []) {
    this.#paths = paths;
    this.#mostOpen = mostOpen;
    this.#counts = sizes.map(({ count }) => count);
  }

  /** Lets `work` use a store, which stays open until then. */
  async use<T>(number: number, work: (store: VectorStore) => Promise<T>): Promise<T> {
    const entry = this.#open.get(number) ?? { store: this.#opened(number), users: 0 };
    this.#open.delete(number);
    this.#open.set(number, entry);
    entry.users++;
    try {
      const store = await entry.store.catch((error) => {
        if (this.#open.get(number) === entry) this.#open.delete(number);
        throw error;
      });
      return await work(store);
    } finally {
      entry.users--;
    }
  }

  async close(): Promise<void> {
    const stores = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(stores.map(({ store }) => closed(store)));
  }

  async #opened(number: number): Promise<VectorStore> {
    for (const [other, { store, users }] of this.#open) {
      if (this.#open.size < this.#mostOpen) break;
      if (users > 0) continue;
      this.#open.delete(other);
      await closed(store);
    }
    const store = await openVectorStore(this.#paths[number]);
    this.#counts[number] ??= store.count;
    if (store.count === this.#counts[number]) return store;
    await store.close();
    const change = `from ${this.#counts[number]} vectors to ${store.count}`;
    throw new InputError(`${this.#paths[number]} changed ${change} while it was read; run again when it is finished`);
  }
}

/** Closes a store; one that could not be opened needs no closing. */
async function closed(opening: Promise<VectorStore>): Promise<void> {
  const store = await opening.catch(() => undefined);
  await store?.close();
}
