import { join } from "node:path";
import { parseEndpoint } from "../../embed/endpoint/address.js";
import { UsageError } from "../../errors.js";
import type { ModelSpec } from "../../models/spec.js";
import { prepareModel } from "../embed/prepare-model.js";
import type { Format, RunContext, SharedOptions } from "../options.js";
import { readResultTable, resultFile } from "../read/result-table.js";
import { readDedupManifest } from "../work/dedup-folder.js";
import { EMBEDDINGS } from "../write/output-names.js";
import type { CalibrationInputsOptions, EmbeddedRows } from "./embedded-rows.js";
import { startTextEmbedder } from "./text-embedder.js";

/** The parts of a manifest that say how the vectors of its folder were made. */
interface FolderRecord {
  readonly options: Partial<Omit<SharedOptions, "endpoint">> & {
    readonly formats?: readonly Format[];
    readonly against?: readonly string[];
    readonly endpoint?: { url: string; model?: string; concurrency: number };
  };
  readonly model: { readonly name: string; readonly fingerprint: string; readonly max_tokens: number };
  readonly exact_stage?: { readonly distinct?: number };
}

/**
 * Opens a folder that bge-dedup wrote: its vectors, the texts of its kept and removed rows, and the model of its
 * manifest, with which further texts are embedded.
 * @throws InputError if a file is missing or the manifest is damaged; UsageError if the chosen model is not the one that
 * made the vectors; UnavailableError if that model cannot be had
 */
export async function readFolder(options: CalibrationInputsOptions, context: RunContext): Promise<EmbeddedRows> {
  const [folder] = options.inputs;
  const manifest = await readDedupManifest(folder);
  const record = JSON.parse(manifest.text) as FolderRecord;
  const tables = ["kept.arrow", "removed.arrow"].map((name) =>
    resultFile({ folder, manifest, name, needs: "calibrate" }),
  );
  const shared = modelOptions(options, record);
  const prepared = await prepareModel(shared, context.reporter, context.signal);
  requireSameModel(prepared.model, record, options);
  const { read, rejected, kept, exact, normalized, semantic } = manifest.counts;
  const distinct = record.exact_stage?.distinct ?? kept + semantic;
  context.reporter.note(`vectors of ${folder}: ${kept} rows kept, ${exact + normalized + semantic} removed`);
  return {
    counts: { read, rejected, distinct },
    model: prepared.model,
    storePath: join(folder, EMBEDDINGS),
    recorded: { ...record.options, ...manifest.options, out: folder },
    startModel: shared.vectorField === undefined ? () => startTextEmbedder(prepared) : undefined,
    async *texts() {
      for (const path of tables) {
        for await (const { rows, texts } of readResultTable(path, shared)) {
          yield texts.map((text, i) => ({ row: rows[i], text }));
        }
      }
    },
    close: async () => {},
  };
}

/** The options of this run, with those of the folder for everything on which its vectors depend. */
function modelOptions(options: CalibrationInputsOptions, { options: recorded }: FolderRecord): SharedOptions {
  const { textFields, vectorField, maxLength, long, batchTokens } = recorded;
  const made = {
    ...options,
    textFields: textFields ?? options.textFields,
    vectorField,
    maxLength,
    long: long ?? options.long,
    batchTokens,
  };
  if (options.modelChosen) return made;
  const { endpoint, model = options.model, dtype = options.dtype, device = options.device } = recorded;
  if (endpoint === undefined) return { ...made, model, dtype, device };
  // The manifest holds no secrets: the key comes from the environment.
  const address = parseEndpoint(endpoint.url, process.env.BGE_API_KEY);
  return { ...made, model: "endpoint", endpoint: { ...endpoint, address: () => address } };
}

/** @throws UsageError if the model is not the one that made the vectors of the folder */
function requireSameModel(model: ModelSpec, record: FolderRecord, { inputs, modelChosen }: CalibrationInputsOptions) {
  if (model.fingerprint === record.model.fingerprint) return;
  const cure = modelChosen
    ? "leave out --model and --endpoint, or name the input files themselves"
    : "name the model where it lies now by --model, or the input files themselves";
  throw new UsageError(
    `the vectors of ${inputs[0]} were made by ${record.model.name} (${record.model.fingerprint}), ` +
      `not by ${model.name} (${model.fingerprint}); ${cure}`,
  );
}
