import type { BrakeError } from "../errors.js";
import type { Gauge } from "./exposition.js";

/** Commands that tell metrics, and the prefix of their names. */
export const PREFIXES = {
  "bge-dedup": "bge_dedup",
  "bge-cluster": "bge_cluster",
  "bge-dedup verify": "bge_dedup_verify",
  "bge-dedup export": "bge_dedup_export",
} as const;

/** A command that tells metrics. */
export type MeasuredCommand = keyof typeof PREFIXES;

/** The command that a metric belongs to; undefined for a metric of another program. */
export function commandOfMetric(name: string): MeasuredCommand | undefined {
  const commands = Object.keys(PREFIXES) as MeasuredCommand[];
  return commands
    .filter((command) => name.startsWith(`${PREFIXES[command]}_`))
    .sort((a, b) => PREFIXES[b].length - PREFIXES[a].length)[0];
}

/** What every run tells, however it ended. Times are seconds since the epoch. */
export interface RunFacts {
  readonly started: number;
  readonly ended: number;
  readonly exitCode: number;
  /** Most resident memory of the process, in bytes. */
  readonly peakMemory: number;
  /** Seconds of each stage that came to its end. */
  readonly stages: Readonly<Record<string, number>>;
  /** Rows that a brake counted, where one stopped the run. */
  readonly brake?: BrakeError["counted"];
  readonly version: string;
  /** Version of Node.js. */
  readonly node: string;
}

/** The flags that set a brake, as values of a label. */
const BRAKE_LIMITS = ["max_removed", "max_rejects"];

/** Seconds, rounded to the millisecond. */
const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;

/** The metric that is told when a run begins, so that one that was killed or hangs can be seen. */
export function startMetrics(command: MeasuredCommand, started: number): Gauge[] {
  const name = `${PREFIXES[command]}_last_start_timestamp_seconds`;
  return [{ name, help: "When the last run began, as seconds since the epoch.", samples: [{ value: started }] }];
}

/**
 * The metrics of every run. `last_success_timestamp_seconds` is there only where the run succeeded: whoever stores the
 * metrics keeps the value of an earlier run otherwise.
 */
export function runMetrics(command: MeasuredCommand, facts: RunFacts): Gauge[] {
  const { started, ended, exitCode, peakMemory, stages, brake, version, node } = facts;
  const gauge = (name: string, help: string, ...samples: Gauge["samples"]): Gauge => ({
    name: `${PREFIXES[command]}_${name}`,
    help,
    samples,
  });
  const brakes = command === "bge-dedup" ? BRAKE_LIMITS : command === "bge-cluster" ? ["max_rejects"] : [];
  return [
    ...startMetrics(command, started),
    gauge("last_run_timestamp_seconds", "When the last run ended, as seconds since the epoch.", { value: ended }),
    gauge(
      "last_success_timestamp_seconds",
      "When the last run that succeeded ended, as seconds since the epoch.",
      ...(exitCode === 0 ? [{ value: ended }] : []),
    ),
    gauge(
      "exit_code",
      "Exit code of the last run: 0 done, 1 failed, 2 usage, 3 input, 4 brake, 5 model or device, 130 or 143 interrupted.",
      { value: exitCode },
    ),
    gauge("run_duration_seconds", "Time that the last run took.", { value: rounded(ended - started) }),
    gauge(
      "stage_duration_seconds",
      "Time that each stage took in the last run that finished one; stages overlap.",
      ...Object.entries(stages).map(([stage, seconds]) => ({ labels: { stage }, value: rounded(seconds) })),
    ),
    gauge("peak_memory_bytes", "Most resident memory that the last run took.", { value: peakMemory }),
    gauge(
      "brake_rows",
      "Rows counted by the brake that stopped the last run; 0 where none did.",
      ...brakes.map((limit) => ({ labels: { limit }, value: brake?.limit === limit ? brake.rows : 0 })),
    ),
    gauge("build_info", "Version of the program that ran last; the value is always 1.", {
      labels: { version, node },
      value: 1,
    }),
  ];
}
