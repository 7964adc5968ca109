import { UsageError } from "../../errors.js";
import { withoutSecrets } from "../../without-secrets.js";

/** Where a collection is. */
export interface MilvusAddress {
  /** Host name or address; an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Absent for the server's default database. */
  readonly database?: string;
  readonly collection: string;
  /** `host:port`, for messages. */
  readonly shown: string;
}

/** What names a collection is reached by, for messages. */
const EXPECTED = "expected milvus://HOST:PORT/COLLECTION, or milvus+tls://HOST:PORT/DATABASE/COLLECTION";
/** Milvus's port. */
const PORT = 19530;
/** Names of databases and collections, by the rules of Milvus. */
const NAME = /^[A-Za-z_]\w{0,254}$/;

/** Whether a target of `export` is a collection of Milvus. */
export const isMilvus = (to: string): boolean => /^milvus(\+tls)?:/i.test(to);

/**
 * Reads `milvus://HOST:PORT/COLLECTION`. The port is 19530 where none is given; a database may stand before the
 * collection, and `milvus+tls://` encrypts the connection.
 * @throws UsageError for another form; the message shows no password that someone put into the address
 */
export function parseMilvus(to: string): MilvusAddress {
  const refuse = (why: string) => new UsageError(`--to ${withoutSecrets(to)}: ${why}; ${EXPECTED}`);
  const url = URL.canParse(to) ? new URL(to) : undefined;
  if (url === undefined || url.hostname === "") throw refuse("this is no address of a Milvus server");
  if (url.username !== "" || url.password !== "") {
    throw refuse("users and passwords are taken from MILVUS_TOKEN, or from MILVUS_USERNAME and MILVUS_PASSWORD, alone");
  }
  if (url.search !== "" || url.hash !== "") throw refuse("nothing may follow the name of the collection");
  const names = url.pathname.replace(/^\/|\/$/g, "").split("/");
  if (names.length > 2 || names[0] === "") throw refuse("this names no collection");
  for (const name of names) {
    if (!NAME.test(name)) {
      throw refuse(`${name} is no name that Milvus takes (letters, digits and _, no digit first, up to 255)`);
    }
  }
  const [collection, database] = names.reverse();
  const port = url.port === "" ? PORT : Number(url.port);
  const tls = url.protocol.toLowerCase() === "milvus+tls:";
  return { host: url.hostname, port, tls, database, collection, shown: `${url.hostname}:${port}` };
}
