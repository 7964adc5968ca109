import { FailedRunError } from "../../errors.js";
import type { ModelSpec } from "../../models/spec.js";
import { embedInputs } from "../embed/embed-inputs.js";
import { prepareModel } from "../embed/prepare-model.js";
import type { RunContext, SharedOptions } from "../options.js";
import { openWorkArea } from "../work/work-area.js";
import { EMBEDDINGS } from "../write/output-names.js";
import type { CalibrationInputsOptions, EmbeddedRows } from "./embedded-rows.js";
import { startTextEmbedder, type TextEmbedder } from "./text-embedder.js";

/**
 * Reads and embeds files. The work area in `options.out` keeps the vectors.
 * @throws as `embedInputs`
 */
export async function embedFiles(options: CalibrationInputsOptions, context: RunContext): Promise<EmbeddedRows> {
  const { textFields, vectorField } = options;
  const work = await openWorkArea(options.out);
  try {
    const signal = work.stopSignal(context.signal);
    const inputs = await embedInputs({
      shared: options,
      keep: { kind: "first" },
      work,
      context: { ...context, signal },
    });
    const { sources, index, model, rejected } = inputs;
    const { rows, groups } = index.exact.counts;
    return {
      counts: { read: rows, rejected, distinct: groups - inputs.texts.refused.length },
      model,
      storePath: work.path(EMBEDDINGS),
      startModel: vectorField === undefined ? () => startAgain(options, model, context) : undefined,
      async *texts() {
        let row = 0;
        for (const source of sources) {
          for await (const { texts } of source.scan({ textFields, vectorField, vectorDim: index.vectorDim })) {
            yield texts.map((text) => ({ row: row++, text: text ?? null }));
          }
        }
      },
      close: () => work.close(),
    };
  } catch (error) {
    const explained = work.explain(error);
    await work.close();
    throw explained;
  }
}

/** Starts the model a second time, for texts that are not of the input. */
async function startAgain(options: SharedOptions, model: ModelSpec, context: RunContext): Promise<TextEmbedder> {
  // The first pass has told which model and device it took.
  const silent = { ...context.reporter, note: () => {} };
  const prepared = await prepareModel(options, silent, context.signal);
  if (prepared.model.fingerprint !== model.fingerprint) {
    throw new FailedRunError(`model ${model.name} changed while it was used; run the same command again`);
  }
  return startTextEmbedder(prepared);
}
