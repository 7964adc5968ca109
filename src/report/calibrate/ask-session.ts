import { below, type Random } from "../../random.js";
import { type AskEstimate, AskPosterior, type Stratum } from "./ask-posterior.js";
import { roundest } from "./precision-recall.js";

/** A pair that may be asked. */
export interface AskCandidate {
  readonly cosine: number;
  /** Pairs of the input that it stands for. */
  readonly weight: number;
}

/** An answer to "same?"; undefined where the person skipped the pair. */
export type Answer = boolean | undefined;

/** Strata that the range of cosines is cut into; empty ones are dropped. */
const STRATA = 64;
/** Answers before which a session does not end by itself, as the curve may be of another kind than the model assumes. */
const LEAST_ANSWERS = 12;
/** F1 that the suggested threshold may lose, with 95 % probability, when a session ends by itself. */
const TOLERATED_LOSS = 0.02;

/** Cuts candidates into strata of equal ranges of cosine. */
function strataOf(candidates: readonly AskCandidate[]): { strata: Stratum[]; stratumOf: Uint16Array } {
  const cosines = candidates.map(({ cosine }) => cosine);
  const lowest = cosines.reduce((least, cosine) => Math.min(least, cosine), 1);
  const highest = cosines.reduce((most, cosine) => Math.max(most, cosine), -1);
  const step = Math.max((highest - lowest) / STRATA, Number.EPSILON);
  const binOf = (cosine: number) => Math.min(STRATA - 1, Math.floor((cosine - lowest) / step));
  const bins = Array.from({ length: STRATA }, () => ({ pairs: 0, lowest: 2, highest: -2 }));
  for (const { cosine, weight } of candidates) {
    const bin = bins[binOf(cosine)];
    bin.pairs += weight;
    bin.lowest = Math.min(bin.lowest, cosine);
    bin.highest = Math.max(bin.highest, cosine);
  }
  const strata: Stratum[] = [];
  const place = new Uint16Array(STRATA);
  let below = Number.NEGATIVE_INFINITY;
  for (const [b, bin] of bins.entries()) {
    if (bin.pairs === 0) continue;
    place[b] = strata.length;
    strata.push({
      cosine: (bin.lowest + bin.highest) / 2,
      from: roundest(Math.max(below, bin.lowest - step), bin.lowest),
      pairs: bin.pairs,
    });
    below = bin.highest;
  }
  return { strata, stratumOf: Uint16Array.from(cosines, (cosine) => place[binOf(cosine)]) };
}

/**
 * Chooses which pairs of an input a person judges, and what threshold the answers suggest. The session is a plain state
 * machine: `question` names a pair, `answer` takes what the person said of it, `back` returns to the pair before.
 */
export class AskSession {
  readonly #strata: readonly Stratum[];
  readonly #stratumOf: Uint16Array;
  /** Candidates of each stratum that have not been asked, in the order in which they are asked. */
  readonly #waiting: number[][];
  /** Strata and answers of pairs judged before this session. */
  readonly #earlier: readonly { readonly stratum: number; readonly same: boolean }[];
  readonly #answered: { readonly candidate: number; answer: Answer }[] = [];
  /** Place of the question among the answered pairs; behind them it is a new one. */
  #at = 0;
  #posterior: AskPosterior;
  /** Absent until somebody asks for it after an answer. */
  #estimate: AskEstimate | undefined;
  #next: number | undefined;

  /**
   * @param candidates pairs that may be asked, at least one
   * @param earlier pairs judged in earlier sessions, which are not among the candidates
   * @param random uniform in [0, 1), chooses among the pairs of a stratum
   */
  constructor({
    candidates,
    earlier = [],
    random,
  }: {
    candidates: readonly AskCandidate[];
    earlier?: readonly { readonly cosine: number; readonly same: boolean }[];
    random: Random;
  }) {
    const { strata, stratumOf } = strataOf(candidates);
    this.#strata = strata;
    this.#stratumOf = stratumOf;
    this.#earlier = earlier.map(({ cosine, same }) => ({ stratum: nearest(strata, cosine), same }));
    this.#waiting = strata.map(() => []);
    for (const [candidate, stratum] of stratumOf.entries()) this.#waiting[stratum].push(candidate);
    for (const candidates of this.#waiting) shuffle(candidates, random);
    this.#posterior = this.#relearnt();
    this.#next = this.#choose();
  }

  /** The candidate to ask now; undefined where every one has been asked. */
  get question(): number | undefined {
    return this.#answered[this.#at]?.candidate ?? this.#next;
  }

  /** The answer that the question has already, where the person went back to it. */
  get before(): { readonly answer: Answer } | undefined {
    return this.#answered[this.#at];
  }

  /** Place of the question in this session, from 0. */
  get at(): number {
    return this.#at;
  }

  /** Pairs answered in this session, and those of them that were skipped. */
  get asked(): { readonly answered: number; readonly skipped: number } {
    const skipped = this.#answered.filter(({ answer }) => answer === undefined).length;
    return { answered: this.#answered.length, skipped };
  }

  /** Judged pairs, those of earlier sessions too. */
  get judged(): { readonly same: number; readonly different: number } {
    const all = [...this.#earlier.map(({ same }) => same), ...this.#answered.map(({ answer }) => answer)];
    return { same: all.filter((same) => same === true).length, different: all.filter((same) => same === false).length };
  }

  /** True once further answers would hardly improve the threshold. */
  get settled(): boolean {
    const { same, different } = this.judged;
    const seen = Math.min(same, different) > 0 && same + different >= LEAST_ANSWERS;
    return seen && this.estimate().worst_loss <= TOLERATED_LOSS;
  }

  /** What the answers suggest. */
  estimate(): AskEstimate {
    this.#estimate ??= this.#posterior.estimate();
    return this.#estimate;
  }

  /** Takes the answer to the question, instead of an earlier answer where there is one, and goes on. */
  answer(answer: Answer): void {
    const candidate = this.question;
    if (candidate === undefined) throw new Error("every pair has been asked");
    const before = this.#answered[this.#at++];
    if (before === undefined) {
      const stratum = this.#stratumOf[candidate];
      this.#waiting[stratum] = this.#waiting[stratum].filter((other) => other !== candidate);
      this.#answered.push({ candidate, answer });
      if (answer !== undefined) this.#posterior.learn(stratum, answer);
    } else {
      before.answer = answer;
      this.#posterior = this.#relearnt();
    }
    this.#estimate = undefined;
    this.#next = this.#choose();
  }

  /**
   * Returns to the pair before, whose answer stands until another one is given.
   * @returns false where there is none
   */
  back(): boolean {
    if (this.#at === 0) return false;
    this.#at--;
    return true;
  }

  /** The first question is the nearest pair, which shows what the model takes for equal; then the most telling ones. */
  #choose(): number | undefined {
    const { same, different } = this.judged;
    const top = this.#waiting[this.#waiting.length - 1];
    if (same + different + this.#answered.length === 0) return top[0];
    const stratum = this.#posterior.mostTelling(this.#waiting.map(({ length }) => length > 0));
    return stratum === undefined ? undefined : this.#waiting[stratum][0];
  }

  #relearnt(): AskPosterior {
    const posterior = new AskPosterior(this.#strata);
    for (const { stratum, same } of this.#earlier) posterior.learn(stratum, same);
    for (const { candidate, answer } of this.#answered) {
      if (answer !== undefined) posterior.learn(this.#stratumOf[candidate], answer);
    }
    return posterior;
  }
}

/** The stratum that a cosine belongs to, or the nearest one. */
function nearest(strata: readonly Stratum[], cosine: number): number {
  const above = strata.findIndex(({ from }) => from > cosine);
  return above < 0 ? strata.length - 1 : Math.max(0, above - 1);
}

/** Fisher and Yates. */
function shuffle(list: number[], random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}
