import { Int32Chunks } from "../../exact/chunks.js";
import { rawDecisions } from "../../exact/winners.js";
import { hashWithoutText } from "../../run/read/hash.js";
import type { RowIndex } from "../../run/read/read-texts.js";

/** The distinct texts of a shard that belong to a bucket, in the order of their numbers. */
export type Entries = {
  /** Hash of the normal form, by which the bucket is chosen, and of the text as received; four words each. */
  readonly "form:4": Uint32Array;
  readonly "text:4": Uint32Array;
  /** Numbers of the text's group and of the text, in the shard. */
  readonly group: Uint32Array;
  readonly raw: Uint32Array;
  /** Rows with the text; the one that wins among them and the first, counted from the shard's first row. */
  readonly size: Uint32Array;
  readonly row: Uint32Array;
  readonly first: Uint32Array;
  /** Key of the winning row under `--keep`; zeros where the policy needs none. */
  readonly high: Float64Array;
  readonly low: Float64Array;
};

/** Words of a hash. */
const WORDS = 4;

/** The hashes of distinct texts in the order of their numbers; 32 bytes a text. Up to 2^29 texts. */
export class TextHashes {
  readonly #texts = new Int32Chunks();
  readonly #forms = new Int32Chunks();

  /** Takes the hashes of the next text; zeros where the record has none. */
  add(text: Uint32Array, form: Uint32Array): void {
    for (let word = 0; word < WORDS; word++) {
      this.#texts.push(text[word]);
      this.#forms.push(form[word]);
    }
  }

  /** Writes the hashes of a text to `text[0..4)` and `form[0..4)`. */
  get(raw: number, text: Uint32Array, form: Uint32Array): void {
    for (let word = 0; word < WORDS; word++) {
      text[word] = this.#texts.get(WORDS * raw + word);
      form[word] = this.#forms.get(WORDS * raw + word);
    }
  }
}

/** The bucket of a normal form. The exact stage finds hashes by their last words, so the first one chooses. */
function bucketOf(form: Uint32Array, buckets: number): number {
  return form[0] % buckets;
}

/**
 * Deals the distinct texts of a shard to buckets. A record without a text is a group by itself in whatever shard it is, so
 * it gets a hash that no other record has.
 * @param options.shard number of the shard, of which these hashes are made
 */
export function entriesOf(options: {
  readonly index: RowIndex;
  readonly hashes: TextHashes;
  readonly shard: number;
  readonly buckets: number;
}): Entries[] {
  const { index, hashes, shard, buckets } = options;
  const { exact, order } = index;
  const { rows, rawTexts } = exact.counts;
  const { winner, size } = rawDecisions(exact, (a, b) => order.compare(a, b));
  const firstRow = new Uint32Array(rawTexts);
  for (let row = rows - 1; row >= 0; row--) if (exact.rawOf(row) >= 0) firstRow[exact.rawOf(row)] = row;

  const text = new Uint32Array(WORDS);
  const form = new Uint32Array(WORDS);
  const hashOf = (raw: number) => {
    hashes.get(raw, text, form);
    if (form.some((word) => word !== 0)) return;
    hashWithoutText(`${shard} ${raw}`, form);
    text.set(form);
  };
  const counts = new Uint32Array(buckets);
  for (let raw = 0; raw < rawTexts; raw++) {
    hashOf(raw);
    counts[bucketOf(form, buckets)]++;
  }
  const parts = Array.from(counts, emptyEntries);
  counts.fill(0);
  for (let raw = 0; raw < rawTexts; raw++) {
    hashOf(raw);
    const bucket = bucketOf(form, buckets);
    const at = counts[bucket]++;
    const part = parts[bucket];
    part["form:4"].set(form, WORDS * at);
    part["text:4"].set(text, WORDS * at);
    part.group[at] = exact.groupOfRaw(raw);
    part.raw[at] = raw;
    part.size[at] = size[raw];
    part.row[at] = winner[raw];
    part.first[at] = firstRow[raw];
    part.high[at] = order.high(winner[raw]);
    part.low[at] = order.low(winner[raw]);
  }
  return parts;
}

function emptyEntries(count: number): Entries {
  const numbers = () => new Uint32Array(count);
  return {
    "form:4": new Uint32Array(WORDS * count),
    "text:4": new Uint32Array(WORDS * count),
    group: numbers(),
    raw: numbers(),
    size: numbers(),
    row: numbers(),
    first: numbers(),
    high: new Float64Array(count),
    low: new Float64Array(count),
  };
}
