import type { Source } from "../../io/source.js";
import type { ModelSpec } from "../../models/spec.js";
import type { SharedOptions } from "../options.js";
import { VERSION } from "../work/manifest.js";
import type { Fingerprint } from "../work/work-state.js";
import type { DeviceName } from "./device.js";

/**
 * Version of `state.json`. A new number makes this program ignore the work of earlier versions, whose fields mean
 * something else.
 */
const STATE_FORMAT = 3;

/**
 * Everything that the vectors depend on. A flag that changes vectors must appear here, or an interrupted run would
 * continue with vectors of another kind.
 * @param references identity of the references, whose texts are not embedded; absent where the run has none
 */
export function fingerprintOf(
  sources: readonly Pick<Source, "name">[],
  shared: SharedOptions,
  model: ModelSpec,
  provider: DeviceName,
  references?: string,
): Fingerprint {
  return {
    version: VERSION,
    inputs: sources.map(({ name }) => name).join("\n"),
    "input format": shared.inputFormat ?? "auto",
    delimiter: shared.delimiter ?? "auto",
    "text field": shared.textFields.join("\n"),
    "vector field": shared.vectorField ?? "none",
    model: model.fingerprint,
    dtype: model.dtype,
    "max length": model.maxTokens,
    long: shared.long,
    "batch tokens": shared.batchTokens ?? "default",
    device: provider,
    "state format": STATE_FORMAT,
    ...(references === undefined ? {} : { references }),
  };
}
