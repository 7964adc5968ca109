import { hash128 } from "../read/hash.js";
import type { PairMeasure } from "./measure-pairs.js";

/** Pairs by what is known of them. */
export interface TableCounts {
  /** Records with two texts. */
  readonly read: number;
  /** Pairs that a later record of the same texts, in either order, replaces. */
  readonly repeated: number;
  /** Pairs that nobody has judged. */
  readonly unlabelled: number;
  /** Judged pairs. */
  readonly same: number;
  readonly different: number;
  /** Judged pairs that no threshold merges: a guard tells the texts apart, or a text has no direction. */
  readonly guarded: number;
  readonly undirected: number;
}

/** Label of a pair that nobody has judged. */
const UNJUDGED = 2;

/**
 * The measured pairs of a file without their texts, some 150 bytes each. A pair counts once, with its last label, so that
 * an answer may be corrected by a later one.
 */
export class PairTable {
  /** Records added, and those of them that the server refused. */
  read = 0;
  refused = 0;
  /** Records that have a cosine, as answers of `--ask` do. */
  asked = 0;
  readonly #scores: number[] = [];
  readonly #labels: number[] = [];
  readonly #fates: PairMeasure["apart"][] = [];
  readonly #places = new Map<string, number>();
  readonly #words = new Uint32Array(4);

  add({ pair, cosine, apart }: PairMeasure): void {
    this.read++;
    if (pair.cosine !== undefined) this.asked++;
    if (apart === "refused") {
      this.refused++;
      return;
    }
    const key = this.#keyOf([pair.first, pair.second].sort());
    const place = this.#places.get(key) ?? this.#scores.length;
    this.#places.set(key, place);
    this.#scores[place] = apart === undefined ? cosine : Number.NEGATIVE_INFINITY;
    this.#labels[place] = pair.same === undefined ? UNJUDGED : Number(pair.same);
    this.#fates[place] = apart;
  }

  counts(): TableCounts {
    const labelled = (label: number) => this.#labels.reduce((sum, other) => sum + Number(other === label), 0);
    const fated = (fate: PairMeasure["apart"]) =>
      this.#fates.reduce((sum, other, i) => sum + Number(other === fate && this.#labels[i] !== UNJUDGED), 0);
    return {
      read: this.read,
      repeated: this.read - this.refused - this.#scores.length,
      unlabelled: labelled(UNJUDGED),
      same: labelled(1),
      different: labelled(0),
      guarded: fated("guarded"),
      undirected: fated("undirected"),
    };
  }

  /** The judged pairs; the arrays are the caller's. */
  judged(): { readonly scores: Float64Array; readonly same: Uint8Array } {
    const rows = this.#labels.flatMap((label, row) => (label === UNJUDGED ? [] : [row]));
    return {
      scores: Float64Array.from(rows, (row) => this.#scores[row]),
      same: Uint8Array.from(rows, (row) => this.#labels[row]),
    };
  }

  /** 128 bits of the two texts. */
  #keyOf(texts: readonly string[]): string {
    hash128(JSON.stringify(texts), this.#words);
    return String.fromCharCode(...new Uint16Array(this.#words.buffer));
  }
}
