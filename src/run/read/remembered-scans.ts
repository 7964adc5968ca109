import type { ScannedBatch, ScanOptions, Source } from "../../io/source.js";
import { allowance, KEPT_SHARE } from "./allowance.js";

/** Share of `--memory` that the texts of the inputs may take between the check and the first pass: 128 MB at 4 GB. */
const TEXTS_SHARE = 1 / 32;

/** Bytes of a string beside its characters, with its place in a list, generously. */
const STRING_BYTES = 32;
/** Bytes of a value that orders the rows, and of the objects that describe a batch. */
const VALUE_BYTES = 64;

/**
 * What the check has scanned, for the first pass, which then need not read and parse the files again. All inputs are
 * remembered or none: where their texts take more than their share of memory, they are forgotten and read twice.
 */
export class RememberedScans {
  readonly #batches = new Map<Source, ScannedBatch[]>();
  readonly #texts: (bytes: number) => boolean;
  readonly #columns: (bytes: number) => boolean;
  #open = true;

  /** @param memory `--memory` in bytes */
  constructor(memory: number) {
    this.#texts = allowance(memory * TEXTS_SHARE);
    this.#columns = allowance(memory * KEPT_SHARE);
  }

  /** Scans a source, see `Source.scan`, and remembers the batches. */
  async *scan(source: Source, options: ScanOptions): AsyncGenerator<ScannedBatch> {
    // Whether the files or their paths hold the column that orders the rows is known once all have been scanned.
    if (source.added?.some(({ name }) => name === options.orderField)) this.#forget();
    if (!this.#open) return yield* source.scan(options);
    const batches: ScannedBatch[] = [];
    for await (const batch of source.scan({ ...options, reserve: this.#columns })) {
      if (this.#open && this.#texts(heldBytes(batch))) batches.push(batch);
      else this.#forget();
      yield batch;
    }
    // A columnar file is hashed after its scan; only the hash of a file of records is that of the bytes scanned.
    if (this.#open && source.inferred !== undefined) this.#batches.set(source, batches);
  }

  /** The batches of a source, each released as it is taken; undefined where they are not remembered, or taken already. */
  take(source: Source): Iterable<ScannedBatch> | undefined {
    const batches = this.#batches.get(source);
    this.#batches.delete(source);
    return batches && released(batches);
  }

  #forget(): void {
    this.#open = false;
    this.#batches.clear();
  }
}

function* released(batches: ScannedBatch[]): Generator<ScannedBatch> {
  for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) yield batch;
}

function heldBytes({ texts, vectors, order, rejects }: ScannedBatch): number {
  let bytes = VALUE_BYTES * (1 + (order?.length ?? 0)) + (vectors?.values.byteLength ?? 0);
  for (const text of texts) bytes += STRING_BYTES + 2 * (text?.length ?? 0);
  for (const { raw } of rejects) bytes += 4 * STRING_BYTES + 2 * raw.length;
  return bytes;
}
