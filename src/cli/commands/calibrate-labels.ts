import { UsageError } from "../../errors.js";
import { type CalibratedRun, nextArguments } from "../../run/calibrate/next-run.js";
import { type DedupFlags, dedupOptions } from "../../run/flags/dedup.js";
import { parseNumber, single, textOf } from "../../run/flags/parse.js";
import { inputsOf } from "../../run/flags/shared.js";
import { ask, requireTerminal } from "../ask/ask.js";
import { formatAsk, formatPairs, type LabelsLayout, oneSided } from "../calibrate-labels.js";
import type { Terminal } from "../command.js";
import { commandOf } from "../next-command.js";
import { jsonLine } from "../printable.js";
import { widthOf } from "../text-width.js";

/** The flags of a calibration by labels, as yargs gives them. */
export interface LabelFlags extends DedupFlags {
  readonly inputs?: readonly string[];
  /** File of labelled pairs. */
  readonly pairs?: string;
  /** Wanted share of merged pairs that are the same. */
  readonly precision?: string;
  /** Most questions. */
  readonly ask?: string;
  /** File of the answers. */
  readonly answers?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Precision that is sought where no flag says otherwise. */
const PRECISION = "0.99";

/**
 * `calibrate --pairs FILE`: what labelled pairs say about thresholds.
 * @throws InputError, after the report, where all labels are equal: the pairs decide on no threshold
 */
export async function pairsCommand(flags: LabelFlags, { reporter, signal, print }: Terminal): Promise<number> {
  const [input] = flags.inputs ?? [];
  if (input !== undefined) {
    throw new UsageError(`--pairs takes the texts from its file; leave out the input ${input}, or --pairs`);
  }
  const pairs = textOf("pairs", flags.pairs as string);
  const precision = parseNumber("precision", single("precision", flags.precision ?? PRECISION), {
    min: 0,
    max: 0.9999,
    minExclusive: true,
  });
  const options = { ...dedupOptions(flags, [pairs]), pairs, precision };
  const { calibratePairs } = await import("../../run/calibrate-pairs.js");
  const report = await calibratePairs(options, { reporter, signal, stdin: process.stdin });
  reporter.close();
  report.warnings.forEach(reporter.warn);
  if (flags.json) await print(jsonLine(report));
  else if (!flags.quiet) await print(formatPairs(report, layoutOf({ ...options, inputs: ["INPUT"] })));
  const cause = oneSided(report.pairs);
  if (cause !== undefined) throw cause;
  return 0;
}

/** The width of the terminal, and the command with which bge-dedup follows a threshold that labels gave. */
function layoutOf(run: CalibratedRun): LabelsLayout {
  return {
    columns: widthOf(process.stdout),
    next: (threshold) => commandOf(nextArguments({ run, threshold })),
  };
}

/** `calibrate INPUT --ask N`: a person judges near pairs of the input, and the answers suggest a threshold. */
export async function askCommand(flags: LabelFlags, { reporter, signal, print }: Terminal): Promise<number> {
  const most = parseNumber("ask", single("ask", flags.ask as string), { min: 1, max: 10_000, integer: true });
  const path = textOf("answers", flags.answers ?? "labels.jsonl");
  const inputs = inputsOf(flags.inputs);
  if (inputs.includes("-")) {
    throw new UsageError("--ask takes the keys from standard input, so the input cannot be -; save it to a file first");
  }
  requireTerminal(process.stdin, process.stderr);
  const options = dedupOptions(flags, inputs);
  const { openAnswers } = await import("../../run/pairs/answers.js");
  const { openAsk } = await import("../../run/calibrate-ask.js");
  const { openCalibration } = await import("../../run/calibrate/inputs.js");
  const answers = await openAnswers(path, options);
  try {
    const modelChosen = flags.model !== undefined || flags.endpoint !== undefined;
    const opened = await openCalibration({ ...options, modelChosen }, { reporter, signal, stdin: process.stdin });
    const layout = layoutOf({ ...opened.run, guards: options.guards });
    const { guards, seed } = options;
    const run = await openAsk({ inputs: opened, answers, path, guards, seed, reporter }).finally(() => opened.close());
    reporter.close();
    await ask({ run, most, input: process.stdin, screen: process.stderr, signal });
    const report = run.report();
    report.warnings.forEach(reporter.warn);
    if (flags.json) await print(jsonLine(report));
    else if (!flags.quiet) await print(formatAsk(report, layout));
    return 0;
  } finally {
    await answers.close();
  }
}
