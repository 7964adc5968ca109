import type { MeasuredCommand } from "../metrics/run-metrics.js";
import type { MetricsFlags } from "../run/flags/metrics.js";
import type { ClusterSummary, DedupSummary } from "../run/summary.js";
import { verdictOf } from "./exit-code.js";
import { wantedLogFormat, wantedMetrics } from "./parser.js";
import { jsonLine, printable } from "./printable.js";
import { createReporter, type LogFormat, progressMode } from "./progress.js";
import type { ProgressReporter } from "./progress-reporter.js";
import type { RunRecorder } from "./run-recorder.js";

/** Exit codes that no error class carries. */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Milliseconds in which a run may end by itself after a signal. */
const PATIENCE = 1500;

/**
 * Ignores stream errors: a reader that went away must not end the run, and `print` reports a result that cannot be
 * printed.
 */
const ignore = () => {};

/**
 * The error of a run that a signal stopped; `resumes` tells the user that the same command continues with the saved
 * state.
 */
class Interrupted extends Error {
  readonly exitCode: number;
  constructor(signal: keyof typeof SIGNAL_CODES, resumes: boolean) {
    super(`interrupted by ${signal}${resumes ? "; run the same command again to continue with what is saved" : ""}`);
    this.exitCode = SIGNAL_CODES[signal];
  }
}

/** The means of a command to talk to the user. */
export interface Terminal {
  readonly reporter: ProgressReporter;
  readonly signal: AbortSignal;
  /** Takes the summary of a run that has published its result, for its metrics. */
  record(summary: DedupSummary | ClusterSummary): void;
  /** Prints a result on standard output. */
  print(text: string): Promise<void>;
}

/**
 * Runs a command: makes the reporter, turns SIGINT and SIGTERM into an abort (a second one ends at once), prints errors
 * to standard error and returns the exit code. Results go to standard output; a closed pipe ends quietly.
 * @param flags.resumes false for a command that saves nothing on its way (true)
 * @param flags.measured the command, if it tells metrics
 */
export async function runCommand(
  flags: {
    progress?: string;
    quiet?: boolean;
    logFormat?: string;
    resumes?: boolean;
    measured?: MeasuredCommand;
  } & MetricsFlags,
  run: (terminal: Terminal) => Promise<number>,
): Promise<number> {
  // By default onnxruntime keeps a database in the user's cache for figures that it sends to its makers.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.off("error", ignore).on("error", ignore);
  const format = (flags.logFormat ?? "text") as LogFormat;
  const mode = progressMode(
    format === "json" && (flags.progress ?? "auto") === "auto"
      ? "log"
      : ((flags.progress ?? "auto") as "auto" | "bar" | "log" | "none"),
    flags.quiet === true,
    stderr,
  );
  const reporter = await createReporter(mode, stderr, format);
  let recorder: RunRecorder | undefined;
  let interrupted: number | undefined;
  /** Prints once that a signal stopped the run: the run may still end by itself while its metrics are told. */
  const reportInterruption = () => {
    interrupted ??= reportError(signal.reason, format);
    return interrupted;
  };
  const { signal, release } = abortOnSignals({
    resumes: flags.resumes !== false,
    close: () => reporter.close(),
    onLate: async () => recorder?.end(reportInterruption(), { hurried: true }),
  });
  // Node itself would print the stack of an error that nobody waits for, and exit with 1.
  const onStray = (error: unknown) => {
    reporter.close();
    const exitCode = reportError(error, format);
    // A push would give the run time to go on.
    recorder?.write(exitCode);
    process.exit(exitCode);
  };
  process.on("uncaughtException", onStray);
  let exitCode: number;
  try {
    const recording = await startRecorder(flags.measured, flags, format);
    recorder = recording.recorder;
    if (recording.error !== undefined) throw recording.error;
    exitCode = await run({
      reporter: recorder?.watch(reporter) ?? reporter,
      signal,
      record: (summary) => recorder?.result(summary),
      print: (text) =>
        new Promise((resolve, reject) => stdout.write(text, (error) => (error ? reject(error) : resolve()))),
    });
  } catch (error) {
    reporter.close();
    recorder?.failure(error);
    exitCode = signal.aborted ? reportInterruption() : reportError(error, format);
  } finally {
    reporter.close();
    process.off("uncaughtException", onStray);
    release();
  }
  await recorder?.end(exitCode, { hurried: signal.aborted });
  return exitCode;
}

/**
 * Turns SIGINT and SIGTERM into an abort. At a second signal, or where the run has not ended in time, the process ends
 * by the signal itself, for which shells report the same codes. process.exit would wait for a thread that loads a model
 * or computes a long batch. The saved state is complete at every moment, so the process may end at any.
 * @param options.close ends the progress before the process ends
 * @param options.onLate awaited before the process ends because the run did not
 * @returns the signal of the run, and a function that leaves the signals to Node again
 */
function abortOnSignals(options: {
  readonly resumes: boolean;
  readonly close: () => void;
  readonly onLate: () => Promise<void>;
}): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const release = () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
  const endBy = (name: keyof typeof SIGNAL_CODES) => {
    options.close();
    release();
    process.kill(process.pid, name);
    // The kernel does not deliver unhandled signals to the first process of a container, not even its own.
    if (process.pid === 1) process.exit(SIGNAL_CODES[name]);
  };
  const handlers = (["SIGINT", "SIGTERM"] as const).map((name) => {
    const handler = () => {
      if (controller.signal.aborted) return endBy(name);
      controller.abort(new Interrupted(name, options.resumes));
      setTimeout(async () => {
        await options.onLate();
        endBy(name);
      }, PATIENCE).unref();
    };
    process.on(name, handler);
    return [name, handler] as const;
  });
  return { signal: controller.signal, release };
}

/**
 * Begins to record a run for Prometheus, where the flags ask for it. Trouble with telling the metrics later on goes to
 * standard error, whatever `--quiet` says: nobody else would tell.
 */
async function startRecorder(
  command: MeasuredCommand | undefined,
  flags: MetricsFlags,
  format: LogFormat,
): Promise<{ readonly recorder?: RunRecorder; readonly error?: unknown }> {
  if (command === undefined || (flags.metrics === undefined && flags.push === undefined)) return {};
  const { openRecorder } = await import("./run-recorder.js");
  const warn = (message: string) => {
    const time = new Date().toISOString();
    process.stderr.write(
      format === "json" ? jsonLine({ time, level: "warning", message }) : `warning: ${printable(message)}\n`,
    );
  };
  return openRecorder({ command, flags, warn });
}

/**
 * Ends a command whose arguments cannot be parsed: prints the error and tells the metrics, where the arguments say to
 * whom.
 * @param command undefined for a command that tells no metrics
 * @returns the exit code
 */
export async function failUnparsed(
  error: unknown,
  argv: readonly string[],
  command: MeasuredCommand | undefined,
): Promise<number> {
  const format = wantedLogFormat(argv);
  const exitCode = reportError(error, format);
  const { recorder } = await startRecorder(command, wantedMetrics(argv), format);
  await recorder?.end(exitCode);
  return exitCode;
}

/** Prints an error for a person, or as a log line in JSON, and returns its exit code. */
function reportError(error: unknown, format: LogFormat = "text"): number {
  const { code, stack, exitCode: own } = error as { code?: string; stack?: string; exitCode?: number };
  if (code === "EPIPE") return 0;
  const { exitCode, message } = verdictOf(error);
  if (format === "json") {
    const time = new Date().toISOString();
    process.stderr.write(jsonLine({ time, level: "error", message, exit_code: exitCode }));
  } else process.stderr.write(`error: ${printable(message)}\n`);
  if (own === undefined && process.env.BGE_DEBUG !== undefined) {
    for (const line of (stack ?? "").split("\n")) process.stderr.write(`${printable(line)}\n`);
  }
  return exitCode;
}
