import { openEndpoint } from "../../embed/endpoint/endpoint.js";
import { KNOWN_MODELS } from "../../models/registry.js";
import type { ModelSpec } from "../../models/spec.js";
import { proxySettings } from "../../network.js";
import type { Reporter } from "../../reporter.js";
import type { EndpointChoice } from "../options.js";
import type { PreparedModel } from "./prepared-model.js";

/** Characters of a window. A window fills sixteen requests, and three windows are in flight. */
const WINDOW_CHARS = 1 << 17;

/** Threshold for a served model whose name contains none of the known names. */
const DEFAULT_THRESHOLD = { value: 0.9, source: "general default; choose one on your own data" };

/**
 * Prepares a model behind an OpenAI-compatible server. The fingerprint holds the served name and the dimension but not
 * the host, so that an interrupted run can continue after the server has moved. Whether two servers use one name for
 * the same weights is for the user to know.
 * @throws UnavailableError if the server cannot be reached; UsageError if the server has several models and none was
 * chosen
 */
export async function prepareEndpoint(
  choice: EndpointChoice,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<PreparedModel> {
  const { model: wanted, concurrency } = choice;
  const address = choice.address();
  const note = (message: string) => reporter.note(message);
  const proxy = proxySettings(process.env);
  const { served, start } = await openEndpoint({ address, model: wanted, concurrency, note, proxy, signal });
  const { name, dim, maxTokens } = served;
  const known = KNOWN_MODELS.find((model) => name.toLowerCase().includes(model.name));
  const threshold = known?.threshold ?? DEFAULT_THRESHOLD;
  reporter.note(
    `model ${name} at ${address.shown}: ${dim} dimensions, ` +
      `${maxTokens === undefined ? "longest text unknown" : `at most ${maxTokens} tokens`}, ${concurrency} requests at once`,
  );
  const model: ModelSpec = {
    name,
    dtype: "served",
    pooling: "none",
    poolingSource: "done by the server",
    // 0 stands for a server that does not tell.
    maxTokens: maxTokens ?? 0,
    threshold: threshold.value,
    thresholdSource: threshold.source,
    fingerprint: `endpoint model ${name} dim ${dim}`,
  };
  return { model, provider: "endpoint", start: async () => start(), windowChars: WINDOW_CHARS };
}
