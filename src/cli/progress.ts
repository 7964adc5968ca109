import { Pace } from "./pace.js";
import { jsonLine, printable } from "./printable.js";
import type { ProgressReporter } from "./progress-reporter.js";

/** How progress is shown. */
export type ProgressMode = "bar" | "log" | "none";

/** How log lines are written. */
export type LogFormat = "text" | "json";

/** `auto` means bars on a terminal and log lines elsewhere; quiet means neither. */
export function progressMode(flag: "auto" | ProgressMode, quiet: boolean, stderr: NodeJS.WriteStream): ProgressMode {
  if (quiet) return "none";
  if (flag !== "auto") return flag;
  return stderr.isTTY ? "bar" : "log";
}

/** Time between two log lines of a stage, in milliseconds. */
const LOG_EVERY = 10_000;

/** Log lines as JSON objects: time, and a stage with its rows and rate, or a message. */
function jsonReporter(stderr: NodeJS.WriteStream): ProgressReporter {
  const line = (fields: object) => stderr.write(jsonLine({ time: new Date().toISOString(), ...fields }));
  return {
    stage(name, total, unit = "rows") {
      const pace = new Pace(total, unit);
      const counted = unit === "MB" ? "megabytes" : unit;
      let last = performance.now();
      const state = (done: boolean) => ({
        level: "info",
        stage: name,
        [counted]: pace.rows,
        [`${counted}_per_second`]: Math.round(pace.rows / Math.max(pace.seconds, 1e-3)),
        seconds: Number(pace.seconds.toFixed(3)),
        share: done || total === 0 ? 1 : Math.min(1, Number((pace.done / total).toFixed(4))),
        done,
      });
      return {
        advance(done, rows = done) {
          pace.done = done;
          pace.rows = rows;
          if (performance.now() - last < LOG_EVERY) return;
          last = performance.now();
          line(state(false));
        },
        end: () => line(state(true)),
      };
    },
    note: (message) => line({ level: "info", message }),
    warn: (message) => line({ level: "warning", message }),
    close() {},
  };
}

function logReporter(stderr: NodeJS.WriteStream): ProgressReporter {
  const line = (text: string) => stderr.write(`${new Date().toISOString()} ${printable(text)}\n`);
  return {
    stage(name, total, unit) {
      const pace = new Pace(total, unit);
      let last = performance.now();
      return {
        advance(done, rows = done) {
          pace.done = done;
          pace.rows = rows;
          if (performance.now() - last < LOG_EVERY) return;
          last = performance.now();
          line(`${name}: ${pace.amount}, ${pace.percent}, ${pace.rate}, ${pace.left} left`);
        },
        end: () => line(`${name}: done, ${pace.amount} in ${pace.seconds.toFixed(1)} s, ${pace.rate}`),
      };
    },
    note: line,
    warn: (message) => line(`warning: ${message}`),
    close() {},
  };
}

/** The reporter for a mode. The code that draws bars is loaded only for bars. */
export async function createReporter(
  mode: ProgressMode,
  stderr: NodeJS.WriteStream,
  format: LogFormat = "text",
): Promise<ProgressReporter> {
  if (mode === "log" && format === "json") return jsonReporter(stderr);
  if (mode === "bar") return (await import("./progress-bars.js")).barReporter(stderr);
  if (mode === "log") return logReporter(stderr);
  return { stage: () => ({ advance() {}, end() {} }), note() {}, warn() {}, close() {} };
}
