import { areForms, liesWithin, termsOf } from "../text/terms.js";

/** Texts kept over all clusters, and the least for one cluster: bounds memory and the time to count terms. */
const TEXTS = 32_768;
const TEXTS_PER_CLUSTER = 100;

/** UTF-16 units of a text that are looked at. */
const TEXT_UNITS = 128;

/** Weight of the prior, in documents: how much evidence a term needs against what all clusters say. */
const PRIOR = 500;

/** A phrase replaces a word inside it when it makes up this share of the word's texts. */
const PHRASE_SHARE = 0.6;

/** Collects texts by cluster and names each cluster by the terms that set it apart. */
export interface Labeller {
  /** Takes the next row's text. The result depends on the order of the rows, not on how they are batched. */
  add(cluster: number, text: string): void;
  /** Up to `n` terms for each cluster, best first; fewer, or none, where nothing sets a cluster apart. */
  labels(n: number): string[][];
}

/** One text of a cluster's sample. */
interface Sampled {
  /** Hash of the row number, of which no two are equal. */
  readonly rank: number;
  readonly text: string;
}

/**
 * A labeller for k clusters. Of each cluster it keeps the texts whose row numbers hash lowest, a uniform sample of at
 * most 32,768 texts in all (100 a cluster where k is large) cut to 128 UTF-16 units. Memory: about 20 MB, and the terms
 * found in some cluster's sample more than once.
 */
export function createLabeller({ k }: { readonly k: number }): Labeller {
  const most = Math.max(TEXTS_PER_CLUSTER, Math.floor(TEXTS / k));
  const samples: Sampled[][] = Array.from({ length: k }, () => []);
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
      samples[cluster].push({ rank, text: firstUnits(text) });
      if (samples[cluster].length >= 2 * most) keepLowest(cluster);
    },
    labels(n) {
      const texts = samples.map((_, cluster) => keepLowest(cluster).map(({ text }) => text));
      return labelClusters(texts, n);
    },
  };
}

/** Mixes a row number to 32 bits (the finalizer of MurmurHash3). */
function hashRow(row: number): number {
  let h = row | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The start of a text as a string of its own: a slice would keep the whole text alive. */
function firstUnits(text: string): string {
  if (text.length <= TEXT_UNITS) return text;
  const units = new Uint16Array(TEXT_UNITS);
  for (let i = 0; i < TEXT_UNITS; i++) units[i] = text.charCodeAt(i);
  return String.fromCharCode(...units);
}

/** Number of texts of a sample that hold each term, for the terms that pass. */
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
 * Terms are counted twice: once to find those frequent in some cluster, then those everywhere, so that memory holds one
 * cluster's terms and the frequent ones only.
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
  return frequent.map((counts, cluster) => bestTerms(counts, texts[cluster].length, totals, documents, n));
}

/** A term counts for a cluster from this many of its texts on; a cluster of few texts may be named by any of its terms. */
function leastFrequency(texts: number): number {
  return texts < 10 ? 1 : Math.max(2, Math.ceil(texts / 200));
}

/**
 * The terms of one cluster by the z-score of their log-odds against all other clusters, with the frequencies over all
 * clusters as prior. Source: B. Monroe, M. Colaresi, K. Quinn, Fightin' words, Political Analysis 16 (2008), section 3.5;
 * over texts that hold a term, rather than its occurrences.
 */
function bestTerms(
  counts: ReadonlyMap<string, number>,
  texts: number,
  totals: ReadonlyMap<string, number>,
  documents: number,
  n: number,
): string[] {
  const scored: { term: string; count: number; score: number }[] = [];
  for (const [term, count] of counts) {
    const total = totals.get(term) ?? count;
    const prior = (PRIOR * total) / documents;
    const inside = count + prior;
    const outside = total - count + prior;
    const odds =
      Math.log(inside / (texts + PRIOR - inside)) - Math.log(outside / (documents - texts + PRIOR - outside));
    const score = odds / Math.sqrt(1 / inside + 1 / outside);
    if (score > 0 || documents === texts) scored.push({ term, count, score: documents === texts ? count : score });
  }
  scored.sort((a, b) => b.score - a.score || b.count - a.count || (a.term < b.term ? -1 : 1));
  // Only the head can end up in the label; containment is checked within it.
  const head = scored.slice(0, 20 * n);
  const chosen: string[] = [];
  for (const { term, count } of head) {
    if (chosen.length === n) break;
    if (repeats(term, chosen)) continue;
    const inPhrase = head.some(
      (other) => other.count >= PHRASE_SHARE * count && liesWithin(term, other.term) && !repeats(other.term, chosen),
    );
    if (!inPhrase) chosen.push(term);
  }
  return chosen;
}

/** Whether a term says what a chosen one says: part of it, around it, or another form of it. */
function repeats(term: string, chosen: readonly string[]): boolean {
  return chosen.some((other) => liesWithin(term, other) || liesWithin(other, term) || areForms(term, other));
}
