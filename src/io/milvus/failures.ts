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

/** Codes of gRPC. */
const [DEADLINE, PERMISSION, EXHAUSTED, ABORTED, UNIMPLEMENTED, INTERNAL, AWAY, UNAUTHENTICATED] = [
  4, 7, 8, 10, 12, 13, 14, 16,
];
/** Codes of Milvus: its own limit on the rate, no such database, a value that it refuses. */
const [RATE_LIMIT, NO_DATABASE, INVALID] = [8, 800, 1100];

/** @throws StatusError where a server says that the request failed */
export function requireSuccess(status: ServerStatus | undefined): void {
  const { code = 0, error_code = "Success" } = status ?? {};
  if (code !== 0 || (error_code !== "Success" && error_code !== 0)) throw new StatusError(status ?? {});
}

/** Whether the same request may succeed a little later. */
export function passes(error: unknown): boolean {
  if (error instanceof StatusError) return error.status.retriable === true || error.status.code === RATE_LIMIT;
  const { code, details = "" } = error as { code?: number; details?: string };
  if (code === EXHAUSTED) return !/larger than max/i.test(details);
  // A server that ends resets its streams, which gRPC calls INTERNAL.
  return code === AWAY || code === DEADLINE || code === ABORTED || (code === INTERNAL && /RST_STREAM/.test(details));
}

/** What the server or the connection said, without the preamble of gRPC. */
export function reasonOf(error: unknown): string {
  const { details, message } = error as { details?: string; message?: string };
  return (details || message || String(error)).replace(/ \(retried .*\)$/, "");
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
