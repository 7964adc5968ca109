import { termsOf } from "../text/terms.js";
import { bestTerms } from "./best-terms.js";

/**
 * Texts kept of all clusters together, and of one cluster where k is large. They bound memory and the time to count
 * terms.
 */
const TEXTS = 32_768;
const TEXTS_PER_CLUSTER = 100;

/**
 * UTF-16 units at the start of a text that are searched for terms: enough for the first paragraph of an article, and
 * less where k is so large that 100 texts a cluster are more than the texts of all together.
 */
const TEXT_UNITS = 512;
const TEXT_UNITS_MANY = 128;

/** Units that are searched in all clusters together, beyond 100 texts a cluster: finding words takes most of the time. */
const UNITS = TEXTS * 128;

/** Collects texts by cluster and names each cluster by the terms that set it apart. */
export interface Labeller {
  /** Takes the text of the next row. The result depends on the order of the rows, but not on their batches. */
  add(cluster: number, text: string): void;
  /** Up to `n` terms for each cluster, best first; fewer or none where no term sets the cluster apart. */
  labels(n: number): string[][];
}

/** One text of a cluster's sample. */
interface Sampled {
  /** Hash of the row number. The hash is a bijection of 32-bit numbers, so up to 2^32 rows have different ranks. */
  readonly rank: number;
  readonly text: string;
}

/**
 * A labeller for k clusters. Of each cluster it keeps the texts whose row numbers have the lowest hashes, which are a
 * uniform sample: 32,768 texts in all, or 100 a cluster where k is above 327. Texts are cut to 512 UTF-16 units, above
 * that k to 128, and of long texts fewer are searched.
 * Memory: up to 32 MB, above that k 25 KB a cluster, and the terms that are frequent in the sample of some cluster.
 */
export function createLabeller({ k }: { readonly k: number }): Labeller {
  const most = Math.max(TEXTS_PER_CLUSTER, Math.floor(TEXTS / k));
  const units = most > TEXTS_PER_CLUSTER ? TEXT_UNITS : TEXT_UNITS_MANY;
  const samples: Sampled[][] = Array.from({ length: k }, () => []);
  // A row of cluster j enters the sample where its rank is below this.
  const below = new Float64Array(k).fill(2 ** 32);
  let row = 0;

  function keepLowest(cluster: number): Sampled[] {
    const sample = samples[cluster];
    if (sample.length > most) {
      sample.sort((a, b) => a.rank - b.rank);
      sample.length = most;
      below[cluster] = sample[most - 1].rank;
    }
    return sample;
  }

  return {
    add(cluster, text) {
      const rank = hashRow(row++);
      if (rank >= below[cluster]) return;
      samples[cluster].push({ rank, text: firstUnits(text, units) });
      // Sorting only when the sample has doubled costs O(log n) for each text.
      if (samples[cluster].length >= 2 * most) keepLowest(cluster);
    },
    labels(n) {
      const texts = samples.map((_, cluster) => affordable(keepLowest(cluster), UNITS / k));
      return labelClusters(texts, n);
    },
  };
}

/** Mixes the bits of a row number by the finalizer of MurmurHash3, which maps different numbers to different hashes. */
function hashRow(row: number): number {
  let h = row | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The texts of the lowest ranks that have `units` in all, but at least 100. */
function affordable(sample: readonly Sampled[], units: number): string[] {
  const texts: string[] = [];
  let used = 0;
  for (const { text } of [...sample].sort((a, b) => a.rank - b.rank)) {
    used += text.length;
    if (used > units && texts.length >= TEXTS_PER_CLUSTER) break;
    texts.push(text);
  }
  return texts;
}

/**
 * Copies the start of a text, without the word that the cut may have broken. A slice would share memory with the whole
 * text and keep it alive.
 */
function firstUnits(text: string, most: number): string {
  if (text.length <= most) return text;
  const start = text.slice(0, most).replace(/[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]+$/u, "");
  const units = new Uint16Array(start.length);
  for (let i = 0; i < start.length; i++) units[i] = start.charCodeAt(i);
  return String.fromCharCode(...units);
}

/** For each term, the number of texts of a sample that hold it; only for the terms in `wanted` where that is given. */
function documentFrequencies(texts: readonly string[], wanted?: ReadonlyMap<string, number>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const term of termsOf(text)) {
      if (wanted === undefined || wanted.has(term)) counts.set(term, (counts.get(term) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * Counts terms in two passes. The first pass finds the terms that are frequent in some cluster, the second counts only
 * these over all clusters. So memory holds all terms of one cluster at a time and the frequent terms of the others.
 */
function labelClusters(texts: readonly string[][], n: number): string[][] {
  const totals = new Map<string, number>();
  const frequent: Map<string, number>[] = [];
  for (const sample of texts) {
    const least = leastFrequency(sample.length);
    const counts = documentFrequencies(sample);
    for (const [term, count] of counts) {
      if (count < least) counts.delete(term);
      else totals.set(term, 0);
    }
    frequent.push(counts);
  }
  let documents = 0;
  for (const sample of texts) {
    documents += sample.length;
    for (const [term, count] of documentFrequencies(sample, totals)) totals.set(term, (totals.get(term) ?? 0) + count);
  }
  return frequent.map((counts, cluster) => bestTerms({ counts, texts: texts[cluster].length, totals, documents, n }));
}

/**
 * The number of a cluster's texts that a term must appear in to count: half a percent, at least two. In a cluster of
 * fewer than ten texts every term counts.
 */
function leastFrequency(texts: number): number {
  return texts < 10 ? 1 : Math.max(2, Math.ceil(texts / 200));
}
