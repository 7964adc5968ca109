import { UnavailableError } from "../../errors.js";
import { type BackoffLimits, backoffMs } from "../../network.js";

/** How long and how often a server is tried. */
export interface EndpointLimits extends BackoffLimits {
  /** A request without a byte for so long has failed. */
  readonly timeoutMs: number;
  /** The server is given up when nothing has succeeded for so long after the first failure. */
  readonly patienceMs: number;
  /** The same before its first answer, when a wrong address is likelier than a restart. */
  readonly firstContactMs: number;
  /** A request that fails so often, with others succeeding in between, is given up, and the run with it. */
  readonly attempts: number;
}

/** Limits of a run. A large model takes minutes to load, and a long queue before a slow device is no failure. */
export const ENDPOINT_LIMITS: EndpointLimits = {
  firstMs: 500,
  longestMs: 15_000,
  timeoutMs: 300_000,
  patienceMs: 180_000,
  firstContactMs: 5000,
  attempts: 8,
};

/** Waits that the server asks for lengthen the patience, but not without end: by so many patiences. */
const ASKED_PATIENCES = 5;

/** A failed attempt. */
export interface Failure {
  /** What went wrong, without secrets. */
  readonly why: string;
  /** Wait that the server asks for. */
  readonly retryAfterMs?: number;
}

/** What all requests to a server know together: whether it works, and until when it wants to be left alone. */
export interface Outage {
  /** Milliseconds to wait before anything is sent, 0 where nothing speaks against it. */
  pauseMs(): number;
  /** An answer came, of whatever kind. */
  answered(): void;
  /** A request succeeded, so whatever was wrong is over. */
  over(): void;
  /** When a request last succeeded, by performance.now(). */
  lastSuccess(): number;
  /**
   * @param failures of the request so far, this one included
   * @param outlived how many of them were followed by success of other requests
   * @returns milliseconds before the request's next attempt
   * @throws UnavailableError where the request, or the server as a whole, has been tried long enough
   */
  delayMs(failure: Failure, failures: number, outlived: number): number;
}

/**
 * @param shown name of the server for messages
 * @param known whether it has answered before, over other connections: then there is work that a later run resumes
 * @param note told when it stops and when it resumes answering
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
  /** Since when nothing has succeeded; absent while all is well. */
  let downSince: number | undefined;
  let noted = false;
  /** Until when the server asked to be left alone, and for how long in all since it went down. */
  let pausedUntil = 0;
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
        throw new UnavailableError(
          `${shown} failed ${failures} times over the same request while it answered others: ${why}; see the server's log`,
        );
      }
      const delay = Math.max(backoffMs(failures, limits), pausedUntil - now);
      const patience = everAnswered ? limits.patienceMs : limits.firstContactMs;
      if (now + delay - downSince > patience + Math.min(asked, ASKED_PATIENCES * patience)) {
        const wait = retryAfterMs === undefined ? "" : `, and it asks to wait ${Math.round(retryAfterMs / 1000)} s`;
        throw new UnavailableError(
          `${shown} cannot be reached or does not work: ${why}${wait} (tried for ${Math.round((now - downSince) / 1000)} s); ` +
            `start the server or correct --endpoint${known ? ", then run the same command again: it resumes where it stopped" : ""}`,
        );
      }
      // Single failures are everyday; a server that is gone is worth a line.
      if (!noted && everAnswered && failures === 3) {
        note(`${shown} does not answer (${why}); trying for up to ${Math.round(patience / 1000)} s`);
        noted = true;
      }
      return delay;
    },
  };
}
