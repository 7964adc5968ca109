import { basename, extname } from "node:path";
import { UsageError } from "../../errors.js";
import { isMilvus, type MilvusAddress, parseMilvus } from "../../io/milvus/address.js";
import { withoutSecrets } from "../../without-secrets.js";
import { OUTPUT_FILES } from "../write/output-names.js";
import { single, textsOf } from "./parse.js";

/** Forms in which a folder is exported to a file. */
export const LAYOUTS = ["plain", "embedding-atlas", "pinecone"] as const;
/** Name of such a form. */
export type Layout = (typeof LAYOUTS)[number];

/** Layouts that have every row, kept and removed. */
export type TableLayout = Exclude<Layout, "pinecone">;

/** The flags of `export`, as a person gives them. */
export interface ExportFlags {
  readonly to: string | string[];
  readonly layout: string;
  readonly idField?: string | string[];
  readonly idPrefix?: string | string[];
  readonly column?: string | readonly string[];
  readonly deleteRemoved: boolean;
}

/** How the rows of a vector database are named, and which columns they take along. */
export interface RowFlags {
  readonly idField?: string;
  readonly idPrefix?: string;
  readonly columns?: readonly string[];
}

/** Where an export goes. */
export type ExportTarget =
  | {
      readonly kind: "milvus";
      readonly to: string;
      readonly address: MilvusAddress;
      readonly deleteRemoved: boolean;
      readonly rows: RowFlags;
    }
  | { readonly kind: "pinecone"; readonly to: string; readonly rows: RowFlags }
  | { readonly kind: "table"; readonly to: string; readonly layout: TableLayout };

/**
 * Checks the flags of `export`, before anything is read.
 * @throws UsageError for a target that is neither a collection of Milvus nor a Parquet file, or is a result of
 * bge-dedup; and for a flag that the target does not know
 */
export function checkExport(flags: ExportFlags): ExportTarget {
  const to = single("to", flags.to);
  const layout = flags.layout as Layout;
  const rows = {
    idField: flags.idField === undefined ? undefined : single("id-field", flags.idField),
    idPrefix: flags.idPrefix === undefined ? undefined : single("id-prefix", flags.idPrefix),
    columns: flags.column === undefined ? undefined : textsOf("column", flags.column),
  };
  const { deleteRemoved } = flags;
  if (isMilvus(to)) {
    if (layout !== "plain") throw new UsageError(`--layout ${layout} is one of Parquet files; leave it out for Milvus`);
    return { kind: "milvus", to, address: parseMilvus(to), deleteRemoved, rows };
  }
  requireParquet(to);
  if (deleteRemoved) throw new UsageError("--delete-removed is for Milvus; a file holds the rows of this run alone");
  if (layout === "pinecone") return { kind: "pinecone", to, rows };
  for (const [flag, value] of [
    ["id-field", rows.idField],
    ["id-prefix", rows.idPrefix],
    ["column", rows.columns],
  ]) {
    if (value !== undefined) throw new UsageError(`--${flag} is for Milvus and --layout pinecone, not for ${layout}`);
  }
  return { kind: "table", to, layout };
}

/** Whether an export to `to` that was interrupted goes on with what is missing, rather than beginning anew. */
export const goesOn = (to: string): boolean => isMilvus(to);

function requireParquet(to: string): void {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(to)?.[1];
  if (scheme !== undefined) {
    throw new UsageError(
      `--to ${withoutSecrets(to)}: there is no export to ${scheme}://; expected milvus://HOST:PORT/COLLECTION or the path of a Parquet file, as rows.parquet`,
    );
  }
  if (extname(to) !== ".parquet")
    throw new UsageError(`--to ${to} is no Parquet file; expected a path that ends in .parquet`);
  if (OUTPUT_FILES.has(basename(to))) {
    throw new UsageError(`--to ${to} has the name of a result of bge-dedup; choose another one`);
  }
}
