/**
 * The official SDK carries every request: connection, TLS, credentials and Milvus's protocol. An export hands it columns
 * that are made here. Its own `upsert` takes rows, copies each through JSON twice, which rounds whole numbers beyond
 * 2^53 and fails on a bigint, and writes each request as JSON for a log that nobody reads: 570 against 1,050 rows/s with
 * 384 dimensions into Milvus Lite. It is an optional peer dependency, because it brings 55 packages.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { rootCertificates } from "node:tls";
import type { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { UnavailableError, UsageError } from "../../errors.js";
import type { MilvusAddress } from "./address.js";
import { type Attempt, createAttempts, LONGEST_WAIT, PATIENCE, type Patience } from "./attempts.js";
import type { Collection, CollectionField } from "./collection.js";
import { NOT_LOADED, requireSuccess, type ServerStatus } from "./failures.js";
import type { FieldData } from "./field-data.js";
import { loadSdk } from "./load-sdk.js";
import { collectionOf, creation, listed } from "./messages.js";

/** How a user proves who it is: a token (an API key, or `user:password`), or both a name and a password. */
export interface MilvusCredentials {
  readonly token?: string;
  readonly username?: string;
  readonly password?: string;
  /** Path of certificates that are trusted beside Node's own: NODE_EXTRA_CA_CERTS, which gRPC does not heed. */
  readonly certificates?: string;
}

/** Milliseconds in which connections may close. */
const CLOSING = 1000;

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

type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/** Answer to `GetVersion`. */
interface VersionAnswer extends Answer {
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
  const { address, patience = PATIENCE } = options;
  const sdk = await loadSdk();
  const client = await connect(sdk, address, options.credentials, patience);
  const attempt = createAttempts({ ...options, patience });
  try {
    const version = await attempt(
      "answer",
      async () => {
        const answer: VersionAnswer = await sdk.promisify(client.channelPool, "GetVersion", {}, patience.answer);
        requireSuccess(answer.status);
        return answer.version;
      },
      patience.first,
    );
    if (!version) throw new UnavailableError(`${address.shown} speaks gRPC but is no server of Milvus`);
    return { version, ...requests({ sdk, client, attempt, patience, name: address.collection }) };
  } catch (error) {
    await close(client);
    throw error;
  }
}

/** Makes the client of the SDK, which connects with its first request. */
async function connect(sdk: Sdk, address: MilvusAddress, credentials: MilvusCredentials, patience: Patience) {
  const { certificates, ...user } = credentials;
  return new sdk.MilvusClient({
    address: address.shown,
    database: address.database,
    ssl: address.tls,
    ...(address.tls && certificates !== undefined ? { tls: { rootCert: await trusted(certificates) } } : {}),
    ...user,
    timeout: patience.answer,
    // `attempt` repeats, and knows for how long.
    maxRetries: 0,
    logLevel: "error",
    pool: { min: 1, max: 2 },
    channelOptions: {
      // gRPC by itself would wait up to 2 minutes before it connects again.
      "grpc.max_reconnect_backoff_ms": LONGEST_WAIT,
      // The SDK pings every 10 s, and a server in Python ends a connection that pings three times while it computes.
      "grpc.keepalive_time_ms": patience.answer,
    },
    __SKIP_CONNECT__: true,
  });
}

/** The requests for one collection. */
function requests(options: {
  readonly sdk: Sdk;
  readonly client: MilvusClient;
  readonly attempt: Attempt;
  readonly patience: Patience;
  readonly name: string;
}): Omit<MilvusCollection, "version"> {
  const { sdk, client, attempt, patience, name } = options;
  const collection_name = name;
  const load = () => done(client.loadCollectionSync({ collection_name, timeout: patience.answer }));
  const exists = async () => (await checked(client.hasCollection({ collection_name }))).value;
  /** Asks for rows. A server that was started anew may have to load the collection again. */
  const query = async (filter: string, fields: readonly string[], limit?: number) => {
    const { Strong } = sdk.ConsistencyLevelEnum;
    const rows = { filter, output_fields: [...fields], ...(limit === undefined ? {} : { limit }) };
    const answer = await client.query({ collection_name, consistency_level: Strong, ...rows });
    if (answer.status.code === NOT_LOADED) await load();
    requireSuccess(answer.status);
    return answer.data;
  };
  return {
    describe: () =>
      attempt("describe the collection", async () =>
        (await exists()) ? collectionOf(await checked(client.describeCollection({ collection_name }))) : undefined,
      ),
    create: (collection, description) =>
      attempt("make the collection", async () => {
        try {
          await done(client.createCollection({ collection_name, description, ...creation(collection) }));
        } catch (error) {
          // Another export, or an attempt of this one whose answer was lost, may have made the collection meanwhile.
          if (!(await exists())) throw error;
        }
      }),
    async prepare(vector) {
      await attempt("make the index", async () => {
        const { index_descriptions: indices = [] } = await client.describeIndex({ collection_name });
        if (indices.some(({ field_name }) => field_name === vector)) return;
        const kind = { index_type: "AUTOINDEX", metric_type: "COSINE" };
        await done(client.createIndex({ collection_name, field_name: vector, ...kind }));
      });
      await attempt("load the collection", load);
    },
    upsert: (fields, rows) =>
      attempt("take rows", async () => {
        // The SDK writes every request as JSON for its log, even where the log is off.
        const request = { collection_name, fields_data: fields, num_rows: rows, toJSON: () => ({}) };
        await checked(sdk.promisify(client.channelPool, "Upsert", request, patience.answer) as Promise<Answer>);
      }),
    find: ({ id, ids, fields }) =>
      attempt("look rows up", async () => {
        const found = await query(`${id.name} in [${listed(id, ids)}]`, [id.name, ...fields], ids.length);
        return new Map(found.map((row) => [String(row[id.name]), row]));
      }),
    remove: (id, ids) =>
      attempt("remove rows", async () => {
        await checked(client.deleteEntities({ collection_name, filter: `${id.name} in [${listed(id, ids)}]` }));
      }),
    count: (filter) =>
      attempt("count the rows", async () => {
        const [counted] = await query(filter, ["count(*)"]);
        return Number(counted["count(*)"]);
      }),
    close: () => close(client),
  };
}

/** Any answer of the server. */
interface Answer {
  readonly status: ServerStatus;
}

/** @throws StatusError where the server says that the request failed */
async function checked<T extends Answer>(answer: Promise<T>): Promise<T> {
  const result = await answer;
  requireSuccess(result.status);
  return result;
}

/** As `checked`, for a request that is answered by a status alone. */
async function done(answer: Promise<ServerStatus>): Promise<void> {
  requireSuccess(await answer);
}

/** Reads certificates and puts them beside those that Node brings. @throws UsageError */
async function trusted(path: string): Promise<Buffer> {
  try {
    return Buffer.from([...rootCertificates, await readFile(path, "utf8")].join("\n"));
  } catch (cause) {
    throw new UsageError(`NODE_EXTRA_CA_CERTS cannot be read: ${(cause as Error).message}`);
  }
}

/** Closes the connections, without waiting for a request that nobody waits for any more. */
async function close(client: MilvusClient): Promise<void> {
  const closed = new AbortController();
  const closing = client.closeConnection().catch(() => {});
  void closing.then(() => closed.abort());
  await sleep(CLOSING, undefined, { signal: closed.signal }).catch(() => {});
}
