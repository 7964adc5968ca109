import { areForms, isChinese, liesWithin, termsOf } from "../text/terms.js";

/**
 * Texts kept of all clusters together, and of one cluster where k is large. They bound memory and the time to count
 * terms.
 */
const TEXTS = 32_768;
const TEXTS_PER_CLUSTER = 100;

/** UTF-16 units at the start of a text that are searched for terms. */
const TEXT_UNITS = 128;

/**
 * Weight of the prior, in texts. The texts inside and outside of a cluster are each counted as if there were 500 more,
 * in which a term is as frequent as in all clusters together. So a few texts alone cannot make a term look typical.
 */
const PRIOR = 500;

/**
 * Least part of a term in the divergence of a cluster's texts from all texts, in nats; see `divergence`. A term twenty
 * times as frequent in the cluster as in all texts must be in some 1.5 % of the cluster's texts, a term twice as
 * frequent in 6 %. What lies below was chosen because some term had to be: nobody who reads the cluster thinks of it.
 */
const LEAST_DIVERGENCE = 0.02;

/** Standard deviations by which a term's share of a cluster's texts may have been overestimated. */
const DEVIATIONS = 3;

/** A phrase replaces a word inside it where at least this share of the texts with the word have the phrase. */
const PHRASE_SHARE = 0.6;

/**
 * A Chinese term that lies inside a longer one in at least this share of its texts is a fragment, which the dictionary
 * cut out of a name: 马化 of 马化腾.
 */
const FRAGMENT_SHARE = 0.9;

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
 * uniform sample: 32,768 texts in all, or 100 a cluster where k is above 327. Texts are cut to 128 UTF-16 units.
 * Memory: about 20 MB, and the terms that are frequent in the sample of some cluster.
 */
export function createLabeller({ k }: { readonly k: number }): Labeller {
  const most = Math.max(TEXTS_PER_CLUSTER, Math.floor(TEXTS / k));
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
      samples[cluster].push({ rank, text: firstUnits(text) });
      // Sorting only when the sample has doubled costs O(log n) for each text.
      if (samples[cluster].length >= 2 * most) keepLowest(cluster);
    },
    labels(n) {
      const texts = samples.map((_, cluster) => keepLowest(cluster).map(({ text }) => text));
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

/** Copies the start of a text. A slice would share memory with the whole text and keep it alive. */
function firstUnits(text: string): string {
  if (text.length <= TEXT_UNITS) return text;
  const units = new Uint16Array(TEXT_UNITS);
  for (let i = 0; i < TEXT_UNITS; i++) units[i] = text.charCodeAt(i);
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
  return frequent.map((counts, cluster) => bestTerms(counts, texts[cluster].length, totals, documents, n));
}

/**
 * The number of a cluster's texts that a term must appear in to count: half a percent, at least two. In a cluster of
 * fewer than ten texts every term counts.
 */
function leastFrequency(texts: number): number {
  return texts < 10 ? 1 : Math.max(2, Math.ceil(texts / 200));
}

/**
 * The best `n` terms of one cluster. A term must set the cluster apart (see `divergence`), so a cluster may have no term
 * at all. The score of such a term is the z-score of its log-odds in this cluster against all other clusters, with the
 * frequencies over all clusters as prior:
 *
 *     inside  = texts of this cluster with the term + prior       prior = 500 · share of all texts with the term
 *     outside = texts of other clusters with the term + prior
 *     score   = (log-odds of inside − log-odds of outside) / √(1/inside + 1/outside)
 *
 * Source: B. Monroe, M. Colaresi, K. Quinn, Fightin' words, Political Analysis 16 (2008), section 3.5; with counts of
 * texts that hold a term in place of counts of its occurrences. A single cluster has no others to differ from: its
 * terms are scored by their counts. test/bench/labels.ts compares the names
 * with those of c-TF-IDF.
 */
function bestTerms(
  counts: ReadonlyMap<string, number>,
  texts: number,
  totals: ReadonlyMap<string, number>,
  documents: number,
  n: number,
): string[] {
  const alone = documents === texts;
  const scored: ScoredTerm[] = [];
  for (const [term, count] of counts) {
    const total = totals.get(term) ?? count;
    if (!alone && divergence(count, texts, total / documents) < LEAST_DIVERGENCE) continue;
    const prior = (PRIOR * total) / documents;
    const inside = count + prior;
    const outside = total - count + prior;
    const odds =
      Math.log(inside / (texts + PRIOR - inside)) - Math.log(outside / (documents - texts + PRIOR - outside));
    scored.push({ term, count, score: alone ? count : odds / Math.sqrt(1 / inside + 1 / outside) });
  }
  scored.sort((a, b) => b.score - a.score || b.count - a.count || (a.term < b.term ? -1 : 1));
  // Comparing every term with every other takes quadratic time, so only the best ones are candidates.
  return distinctTerms(scored.slice(0, 20 * n), n);
}

/** A term of a cluster. */
interface ScoredTerm {
  readonly term: string;
  /** Texts of the cluster's sample that hold the term. */
  readonly count: number;
  readonly score: number;
}

/**
 * A term's part in the divergence of a cluster's texts from all texts (Kullback and Leibler 1951): p · log(p / q), where
 * q is the share of all texts with the term and p a cautious estimate of the share of the cluster's texts, the lower
 * end of Wilson's interval. So a term counts that many of the cluster's texts hold and few others do. A term that is
 * merely rare elsewhere counts little, and so does one that is merely frequent.
 */
function divergence(count: number, texts: number, q: number): number {
  const p = lowerShare(count, texts);
  return p * Math.log(p / q);
}

/**
 * Lower end of the interval of a share of which `count` of `texts` were observed. Source: E. Wilson, Probable inference,
 * the law of succession, and statistical inference, Journal of the American Statistical Association 22 (1927).
 */
function lowerShare(count: number, texts: number): number {
  const share = count / texts;
  const z2 = DEVIATIONS ** 2 / texts;
  const spread = DEVIATIONS * Math.sqrt((share * (1 - share)) / texts + z2 / (4 * texts));
  return (share + z2 / 2 - spread) / (1 + z2);
}

/** The first `n` of the best terms of a cluster that are neither fragments of others nor repeat a better one. */
function distinctTerms(best: readonly ScoredTerm[], n: number): string[] {
  const chosen: string[] = [];
  for (const { term, count } of best) {
    if (chosen.length === n) break;
    if (repeats(term, chosen)) continue;
    const around = best.filter((other) => liesWithin(term, other.term));
    const fragment = isChinese(term) && around.some((other) => other.count >= FRAGMENT_SHARE * count);
    const inPhrase = around.some((other) => other.count >= PHRASE_SHARE * count && !repeats(other.term, chosen));
    if (!fragment && !inPhrase) chosen.push(term);
  }
  return chosen;
}

/** Whether a term repeats a chosen one: lies within it, contains it, or is another form of it. */
function repeats(term: string, chosen: readonly string[]): boolean {
  return chosen.some((other) => liesWithin(term, other) || liesWithin(other, term) || areForms(term, other));
}
