/**
 * The official SDK carries every request: connection, TLS, credentials and Milvus's protocol. An export hands it columns
 * that are made here. Its own `upsert` takes rows, copies each through JSON twice, which rounds whole numbers beyond
 * 2^53 and fails on a bigint, and writes each request as JSON for a log that nobody reads: 570 against 1,050 rows/s with
 * 384 dimensions into Milvus Lite. It is an optional peer dependency, because it brings 55 packages.
 */
import { setTimeout } from "node:timers/promises";
import type { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { UnavailableError } from "../../errors.js";
import type { MilvusAddress } from "./address.js";
import type { Collection, CollectionField } from "./collection.js";
import { failure, passes, reasonOf, requireSuccess, type ServerStatus } from "./failures.js";
import type { FieldData } from "./field-data.js";
import { loadSdk } from "./load-sdk.js";

/** How a user proves who it is: a token (an API key, or `user:password`), or both a name and a password. */
export interface MilvusCredentials {
  readonly token?: string;
  readonly username?: string;
  readonly password?: string;
}

/** How long a server may be silent, in milliseconds. */
export interface Patience {
  /** Until it answers for the first time. */
  readonly first: number;
  /** While a request is repeated, once it has answered. */
  readonly later: number;
  /** For one answer. */
  readonly answer: number;
}

const PATIENCE: Patience = { first: 10_000, later: 120_000, answer: 60_000 };
/** Milliseconds before a request is repeated for the first time, and most of them. */
const [SHORTEST_WAIT, LONGEST_WAIT] = [200, 5000];

/** A collection on a server, open for writing. */
export interface MilvusCollection {
  /** Version of the server. */
  readonly version: string;
  /** What the collection looks like; undefined where there is none. */
  describe(): Promise<Collection | undefined>;
  /** Makes the collection. */
  create(collection: Collection, description: string): Promise<void>;
  /** Gives the vector an index where it has none, with cosine as the metric, and loads the collection for queries. */
  prepare(vector: string): Promise<void>;
  /** Writes rows, in place of those with the same ids. */
  upsert(fields: readonly FieldData[], rows: number): Promise<void>;
  /** Fields of the rows with these ids that are there, by id; whole numbers as digits. */
  find(options: {
    readonly id: CollectionField;
    readonly ids: readonly string[];
    readonly fields: readonly string[];
  }): Promise<Map<string, Readonly<Record<string, unknown>>>>;
  /** Removes the rows with these ids. */
  remove(id: CollectionField, ids: readonly string[]): Promise<void>;
  /** Number of rows for which a filter holds; of all for "". */
  count(filter: string): Promise<number>;
  close(): Promise<void>;
}

/** Answer to `GetVersion`. */
interface VersionAnswer {
  readonly status: ServerStatus;
  readonly version?: string;
}

/**
 * Connects to a server and repeats each request while it may pass: the server is away, slow or limits the rate.
 * @param options.note told once when a request has to wait for the server
 * @returns a connection that the caller closes
 * @throws UnavailableError where the SDK is missing, or the server is away for too long or refuses the credentials;
 * UsageError where it has no such database. All methods throw the same.
 */
export async function openMilvus(options: {
  readonly address: MilvusAddress;
  readonly credentials: MilvusCredentials;
  readonly note: (message: string) => void;
  readonly patience?: Patience;
  readonly signal?: AbortSignal;
}): Promise<MilvusCollection> {
  const { address, credentials, note, signal, patience = PATIENCE } = options;
  const { collection: name, database, shown } = address;
  const sdk = await loadSdk();
  const client: MilvusClient = new sdk.MilvusClient({
    address: shown,
    ssl: address.tls,
    ...credentials,
    database,
    timeout: patience.answer,
    // `attempt` repeats, and knows for how long.
    maxRetries: 0,
    logLevel: "error",
    pool: { min: 1, max: 2 },
    __SKIP_CONNECT__: true,
  });

  /** Sends a request, again and again while its failure may pass. */
  async function attempt<T>(doing: string, send: () => Promise<T>, limit = patience.later): Promise<T> {
    const began = performance.now();
    for (let wait = SHORTEST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      signal?.throwIfAborted();
      try {
        return await untilAborted(send(), signal);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (!passes(error) || performance.now() - began + wait > limit) throw failure(error, doing, address);
        if (wait === 4 * SHORTEST_WAIT) note(`waiting for Milvus at ${shown}: ${reasonOf(error)}`);
      }
      await setTimeout(wait, undefined, { signal }).catch(() => {});
    }
  }

  const checked = async <T extends { readonly status: ServerStatus }>(answer: Promise<T>): Promise<T> => {
    const result = await answer;
    requireSuccess(result.status);
    return result;
  };
  const ask = <T>(method: string, request: object): Promise<T> =>
    sdk.promisify(client.channelPool, method, request, patience.answer) as Promise<T>;
  const done = async (answer: Promise<ServerStatus>) => requireSuccess(await answer);

  try {
    const answer = await attempt("answer", () => checked(ask<VersionAnswer>("GetVersion", {})), patience.first);
    if (!answer.version) throw new UnavailableError(`${shown} speaks gRPC but is no server of Milvus`);
    return {
      version: answer.version,
      describe: () =>
        attempt("describe the collection", async () => {
          if (!(await checked(client.hasCollection({ collection_name: name }))).value) return undefined;
          return collectionOf(await checked(client.describeCollection({ collection_name: name })));
        }),
      create: ({ fields, dynamic }, description) =>
        attempt("make the collection", () =>
          done(
            client.createCollection({
              collection_name: name,
              description,
              enable_dynamic_field: dynamic,
              fields: fields.map(({ name, type, primary, maxLength, dim }) => ({
                name,
                data_type: type as "VarChar",
                is_primary_key: primary,
                autoID: false,
                ...(maxLength === undefined ? {} : { max_length: maxLength }),
                ...(dim === undefined ? {} : { dim }),
              })),
            }),
          ),
        ),
      async prepare(vector) {
        const index = { collection_name: name, field_name: vector, index_type: "AUTOINDEX", metric_type: "COSINE" };
        await attempt("make the index", async () => {
          const { index_descriptions: indices = [] } = await client.describeIndex({ collection_name: name });
          if (!indices.some(({ field_name }) => field_name === vector)) await done(client.createIndex(index));
        });
        await attempt("load the collection", () =>
          done(client.loadCollectionSync({ collection_name: name, timeout: patience.answer })),
        );
      },
      upsert: (fields, rows) =>
        attempt("take rows", async () => {
          // The SDK writes every request as JSON for its log, even where the log is off.
          const request = { collection_name: name, fields_data: fields, num_rows: rows, toJSON: () => ({}) };
          await checked(ask<{ status: ServerStatus }>("Upsert", request));
        }),
      find: ({ id, ids, fields }) =>
        attempt("look rows up", async () => {
          const found = await checked(
            client.query({
              collection_name: name,
              filter: `${id.name} in [${listed(id, ids)}]`,
              output_fields: [id.name, ...fields],
              consistency_level: sdk.ConsistencyLevelEnum.Strong,
              limit: ids.length,
            }),
          );
          return new Map(found.data.map((row) => [String(row[id.name]), row]));
        }),
      remove: (id, ids) =>
        attempt("remove rows", async () => {
          await checked(client.deleteEntities({ collection_name: name, filter: `${id.name} in [${listed(id, ids)}]` }));
        }),
      count: (filter) =>
        attempt("count the rows", async () => {
          const counted = await checked(
            client.query({
              collection_name: name,
              filter,
              output_fields: ["count(*)"],
              consistency_level: sdk.ConsistencyLevelEnum.Strong,
            }),
          );
          return Number(counted.data[0]["count(*)"]);
        }),
      close: () => close(client),
    };
  } catch (error) {
    await close(client);
    throw error;
  }
}

/** Closes the connections, without waiting for a request that nobody waits for any more. */
async function close(client: MilvusClient): Promise<void> {
  await Promise.race([client.closeConnection().catch(() => {}), setTimeout(1000, undefined, { ref: false })]);
}

/** Ids as literals of Milvus's expressions. */
function listed({ type }: CollectionField, ids: readonly string[]): string {
  return (type === "Int64" ? ids : ids.map((id) => JSON.stringify(id))).join(",");
}

/** The parts of the description of a collection that a writer needs. */
function collectionOf({ schema }: Awaited<ReturnType<MilvusClient["describeCollection"]>>): Collection {
  return {
    dynamic: schema.enable_dynamic_field,
    fields: schema.fields
      .filter(({ is_dynamic }) => !is_dynamic)
      .map((field) => ({
        name: field.name,
        type: String(field.data_type),
        primary: field.is_primary_key,
        autoId: field.autoID,
        nullable: field.nullable === true,
        optional:
          field.nullable === true || field.is_function_output === true || (field.default_value ?? null) !== null,
        maxLength: numberOf(field.max_length),
        dim: numberOf(field.dim),
      })),
  };
}

function numberOf(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : Number(value);
}

/** Rejects as soon as the signal is aborted, whatever becomes of the promise. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
