import type { Embedder } from "../../embed/local/embedder.js";
import type { ModelSpec } from "../../models/spec.js";
import type { DeviceName } from "./device.js";

/** A model on a device or behind a server, ready to be started. */
export interface PreparedModel {
  readonly model: ModelSpec;
  readonly provider: DeviceName;
  /** Loads the model; the caller closes the embedder. */
  readonly start: () => Promise<Embedder>;
  /** Characters after which a window of texts is closed. */
  readonly windowChars: number;
}
