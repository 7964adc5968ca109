import { InputError, UnavailableError, UsageError } from "../../errors.js";
import type { MilvusAddress } from "./address.js";

/** What a server answers beside its data. */
export interface ServerStatus {
  readonly code?: number;
  readonly error_code?: string | number;
  readonly reason?: string;
  readonly retriable?: boolean;
}

/** An answer that says that the request failed. */
export class StatusError extends Error {
  readonly status: ServerStatus;
  constructor(status: ServerStatus) {
    super(status.reason || `error ${status.error_code ?? status.code}`);
    this.status = status;
  }
}

/** gRPC's code of an answer that came too late. */
export const DEADLINE = 4;
/** Other codes of gRPC. */
const [PERMISSION, EXHAUSTED, ABORTED, UNIMPLEMENTED, INTERNAL, AWAY, UNAUTHENTICATED] = [7, 8, 10, 12, 13, 14, 16];
/** Milvus's code for a collection that is not loaded. */
export const NOT_LOADED = 101;
/** Other codes of Milvus: its own limit on the rate, no such database, a value that it refuses. */
const [RATE_LIMIT, NO_DATABASE, INVALID] = [8, 800, 1100];

/** @throws StatusError where a server says that the request failed */
export function requireSuccess(status: ServerStatus | undefined): void {
  const { code = 0, error_code = "Success" } = status ?? {};
  if (code !== 0 || (error_code !== "Success" && error_code !== 0)) throw new StatusError(status ?? {});
}

/** What a request was rejected with: an error of gRPC, or the status that the SDK throws as it is. */
export function asError(thrown: unknown): unknown {
  const { error_code, status } = thrown as ServerStatus & { status?: ServerStatus };
  if (error_code !== undefined) return new StatusError(thrown as ServerStatus);
  return thrown instanceof Error || status?.error_code === undefined ? thrown : new StatusError(status);
}

/** Whether the same request may succeed a little later. */
export function passes(error: unknown): boolean {
  if (error instanceof StatusError) {
    const { retriable, code } = error.status;
    return retriable === true || code === RATE_LIMIT || code === NOT_LOADED;
  }
  const { code, details = "" } = error as { code?: number; details?: string };
  if (code === EXHAUSTED) return !/larger than max/i.test(details);
  // A server that ends resets its streams, which gRPC calls INTERNAL.
  return code === AWAY || code === DEADLINE || code === ABORTED || (code === INTERNAL && /RST_STREAM/.test(details));
}

/** What the server or the connection said, without what gRPC puts around it. */
export function reasonOf(error: unknown): string {
  const { details, message } = error as { details?: string; message?: string };
  return (details || message || String(error))
    .replace(/^No connection established\. Last error: (?:Error: |null(?=\.))?/, "")
    .replace(/\.? Resolution note: $/, "")
    .replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)$/, "")
    .replace(/^$/, "no connection");
}

/** How a request that failed for good is told to a person, with the cure. */
export function failure(error: unknown, doing: string, { shown, tls, database }: MilvusAddress): Error {
  const said = `Milvus at ${shown} failed to ${doing}: ${reasonOf(error)}`;
  const { code } = error as { code?: unknown };
  if (code === UNAUTHENTICATED || code === PERMISSION) {
    return new UnavailableError(
      `${said}; set MILVUS_TOKEN, or MILVUS_USERNAME and MILVUS_PASSWORD, of a user who may write there`,
    );
  }
  if (code === UNIMPLEMENTED) return new UnavailableError(`${said}; is this a server of Milvus 2.4 or later?`);
  if (error instanceof StatusError) {
    const { status } = error;
    if (status.code === NO_DATABASE || /database.*(not found|not exist)/i.test(status.reason ?? "")) {
      return new UsageError(`--to names the database ${database}, which ${shown} does not have; make it first`);
    }
    if (status.code === INVALID || status.error_code === "IllegalArgument") return new InputError(said);
  }
  if (passes(error)) {
    const tlsCure = tls ? "" : ", and whether it wants TLS (milvus+tls://)";
    return new UnavailableError(
      `${said}; look whether the server runs and is reached${tlsCure}; the same command goes on with the rows that are missing`,
    );
  }
  return new UnavailableError(said);
}
