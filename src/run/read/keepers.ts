import { existsSync } from "node:fs";
import { cosine } from "../../vectors/cosine.js";
import type { VectorReader } from "../../vectors/reader.js";
import { openVectorStore } from "../../vectors/store.js";
import { tableRows } from "../against/read-references.js";
import { openNamed, type Reference } from "../against/reference.js";
import { type KeptRow, openResultRows, type RemovedRow, type ResultRows } from "./result-rows.js";

/** A kept row of this folder or of a reference. */
export interface Keeper extends KeptRow {
  /** Folder that holds the row, as `_kept_in` names it; absent for this folder. */
  readonly in?: string;
  /** Why the row cannot be read, where its folder is gone or was written anew. */
  readonly missing?: string;
}

/** Reads the kept rows on whose account the rows of a folder go, in whatever folder they lie. */
export interface Keepers {
  /** The kept row of a number, in the folder that `_kept_in` names; in this one where that is undefined. */
  find(row: number, keptIn: string | undefined): Promise<Keeper>;
  /** The kept row on whose account a row goes. */
  of(removed: RemovedRow): Promise<Keeper>;
  /**
   * The float64 cosine of a row's vector with that of a row of a reference; undefined where one cannot be read, null
   * where one has no vector.
   */
  cosine(vectors: VectorReader | undefined, vector: number, keeper: Keeper): Promise<number | null | undefined>;
  close(): Promise<void>;
}

/** A folder that the rows name: its rows at random where it has Arrow tables. */
interface OpenFolder {
  readonly reference: Reference;
  readonly rows?: ResultRows;
}

/** Opens the folders that the rows of a result name when they are first asked for. The caller closes them. */
export function openKeepers(rows: ResultRows): Keepers {
  const { folder, manifest } = rows;
  const opened = new Map<string, Promise<OpenFolder | string>>();

  async function open(path: string): Promise<OpenFolder | string> {
    const reference = await openNamed(folder, manifest, path);
    if (typeof reference === "string") return reference;
    if (!reference.kept.endsWith(".arrow")) return { reference };
    return { reference, rows: await openResultRows({ folder: reference.path, needs: "explain" }) };
  }

  function folderOf(path: string): Promise<OpenFolder | string> {
    let found = opened.get(path);
    if (found === undefined) {
      found = open(path);
      opened.set(path, found);
    }
    return found;
  }

  async function find(row: number, keptIn: string | undefined): Promise<Keeper> {
    if (keptIn === undefined) return rows.findKept(row);
    const other = await folderOf(keptIn);
    const none: Keeper = { row, in: keptIn, fate: "kept", text: null, vector: -1, groupSize: 0 };
    if (typeof other === "string") return { ...none, missing: other };
    if (other.rows !== undefined) return { ...(await other.rows.findKept(row)), in: keptIn };
    const { kept, manifest: made } = other.reference;
    for await (const batch of tableRows(kept, made.options)) {
      const at = batch.rows.indexOf(row);
      if (at >= 0) return { ...none, text: batch.texts[at], vector: batch.vectors[at] };
    }
    return { ...none, missing: `${kept} has no such row` };
  }

  return {
    find,
    of: ({ keptRow, keptIn }) => find(keptRow, keptIn),
    async cosine(vectors, vector, keeper) {
      const other = keeper.in === undefined ? "" : await folderOf(keeper.in);
      if (typeof other === "string" || vectors === undefined || !existsSync(other.reference.store)) return undefined;
      if (vector < 0 || keeper.vector < 0) return null;
      const store = await openVectorStore(other.reference.store);
      try {
        const { dim } = vectors;
        if (store.dim !== dim) return undefined;
        const [own, others] = [new Float32Array(dim), new Float32Array(dim)];
        await vectors.gather([vector], own);
        await store.gather([keeper.vector], others);
        return cosine(own, 0, others, 0, dim);
      } finally {
        await store.close();
      }
    },
    async close() {
      for (const opening of opened.values()) {
        const other = await opening.catch(() => "");
        if (typeof other !== "string") await other.rows?.close();
      }
    },
  };
}
