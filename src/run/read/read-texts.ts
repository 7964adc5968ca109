import { ExactTexts } from "../../exact/exact.js";
import { type KeepPolicy, RowOrder } from "../../exact/priority.js";
import { RejectedRecords } from "../../io/rejected-records.js";
import type { RejectsWriter } from "../../io/rejects.js";
import type { Source } from "../../io/source.js";
import type { Stage } from "../../reporter.js";
import { RejectsBrake } from "../check/brake.js";
import type { Limit } from "../check/limit.js";
import { hash128 } from "./hash.js";
import { MissingTextField } from "./missing-field.js";

/** Distinct texts that are embedded together, the first record of each standing for all. */
export interface TextWindow {
  /** An empty one stands for a record that has a vector and no text. */
  readonly texts: string[];
  /** Vectors that came with the input, not normalised; absent where the texts are to be embedded. */
  readonly vectors?: Float32Array[];
  /** Row number of each text's first record. */
  readonly rows: number[];
}

/** What the first pass knows of the rows once its windows have all been taken. */
export interface RowIndex {
  readonly exact: ExactTexts;
  readonly order: RowOrder;
  /** Number of the first row of each source; one more entry holds the number of all rows. */
  readonly firstRows: number[];
  /** What the pass has rejected, one for each source. */
  readonly rejected: RejectedRecords[];
  /** Components of the input's own vectors, 0 where there are none. */
  vectorDim: number;
}

/** Most texts of a window. */
const WINDOW_TEXTS = 2048;

/**
 * The first pass over the inputs: rejects bad records, finds equal texts, and yields each distinct text once, in windows of
 * bounded size whose borders depend on the texts alone. `index` fills up as the windows are taken.
 * @param windowChars characters after which a window is closed
 */
export async function* readTexts(options: {
  sources: readonly Source[];
  textFields: readonly string[];
  vectorField?: string;
  index: RowIndex;
  rejects: RejectsWriter;
  maxRejects?: Limit;
  windowChars: number;
  /** As in ScanOptions. */
  reserve?: (bytes: number) => boolean;
  /** Called with the text and the number of each new group, in order. */
  onGroup?: (text: string, group: number) => void;
  stage: Stage;
  signal?: AbortSignal;
}): AsyncGenerator<TextWindow> {
  const { sources, textFields, vectorField, index, rejects, maxRejects, windowChars, onGroup, reserve, stage, signal } =
    options;
  const { exact, order, firstRows } = index;
  const orderField = "field" in order.policy ? order.policy.field : undefined;
  const emptyWindow = (): TextWindow => ({
    texts: [],
    rows: [],
    ...(vectorField === undefined ? {} : { vectors: [] }),
  });
  let window = emptyWindow();
  let chars = 0;
  let bytesBefore = 0;
  let row = 0;
  const missing = new MissingTextField(textFields);
  const brake = new RejectsBrake(maxRejects);
  for (const source of sources) {
    firstRows.push(row);
    const rejected = new RejectedRecords(source.name);
    index.rejected.push(rejected);
    for await (const batch of source.scan({
      textFields,
      orderField,
      vectorField,
      vectorDim: index.vectorDim,
      reserve,
    })) {
      signal?.throwIfAborted();
      rejected.add(batch.texts.length, batch.rejects);
      await rejects.write(source.name, batch.rejects);
      missing.add(source.name, batch.rejects, batch.rejects.length < batch.texts.length);
      brake.add(source.name, batch.rejects);
      const { vectors } = batch;
      index.vectorDim = vectors?.dim ?? 0;
      for (let i = 0; i < batch.texts.length; i++, row++) {
        const given = batch.texts[i];
        const text = given === undefined ? "" : given;
        order.add(text, batch.order?.[i]);
        const begins = given === undefined ? exact.addWithoutText() : exact.add(given);
        if (!begins || text === null) continue;
        if (vectors !== undefined)
          window.vectors?.push(vectors.values.subarray(i * vectors.dim, (i + 1) * vectors.dim));
        onGroup?.(text, exact.counts.groups - 1);
        window.texts.push(text);
        window.rows.push(row);
        chars += text.length;
        if (window.texts.length === WINDOW_TEXTS || chars >= windowChars) {
          yield window;
          window = emptyWindow();
          chars = 0;
        }
      }
      stage.advance(bytesBefore + batch.bytesRead, row);
    }
    bytesBefore += source.byteLength;
    stage.advance(bytesBefore, row);
  }
  firstRows.push(row);
  stage.end();
  missing.check();
  brake.end(row);
  if (window.texts.length > 0) yield window;
}

/** An empty index for a run. */
export function createRowIndex(keep: KeepPolicy): RowIndex {
  return { exact: new ExactTexts({ hash128 }), order: new RowOrder(keep), firstRows: [], rejected: [], vectorDim: 0 };
}
