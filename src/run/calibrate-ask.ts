import { InputError } from "../errors.js";
import { seededRandom } from "../random.js";
import type { AskEstimate } from "../report/calibrate/ask-posterior.js";
import { type Answer, AskSession } from "../report/calibrate/ask-session.js";
import type { Reporter } from "../reporter.js";
import type { Guards } from "../text/guard-choice.js";
import { cosine } from "../vectors/cosine.js";
import type { CalibrationInputs } from "./calibrate/inputs.js";
import type { PairsModel } from "./calibrate-pairs.js";
import type { AnswersFile } from "./pairs/answers.js";
import type { PairRecord } from "./pairs/labelled-pairs.js";
import { keepsApart } from "./pairs/measure-pairs.js";
import { type NearTexts, nearTexts } from "./pairs/near-pairs.js";
import { VERSION } from "./work/manifest.js";

/** Options of `openAsk`. */
export interface AskOptions {
  /** Stays open until the questions have been chosen, and is the caller's. */
  readonly inputs: CalibrationInputs;
  /** File of the answers. */
  readonly answers: AnswersFile;
  readonly path: string;
  readonly guards: Guards;
  readonly seed: number;
  readonly reporter: Reporter;
}

/** What the answers suggest. */
export interface AskReport {
  readonly command: "calibrate";
  readonly version: string;
  readonly model: PairsModel;
  readonly answers: {
    readonly file: string;
    /** Pairs shown in this session, those of them that were skipped, and pairs judged in earlier sessions. */
    readonly asked: number;
    readonly skipped: number;
    readonly earlier: number;
    /** Judged pairs of all sessions. */
    readonly same: number;
    readonly different: number;
  };
  /** Absent where nothing was judged. */
  readonly suggestion?: AskEstimate;
  /** True where further answers would hardly improve the suggestion. */
  readonly settled: boolean;
  readonly warnings: readonly string[];
}

/** A session of questions whose answers are kept. */
export interface AskRun {
  readonly session: AskSession;
  /** The pair of the present question; undefined where every pair has been asked. */
  pair(): NearTexts | undefined;
  /** Keeps the answer on disk, then goes on to the next question. */
  answer(answer: Answer): Promise<void>;
  report(): AskReport;
}

/**
 * Chooses the near pairs of an input that a person may be asked, and takes up the answers of earlier sessions: their
 * pairs are not asked again, and their cosines are measured by the present model.
 * @throws InputError where the input has no two texts to compare, or all of its near pairs have been asked
 */
export async function openAsk(options: AskOptions): Promise<AskRun> {
  const { inputs, answers, path, guards, seed, reporter } = options;
  const { name, fingerprint, dtype } = inputs.model;
  const near = await nearTexts(inputs, { guards, seed, reporter });
  const known = new Map(answers.earlier.map((pair) => [keyOf(pair.first, pair.second), pair]));
  const pairs = near.filter(({ first, second }) => !known.has(keyOf(first, second)));
  if (near.length === 0) throw new InputError("no two texts of the input can be compared, so there is nothing to ask");
  if (pairs.length === 0) {
    throw new InputError(
      `all ${near.length} pairs that were drawn from the input have been asked; ` +
        `see what they suggest by bge-dedup calibrate --pairs ${path}, or draw others by another --seed`,
    );
  }
  const earlier = await measuredAnswers([...known.values()], inputs, guards);
  const session = new AskSession({ candidates: pairs, earlier, random: seededRandom(seed) });
  return {
    session,
    pair: () => (session.question === undefined ? undefined : pairs[session.question]),
    async answer(answer) {
      const pair = pairs[session.question as number];
      const { first, second, rows, cosine } = pair;
      const label = answer === undefined ? null : answer ? 1 : 0;
      const time = new Date().toISOString();
      await answers.append({ text_a: first, text_b: second, label, cosine, rows, model: fingerprint, time });
      session.answer(answer);
    },
    report() {
      const { same, different } = session.judged;
      const { answered, skipped } = session.asked;
      return {
        command: "calibrate",
        version: VERSION,
        model: { name, fingerprint, dtype },
        answers: { file: path, asked: answered, skipped, earlier: earlier.length, same, different },
        ...(same + different > 0 && { suggestion: session.estimate() }),
        settled: session.settled,
        warnings: warningsFor(session, answers),
      };
    },
  };
}

/** Measures the answers of earlier sessions; those that cannot be measured are left out. */
async function measuredAnswers(pairs: readonly PairRecord[], inputs: CalibrationInputs, guards: Guards) {
  const judged = pairs.filter((pair) => pair.same !== undefined && !keepsApart(pair, guards));
  if (!inputs.hasModel) {
    return judged.flatMap(({ same, cosine }) => (cosine === undefined ? [] : [{ same: same === true, cosine }]));
  }
  if (judged.length === 0) return [];
  const { dim } = inputs.vectors;
  const vectors = new Float32Array(2 * judged.length * dim);
  const directed = new Uint8Array(2 * judged.length);
  for await (const window of inputs.embedTexts(judged.flatMap(({ first, second }) => [first, second]))) {
    vectors.set(window.vectors, window.first * dim);
    directed.set(window.directed, window.first);
  }
  return judged.flatMap(({ same }, i) => {
    const [a, b] = [2 * i, 2 * i + 1];
    if (!(directed[a] && directed[b])) return [];
    return [{ same: same === true, cosine: Math.min(1, cosine(vectors, a * dim, vectors, b * dim, dim)) }];
  });
}

/** The same for two texts in either order. */
function keyOf(first: string, second: string): string {
  return JSON.stringify([first, second].sort());
}

function warningsFor(session: AskSession, { faults }: AnswersFile): string[] {
  const { same, different } = session.judged;
  const warnings: string[] = [];
  if (faults.rejected > 0) warnings.push(`${faults.rejected} lines of earlier answers hold no pair: ${faults.example}`);
  if (same + different > 0 && (same === 0 || different === 0)) {
    warnings.push(
      same === 0
        ? "no pair was called the same, so the boundary lies above the pairs asked, or the input has no near-duplicates"
        : "no pair was called different, so the boundary lies below the pairs asked",
    );
  }
  return warnings;
}
