import { UnavailableError } from "../../errors.js";
import type { EndpointAddress } from "./address.js";
import { answerText, isPage } from "./answer.js";
import type { HttpAnswer } from "./http.js";

/**
 * Turns an answer that another attempt would not change into an error with the server's own words and the cure.
 * @param what the action that failed, for the message
 */
export function refusal(answer: HttpAnswer, { shown, redact }: EndpointAddress, what: string): UnavailableError {
  const { status, body } = answer;
  const said = redact(answerText(body));
  if (status === 401 || status === 403) {
    return new UnavailableError(
      `${shown} refuses the key (status ${status}): ${said}; set BGE_API_KEY to one that it takes`,
    );
  }
  const elsewhere = status >= 300 && status < 400 ? redirection(answer, shown) : undefined;
  const cure =
    elsewhere !== undefined
      ? `it sends on to ${redact(elsewhere)}; give that to --endpoint`
      : status === 404 || isPage(body)
        ? "--endpoint should end where /models and /embeddings begin, as in http://host:30000/v1"
        : "see the server's log; it has to serve an embedding model";
  return new UnavailableError(`${shown}: ${what} (status ${status}): ${said}; ${cure}`);
}

/**
 * Base URL to which an answer redirects. The redirect is not followed: a key must not go to another host, and a POST
 * must not become a GET.
 */
function redirection({ headers: { location = "" } }: HttpAnswer, shown: string): string | undefined {
  if (!URL.canParse(location, shown)) return undefined;
  const { origin, pathname } = new URL(location, shown);
  return origin + pathname.replace(/\/+(models|embeddings)?\/*$/, "");
}
