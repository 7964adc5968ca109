import type { Embedder } from "../../embed/local/embedder.js";
import type { Reporter } from "../../reporter.js";
import type { SharedOptions } from "../options.js";
import type { RowIndex } from "../read/read-texts.js";
import { prepareVectors, vectorNormaliser } from "./given-vectors.js";
import { prepareLocalModel } from "./local-model.js";
import type { PreparedModel } from "./prepared-model.js";
import type { WindowEmbedder } from "./window-embedder.js";

/**
 * Finds the model and the device, or asks the server, and notes what was found. Nothing is loaded yet.
 * @throws UnavailableError if the model, the device or the server cannot be had
 */
export async function prepareModel(
  shared: SharedOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<PreparedModel> {
  if (shared.vectorField !== undefined) return prepareVectors(shared.vectorField, reporter);
  if (shared.endpoint !== undefined) {
    const { prepareEndpoint } = await import("./endpoint-model.js");
    return prepareEndpoint(shared.endpoint, reporter, signal);
  }
  return prepareLocalModel(shared, reporter, signal);
}

/**
 * Starts whatever gives the vectors of windows: the model, or a normaliser of the input's own vectors.
 * @param vectorField column of the input's own vectors; undefined if a model embeds the texts
 * @returns an embedder that the caller closes
 */
export async function startWindows(
  start: () => Promise<Embedder>,
  vectorField: string | undefined,
  index: Pick<RowIndex, "vectorDim">,
): Promise<WindowEmbedder> {
  if (vectorField !== undefined) return vectorNormaliser(index);
  const { dim, embed, busy, close } = await start();
  return { dim, embed: ({ texts }) => embed(texts), busy, close };
}
