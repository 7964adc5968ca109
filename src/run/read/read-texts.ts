import { ExactTexts, type ExactTextsOptions } from "../../exact/exact.js";
import { type KeepPolicy, orderFieldOf, RowOrder } from "../../exact/priority.js";
import { RejectedRecords } from "../../io/rejected-records.js";
import type { RejectsWriter } from "../../io/rejects.js";
import type { ScannedBatch, Source } from "../../io/source.js";
import type { Stage } from "../../reporter.js";
import { hash128 } from "./hash.js";
import type { RememberedScans } from "./remembered-scans.js";

/** Distinct texts that are embedded together; each stands for all rows that have the text. */
export interface TextWindow {
  /** The texts; an empty text stands for a record that has a vector and no text. */
  readonly texts: string[];
  /** The input's own vectors, not normalised; absent if a model embeds the texts. */
  readonly vectors?: Float32Array[];
  /** First row of each text, ascending. */
  readonly rows: number[];
}

/** What the first pass knows of the rows. Complete once all windows have been taken. */
export interface RowIndex {
  readonly exact: ExactTexts;
  readonly order: RowOrder;
  /** Number of the first row of each source, followed by the number of all rows. */
  readonly firstRows: number[];
  /** Rejected records of each source. */
  readonly rejected: RejectedRecords[];
  /** Components of the input's own vectors; 0 if the input has none. */
  vectorDim: number;
}

interface RowIndexOptions extends Omit<ExactTextsOptions, "hash128"> {
  readonly keep: KeepPolicy;
}

/** Most texts of a window. */
export const WINDOW_TEXTS = 2048;

/** Options of `readTexts`. */
export interface ReadTextsOptions {
  readonly sources: readonly Source[];
  readonly textFields: readonly string[];
  readonly vectorField?: string;
  readonly index: RowIndex;
  readonly rejects: RejectsWriter;
  /** Characters after which a window is closed. */
  readonly windowChars: number;
  /** What the check has scanned of the sources. */
  readonly remembered?: RememberedScans;
  /** Grants bytes for columns that the source keeps between the passes; see ScanOptions. */
  readonly reserve?: (bytes: number) => boolean;
  /** Called with the text and the number of each new group, in order. */
  readonly onGroup?: (text: string, group: number) => void;
  readonly stage: Stage;
  readonly signal?: AbortSignal;
}

/**
 * The first pass over the inputs: rejects bad records, finds equal texts, and yields each distinct text once. Windows
 * are bounded in texts and characters, and their borders depend on the texts alone, so that a continued run sees the
 * same windows. `index` grows as the windows are taken.
 * @throws InputError where a source does; `checkInputs` has found the inputs to be usable
 */
export async function* readTexts(options: ReadTextsOptions): AsyncGenerator<TextWindow> {
  const { sources, vectorField, index, windowChars, stage } = options;
  const { order, firstRows } = index;
  let window = emptyWindow(vectorField);
  let chars = 0;
  let bytesBefore = 0;
  let row = 0;
  for (const source of sources) {
    firstRows.push(row);
    for await (const batch of scanSource(source, options)) {
      const { vectors } = batch;
      for (let i = 0; i < batch.texts.length; i++, row++) {
        const text = batch.texts[i];
        order.add(text === undefined ? "" : text, batch.order?.[i]);
        if (!addText(text, options)) continue;
        if (vectors !== undefined)
          window.vectors?.push(vectors.values.subarray(i * vectors.dim, (i + 1) * vectors.dim));
        window.texts.push(text ?? "");
        window.rows.push(row);
        chars += text?.length ?? 0;
        if (window.texts.length === WINDOW_TEXTS || chars >= windowChars) {
          yield window;
          window = emptyWindow(vectorField);
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
  if (window.texts.length > 0) yield window;
}

/** Yields the batches of a source after writing their rejects. */
async function* scanSource(
  source: Source,
  { textFields, vectorField, index, rejects, remembered, reserve, signal }: ReadTextsOptions,
): AsyncGenerator<ScannedBatch> {
  const orderField = orderFieldOf(index.order.policy);
  const rejected = new RejectedRecords(source.name);
  index.rejected.push(rejected);
  const options = { textFields, orderField, vectorField, vectorDim: index.vectorDim, reserve };
  for await (const batch of remembered?.take(source) ?? source.scan(options)) {
    signal?.throwIfAborted();
    rejected.add(batch.texts.length, batch.rejects);
    await rejects.write(source.name, batch.rejects);
    index.vectorDim = batch.vectors?.dim ?? 0;
    yield batch;
  }
}

/**
 * Adds the text of the next record to the exact stage.
 * @param text as in `ScannedBatch`: null for a rejected record, undefined for a record that has a vector and no text
 * @returns true if the text begins a group and is therefore embedded
 */
function addText(text: string | null | undefined, { index: { exact }, onGroup }: ReadTextsOptions): boolean {
  const begins = text === undefined ? exact.addWithoutText() : exact.add(text);
  if (!begins || text === null) return false;
  onGroup?.(text ?? "", exact.counts.groups - 1);
  return true;
}

function emptyWindow(vectorField: string | undefined): TextWindow {
  return vectorField === undefined ? { texts: [], rows: [] } : { texts: [], rows: [], vectors: [] };
}

/**
 * Creates the empty index of a run.
 * @param options.known texts that are not to be embedded, as those of the references
 * @param options.onText told of each distinct text, see `ExactTextsOptions`
 */
export function createRowIndex({ keep, ...texts }: RowIndexOptions): RowIndex {
  return {
    exact: new ExactTexts({ hash128, ...texts }),
    order: new RowOrder(keep),
    firstRows: [],
    rejected: [],
    vectorDim: 0,
  };
}
