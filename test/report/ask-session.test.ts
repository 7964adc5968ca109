import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AskSession } from "../../src/report/calibrate/ask-session.js";
import { seededRandom } from "../faults/random.js";

interface Pair {
  readonly cosine: number;
  readonly weight: number;
  readonly same: boolean;
}

/** Pairs whose share of same ones rises around `place`; most of them are far apart, as in any input. */
function population(place: number, width: number, seed: number): Pair[] {
  const random = seededRandom(seed);
  return Array.from({ length: 1500 }, () => {
    const cosine = 1 - 0.6 * random.fraction();
    const weight = cosine < 0.7 ? 40 : 1;
    return { cosine, weight, same: random.fraction() < 1 / (1 + Math.exp((place - cosine) / width)) };
  });
}

/** F1 of merging from a threshold on, pair by pair. */
function f1(pairs: readonly Pair[], threshold: number): number {
  let [correct, merged, positives] = [0, 0, 0];
  for (const { cosine, weight, same } of pairs) {
    if (same) positives += weight;
    if (cosine < threshold) continue;
    merged += weight;
    if (same) correct += weight;
  }
  return (2 * correct) / (merged + positives);
}

function bestF1(pairs: readonly Pair[]): number {
  return pairs.reduce((best, { cosine }) => Math.max(best, f1(pairs, cosine)), 0);
}

function session(pairs: readonly Pair[], seed: number, earlier?: readonly Pair[]): AskSession {
  return new AskSession({ candidates: pairs, earlier, random: seededRandom(seed).fraction });
}

/** Answers truthfully until the session is settled or `most` pairs are asked; returns the answered pairs. */
function answerAll(asked: AskSession, pairs: readonly Pair[], most: number): Pair[] {
  const shown: Pair[] = [];
  while (shown.length < most && !asked.settled && asked.question !== undefined) {
    const pair = pairs[asked.question];
    shown.push(pair);
    asked.answer(pair.same);
  }
  return shown;
}

describe("asking where the answer tells most", () => {
  it("finds a threshold whose F1 is near the best one in hindsight, and stops before 40 questions", () => {
    for (const [place, width] of [
      [0.85, 0.005],
      [0.93, 0.01],
      [0.75, 0.015],
    ]) {
      const losses: number[] = [];
      const questions: number[] = [];
      for (let seed = 1; seed <= 3; seed++) {
        const pairs = population(place, width, seed);
        const asked = session(pairs, seed);
        questions.push(answerAll(asked, pairs, 40).length);
        losses.push(bestF1(pairs) - f1(pairs, asked.estimate().threshold));
      }
      losses.sort((a, b) => a - b);
      assert.ok(losses[1] <= 0.02, `${place}: F1 lost ${losses.join(", ")}`);
      assert.ok(losses[2] <= 0.06, `${place}: F1 lost ${losses.join(", ")}`);
      assert.ok(Math.min(...questions) < 40, `${place}: ${questions.join(", ")} questions`);
    }
  });

  it("asks near the boundary, and never the same pair twice", () => {
    const pairs = population(0.85, 0.005, 9);
    const asked = session(pairs, 9);
    const shown: Pair[] = [];
    while (shown.length < 40) {
      const pair = pairs[asked.question as number];
      shown.push(pair);
      asked.answer(pair.same);
    }
    assert.equal(new Set(shown).size, 40);
    const near = shown.slice(10).filter(({ cosine }) => Math.abs(cosine - 0.85) < 0.05);
    // By chance a sixth of the pairs lies so near.
    assert.ok(near.length >= 20, `${near.length} of 30`);
    const { low, high } = asked.estimate();
    assert.ok(low <= 0.86 && high >= 0.84 && high - low < 0.06, `${low} to ${high}`);
  });

  it("asks every pair of a small input and then has no question left", () => {
    const pairs = population(0.9, 0.02, 4).slice(0, 7);
    const asked = session(pairs, 1);
    assert.equal(answerAll(asked, pairs, 100).length, 7);
    assert.equal(asked.question, undefined);
    assert.throws(() => asked.answer(true), /every pair/);
  });

  it("works with a single pair, and with pairs of equal cosine", () => {
    for (const pairs of [[1], [1, 1, 1]].map((list) => list.map(() => ({ cosine: 0.9, weight: 1, same: true })))) {
      const asked = session(pairs, 1);
      assert.equal(answerAll(asked, pairs, 10).length, pairs.length);
      assert.ok(Number.isFinite(asked.estimate().threshold));
    }
  });

  it("does not stop by itself while all answers are equal", () => {
    const pairs = population(2, 0.001, 5);
    const asked = session(pairs, 5);
    assert.equal(answerAll(asked, pairs, 60).length, 60);
  });
});

describe("going back", () => {
  const pairs = population(0.85, 0.01, 2);

  it("returns to the pairs before, whose answers stand until others are given", () => {
    const asked = session(pairs, 2);
    const questions = [0, 1, 2].map(() => {
      const { question } = asked;
      asked.answer(true);
      return question;
    });
    const fourth = asked.question;
    assert.ok(asked.back() && asked.back());
    assert.equal(asked.question, questions[1]);
    assert.deepEqual(asked.before, { candidate: questions[1], answer: true });
    asked.answer(false);
    assert.equal(asked.question, questions[2]);
    assert.deepEqual(asked.judged, { same: 2, different: 1 });
    asked.answer(undefined);
    assert.deepEqual(asked.judged, { same: 1, different: 1 });
    assert.deepEqual(asked.asked, { answered: 3, skipped: 1 });
    assert.equal(asked.before, undefined);
    assert.notEqual(fourth, undefined);
  });

  it("leaves the session as if the last answers had been given at once", () => {
    const [corrected, plain] = [session(pairs, 3), session(pairs, 3)];
    for (const answer of [true, true, false]) corrected.answer(answer);
    assert.ok(corrected.back());
    corrected.answer(true);
    for (const answer of [true, true, true]) plain.answer(answer);
    assert.equal(corrected.question, plain.question);
    const [a, b] = [corrected.estimate(), plain.estimate()];
    assert.equal(a.threshold, b.threshold);
    assert.ok(Math.abs(a.f1 - b.f1) < 1e-12);
  });

  it("is refused at the first pair", () => assert.equal(session(pairs, 1).back(), false));
});

describe("earlier answers", () => {
  it("count like those of the session", () => {
    const pairs = population(0.85, 0.01, 6);
    const first = session(pairs, 6);
    const shown = answerAll(first, pairs, 15);
    const rest = pairs.filter((pair) => !shown.includes(pair));
    const second = session(rest, 6, shown);
    assert.deepEqual(second.judged, first.judged);
    assert.ok(Math.abs(second.estimate().threshold - first.estimate().threshold) < 0.03);
  });
});
