import { areForms, isChinese, liesWithin } from "../text/terms.js";
import { wilson } from "../wilson.js";

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
 * terms are scored by their counts. test/bench/labels.ts compares the names with those of c-TF-IDF.
 */
export function bestTerms(counted: {
  /** Texts of the cluster that hold each term, for the terms that are candidates. */
  readonly counts: ReadonlyMap<string, number>;
  /** Number of texts of the cluster. */
  readonly texts: number;
  /** Texts of all clusters that hold each term. */
  readonly totals: ReadonlyMap<string, number>;
  /** Number of texts of all clusters. */
  readonly documents: number;
  readonly n: number;
}): string[] {
  const { counts, texts, totals, documents, n } = counted;
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
  const p = wilson(count, texts, DEVIATIONS).low;
  return p * Math.log(p / q);
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
