import { BrakeError, mayPass, UsageError } from "../errors.js";
import { type Exposition, expositionText, type Gauge, render } from "../metrics/exposition.js";
import { clusterMetrics, dedupMetrics } from "../metrics/result-metrics.js";
import { commandOfMetric, type MeasuredCommand, runMetrics, startMetrics } from "../metrics/run-metrics.js";
import { timedReporter } from "../reporter.js";
import { type MetricsFlags, metricsGateway, metricsPath } from "../run/flags/metrics.js";
import { type Gateway, pushMetrics } from "../run/metrics/gateway.js";
import { updateMetricsFile } from "../run/metrics/metrics-file.js";
import type { ClusterSummary, DedupSummary } from "../run/summary.js";
import { VERSION } from "../run/work/manifest.js";
import { peakMemory } from "../run/work/memory.js";
import type { ProgressReporter } from "./progress-reporter.js";

/** Milliseconds that a push may take at the end of a run, and after a signal, when a scheduler waits for the end. */
const PUSH_MS = 10_000;
const HURRIED_PUSH_MS = 3000;

/** Seconds since the epoch. */
const now = () => Date.now() / 1000;

/** Takes what a run comes to, and tells it to Prometheus when the run ends. */
export interface RunRecorder {
  /** Wraps a reporter so that the times of the stages are kept. */
  watch(reporter: ProgressReporter): ProgressReporter;
  /** Takes the summary of a run that has published its result. */
  result(summary: DedupSummary | ClusterSummary): void;
  /** Takes the error that ended the run. */
  failure(error: unknown): void;
  /** Writes the file. Further calls do nothing. A failure is told and changes nothing. */
  write(exitCode: number): void;
  /** Writes the file and pushes. A failure is told and changes nothing. */
  end(exitCode: number, options?: { readonly hurried?: boolean }): Promise<void>;
}

/**
 * Begins to record a run, where the flags ask for it: marks the start in the file, which also shows, before the work
 * starts, that the file can be written. On a usage error the recorder is there nevertheless, with what could be parsed.
 * @param options.warn tells what does not end the run
 * @returns undefined without `--metrics` and `--push`
 */
export function openRecorder({
  command,
  flags,
  warn,
}: {
  readonly command: MeasuredCommand;
  readonly flags: MetricsFlags;
  readonly warn: (message: string) => void;
}): { readonly recorder?: RunRecorder; readonly error?: unknown } {
  let path: string | undefined;
  let gateway: Gateway | undefined;
  let error: unknown;
  const started = now();
  try {
    path = metricsPath(flags);
    if (path !== undefined) markStart(path, command, started, warn);
  } catch (wrong) {
    [path, error] = [undefined, wrong];
  }
  try {
    gateway = metricsGateway(flags, process.env);
  } catch (wrong) {
    error ??= wrong;
  }
  if (path === undefined && gateway === undefined) return { error };
  return { recorder: createRecorder({ command, path, gateway, started, warn }), error };
}

/**
 * Marks the start of a run in the file.
 * @throws UsageError if the file cannot be written, other than for a reason that may pass until the end of the run
 */
function markStart(path: string, command: MeasuredCommand, started: number, warn: (message: string) => void): void {
  try {
    updateMetricsFile(path, render(startMetrics(command, started), { dataset: datasetOf(path) }), () => true);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const message = `--metrics ${path} cannot be written: ${(error as Error).message}`;
    if (!mayPass(error))
      throw new UsageError(`${message}; name a file in a folder that is there and may be written to`);
    warn(`${message}; it is tried again at the end of the run`);
  }
}

/** The name that the series of a file have: that of the file, since no two files may hold the same series. */
function datasetOf(path: string): string {
  return path.replace(/^.*[/\\]/s, "").replace(/\.prom$/, "");
}

function createRecorder({
  command,
  path,
  gateway,
  started,
  warn,
}: {
  readonly command: MeasuredCommand;
  readonly path?: string;
  readonly gateway?: Gateway;
  readonly started: number;
  readonly warn: (message: string) => void;
}): RunRecorder {
  let stages: Readonly<Record<string, number>> = {};
  let results: readonly Gauge[] = [];
  let brake: BrakeError["counted"];
  let gauges: readonly Gauge[] | undefined;
  let ending: Promise<void> | undefined;
  const dataset = path === undefined ? (gateway as Gateway).job : datasetOf(path);
  /** The metrics of the run, which ends with the first call. */
  const ended = (exitCode: number): Exposition => {
    const facts = { started, ended: now(), exitCode, peakMemory: peakMemory(), stages, brake };
    gauges ??= [...runMetrics(command, { ...facts, version: VERSION, node: process.versions.node }), ...results];
    return render(gauges, { dataset });
  };
  let written = false;
  const write = (exitCode: number) => {
    if (path === undefined || written) return;
    written = true;
    // Results of the last run that succeeded stay beside the failure of this one.
    const stays = (name: string) => exitCode !== 0 || commandOfMetric(name) !== command;
    try {
      updateMetricsFile(path, ended(exitCode), stays);
    } catch (error) {
      warn(`--metrics ${path} was not written: ${(error as Error).message}`);
    }
  };
  const push = async (exitCode: number, limitMs: number) => {
    if (gateway === undefined) return;
    const text = expositionText(ended(exitCode));
    try {
      await pushMetrics({ gateway, command, text, replace: exitCode === 0, limitMs });
    } catch (error) {
      warn(`--push ${gateway.shown}: the metrics were not taken: ${(error as Error).message}`);
    }
  };
  return {
    watch(reporter) {
      const { seconds, stage, note } = timedReporter(reporter);
      stages = seconds;
      return { stage, note, warn: reporter.warn, close: reporter.close };
    },
    result(summary) {
      results = summary.command === "bge-dedup" ? dedupMetrics(summary) : clusterMetrics(summary);
    },
    failure(error) {
      if (error instanceof BrakeError) brake = error.counted;
    },
    write,
    end(exitCode, { hurried = false } = {}) {
      write(exitCode);
      ending ??= push(exitCode, hurried ? HURRIED_PUSH_MS : PUSH_MS);
      return ending;
    },
  };
}
