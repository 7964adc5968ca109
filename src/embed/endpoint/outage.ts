import { UnavailableError } from "../../errors.js";
import { type BackoffLimits, backoffMs } from "../../network.js";

/** The server does not answer or does not work. Everything that it has answered before is right, so work can go on. */
export class OutageError extends UnavailableError {}

/** Limits on how long and how often a server is tried. */
export interface EndpointLimits extends BackoffLimits {
  /** Milliseconds without a byte after which a request has failed. */
  readonly timeoutMs: number;
  /** The server is given up if no request succeeds within this many milliseconds of the first failure. */
  readonly patienceMs: number;
  /** The same before the first answer of the server, when a wrong address is more likely than a restart. */
  readonly firstContactMs: number;
  /** A request that fails this often while others succeed is given up, and the run with it. */
  readonly attempts: number;
}

/** The limits of a run. A large model takes minutes to load, and a long queue at a slow device is no failure. */
export const ENDPOINT_LIMITS: EndpointLimits = {
  firstMs: 500,
  longestMs: 15_000,
  timeoutMs: 300_000,
  patienceMs: 180_000,
  firstContactMs: 5000,
  attempts: 8,
};

/** Waits that the server asks for extend the patience, but at most by this many times the patience. */
const ASKED_PATIENCES = 5;

/** A failed attempt. */
export interface Failure {
  /** The cause, without secrets. */
  readonly why: string;
  /** Whether the server says that it has too much to do or is not ready; no request is to blame then. */
  readonly busy?: boolean;
  /** Milliseconds that the server asks to wait. */
  readonly retryAfterMs?: number;
}

/** State that all requests to a server share: whether the server works, and until when it asks to be left alone. */
export interface Outage {
  /** Milliseconds to wait before anything is sent; 0 if requests may be sent now. */
  pauseMs(): number;
  /** Records that an answer of any status arrived. */
  answered(): void;
  /** Records that a request succeeded, which ends an outage. */
  over(): void;
  /** Time of the last success by performance.now(). */
  lastSuccess(): number;
  /**
   * Records a failed attempt and decides when to try again.
   * @param failures failed attempts of the request so far, this one included
   * @param outlived number of these attempts that were followed by the success of other requests
   * @returns milliseconds until the next attempt of the request
   * @throws OutageError if the request, or the server as a whole, has been tried long enough
   */
  delayMs(failure: Failure, failures: number, outlived: number): number;
}

/**
 * Creates the state that the requests to one server share.
 * @param options.shown name of the server for messages
 * @param options.known whether the server has answered before, over other connections: then its absence is waited out
 * @param options.note called when the server stops answering and when it answers again
 */
export function trackOutage(options: {
  shown: string;
  known: boolean;
  limits: EndpointLimits;
  note: (message: string) => void;
}): Outage {
  const { shown, known, limits, note } = options;
  let everAnswered = known;
  let lastSuccess = Number.NEGATIVE_INFINITY;
  /** Time of the first failure after the last success; undefined while all is well. */
  let downSince: number | undefined;
  let noted = false;
  /** Time until which the server asked to be left alone. */
  let pausedUntil = 0;
  /** Milliseconds that the server has asked for since the outage began. */
  let asked = 0;

  const pause = (now: number, ms: number) => {
    if (now + ms <= pausedUntil) return;
    asked += now + ms - Math.max(pausedUntil, now);
    pausedUntil = now + ms;
  };
  return {
    pauseMs: () => Math.max(0, pausedUntil - performance.now()),
    answered() {
      everAnswered = true;
    },
    over() {
      lastSuccess = performance.now();
      if (noted) note(`${shown} answers again`);
      noted = false;
      downSince = undefined;
      asked = 0;
    },
    lastSuccess: () => lastSuccess,
    delayMs({ why, retryAfterMs }, failures, outlived) {
      const now = performance.now();
      downSince ??= now;
      if (retryAfterMs !== undefined) pause(now, retryAfterMs);
      else if (outlived + 1 >= limits.attempts) {
        throw new OutageError(
          `${shown} failed ${failures} times over the same request while it answered others: ${why}; see the server's log`,
        );
      }
      const delay = Math.max(backoffMs(failures, limits), pausedUntil - now);
      const patience = everAnswered ? limits.patienceMs : limits.firstContactMs;
      if (now + delay - downSince > patience + Math.min(asked, ASKED_PATIENCES * patience)) {
        const wait = retryAfterMs === undefined ? "" : `, and it asks to wait ${Math.round(retryAfterMs / 1000)} s`;
        throw new OutageError(
          `${shown} cannot be reached or does not work: ${why}${wait} (tried for ${Math.round((now - downSince) / 1000)} s); ` +
            "start the server or correct --endpoint",
        );
      }
      // Single failures are ordinary; a server that is gone deserves a message.
      if (!noted && everAnswered && failures - outlived === 3) {
        note(`${shown} does not answer (${why}); trying for up to ${Math.round(patience / 1000)} s`);
        noted = true;
      }
      return delay;
    },
  };
}
