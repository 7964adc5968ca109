import { createHash } from "node:crypto";
import { UsageError } from "../../errors.js";
import type { MilvusAddress } from "../../io/milvus/address.js";
import type { Patience } from "../../io/milvus/attempts.js";
import { type MilvusCollection, type MilvusCredentials, openMilvus } from "../../io/milvus/client.js";
import { newCollection, planRows, VARCHAR_BYTES } from "../../io/milvus/collection.js";
import type { Reporter } from "../../reporter.js";
import { resultFile } from "../read/result-table.js";
import { type DedupManifest, readDedupManifest, requireUnchanged } from "../work/dedup-folder.js";
import { CLUSTERS, EMBEDDINGS } from "../write/output-names.js";
import { checkIds, chooseIds, type IdChoice } from "./ids.js";
import { openKeptRows } from "./kept-rows.js";
import { deleteRemoved } from "./removed-rows.js";
import { countRows, proveRows, sendRows, type Target } from "./send-rows.js";

/** What `export` says of the rows it wrote to a collection. */
export interface MilvusSummary {
  readonly command: "export";
  readonly to: string;
  readonly collection: string;
  /** Version of the server. */
  readonly server: string;
  /** Whether the collection was made. */
  readonly created: boolean;
  /** Kept rows that the collection now holds, as a query has shown: `sent` and `present` together. */
  readonly rows: number;
  readonly sent: number;
  /** Rows that an earlier export of the same result had written already. */
  readonly present: number;
  /** Kept rows that were left out, because their text has no direction and so no vector. */
  readonly unplaced: number;
  /** Texts that were cut to the length of the field. */
  readonly cut: number;
  /** Rows of the collection that were deleted, because the run removed them. */
  readonly deleted: number;
  /** Value of `run` in the rows of this export. */
  readonly run: string;
}

/** The options of an export to Milvus. */
export interface MilvusExport {
  readonly folder: string;
  readonly to: string;
  readonly address: MilvusAddress;
  readonly credentials: MilvusCredentials;
  /** Field of the ids (that of the run, else the numbers of the rows). */
  readonly idField?: string;
  readonly idPrefix?: string;
  readonly columns?: readonly string[];
  /** Deletes rows of the collection that the run removed (false). */
  readonly deleteRemoved?: boolean;
  readonly patience?: Patience;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Writes the kept rows of a folder into a collection, which is made where it is missing. Rows replace those with the
 * same id. Each row carries the identity of the result in `run`, so a further export of the same result asks the server
 * what is there and sends only what is missing. At the end a query shows that every row is there.
 * @throws InputError for a folder or rows that cannot be exported; UsageError where the collection does not take the
 * rows; UnavailableError where the server cannot be used; FailedRunError where the folder changed meanwhile
 */
export async function exportToMilvus(options: MilvusExport): Promise<MilvusSummary> {
  const { folder, to, address, reporter, signal } = options;
  const manifest = await readDedupManifest(folder);
  const [keptPath, removedPath, storePath] = ["kept.arrow", "removed.arrow", EMBEDDINGS].map((name) =>
    resultFile({ folder, manifest, name, needs: "export" }),
  );
  const choice = chooseIds(options, manifest.options);
  const ids = await checkIds({ path: keptPath, choice, longest: VARCHAR_BYTES, signal });
  const kept = await openKeptRows({ ...options, manifest, keptPath, storePath, choice, ids });
  let server: MilvusCollection | undefined;
  try {
    for (const [from, name] of kept.renamed) reporter.note(`column ${from} goes as ${name}`);
    server = await openMilvus({ ...options, note: (message) => reporter.note(message) });
    const run = identity(manifest, options, choice);
    const shape = {
      idType: ids.whole ? "Int64" : "VarChar",
      dim: kept.dim,
      columns: [...kept.columns, "run"],
    } as const;
    const found = await server.describe();
    const collection = found ?? newCollection(shape);
    const plan = planRows(collection, shape, address.collection);
    if (found === undefined) await server.create(collection, "rows that bge-dedup kept");
    await server.prepare(plan.vector.name);
    const at = shape.columns.indexOf("run");
    const tagged = plan.dynamic.includes(at) || plan.typed.some(({ column }) => column === at);
    const target: Target = { server, plan, run, tagged };
    if (found !== undefined && !choice.lasting) {
      const all = await server.count("");
      const own = all > 0 && tagged ? await countRows(kept, target, options) : 0;
      requireOwnRows(all - own, address);
    }
    const sent = await sendRows(kept, target, { ...options, fresh: found === undefined });
    const removing = { ...target, removedPath, choice, kept: ids, signal };
    const deleted = options.deleteRemoved === true ? await deleteRemoved(removing) : 0;
    await requireUnchanged(folder, manifest);
    // Rows that were there have been looked up a moment ago.
    const rows = sent.sent + sent.present;
    if (sent.sent > 0) await proveRows(kept, target, { ...options, fresh: found === undefined, rows });
    return {
      command: "export",
      to,
      collection: address.collection,
      server: server.version,
      created: found === undefined,
      rows,
      ...sent,
      deleted,
      run,
    };
  } finally {
    await server?.close();
    await kept.close();
  }
}

/** Hashes what the rows are made of: the tables, and the flags that say how they are written. */
function identity(manifest: DedupManifest, { columns }: MilvusExport, choice: IdChoice): string {
  const tables = [...manifest.outputs, ...manifest.clusterOutputs]
    .filter(({ name }) => ["kept.arrow", EMBEDDINGS, CLUSTERS].includes(name))
    .map(({ name, sha256 }) => [name, sha256]);
  const text = JSON.stringify([tables, choice.field, choice.prefix, columns, manifest.options.textFields]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/**
 * Numbers of rows mean something within one result alone, so a second result would replace rows of the first at random.
 * @throws UsageError where the collection has rows of something else
 */
function requireOwnRows(others: number, { collection }: MilvusAddress): void {
  if (others === 0) return;
  throw new UsageError(
    `collection ${collection} has ${others} rows of another result, and the rows of this one would replace them by their numbers; name an --id-field that identifies them, or an --id-prefix for this result`,
  );
}
