import { MultiBar, Presets, type SingleBar } from "cli-progress";
import type { Reporter, Stage } from "../run/reporter.js";

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

/** A reporter that can be taken down before something else is printed. */
export interface ProgressReporter extends Reporter {
  close(): void;
}

const count = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** One line: control characters of file names and the like must not steer a terminal, line ends not forge another line. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(controls, "\ufffd");
}

/** JSON on one line, which no control character in a name can leave or steer a terminal from; its value is the same. */
export function jsonLine(value: unknown): string {
  const steering = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(value).replace(steering, escaped)}\n`;
}

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${String(s % 60).padStart(2, "0")}s`;
  return `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
}

/** Rate and time left of a stage, from what it has done since it began. */
class Pace {
  readonly #started = performance.now();
  readonly #total: number;
  done = 0;
  rows = 0;

  constructor(total: number) {
    this.#total = total;
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  get rate(): string {
    return `${count.format(this.rows / Math.max(this.seconds, 1e-3))} rows/s`;
  }

  get left(): string {
    if (this.done <= 0) return "?";
    return duration((this.seconds * (this.#total - this.done)) / this.done);
  }

  get percent(): string {
    return this.#total > 0 ? `${Math.min(100, Math.floor((100 * this.done) / this.#total))} %` : "0 %";
  }
}

/** Time between two log lines of a stage, in milliseconds. */
const LOG_EVERY = 10_000;

/** Log lines as JSON objects: time, and a stage with its rows and rate, or a message. */
function jsonReporter(stderr: NodeJS.WriteStream): ProgressReporter {
  const line = (fields: object) => stderr.write(jsonLine({ time: new Date().toISOString(), ...fields }));
  return {
    stage(name, total) {
      const pace = new Pace(total);
      let last = performance.now();
      const state = (done: boolean) => ({
        level: "info",
        stage: name,
        rows: pace.rows,
        rows_per_second: Math.round(pace.rows / Math.max(pace.seconds, 1e-3)),
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
    close() {},
  };
}

function logReporter(stderr: NodeJS.WriteStream): ProgressReporter {
  const line = (text: string) => stderr.write(`${new Date().toISOString()} ${printable(text)}\n`);
  return {
    stage(name, total) {
      const pace = new Pace(total);
      let last = performance.now();
      return {
        advance(done, rows = done) {
          pace.done = done;
          pace.rows = rows;
          if (performance.now() - last < LOG_EVERY) return;
          last = performance.now();
          line(`${name}: ${count.format(rows)} rows, ${pace.percent}, ${pace.rate}, ${pace.left} left`);
        },
        end: () => line(`${name}: done, ${count.format(pace.rows)} rows in ${pace.seconds.toFixed(1)} s, ${pace.rate}`),
      };
    },
    note: line,
    close() {},
  };
}

/** Columns of a line beside its bar. */
const OTHER_COLUMNS = 68;

function barReporter(stderr: NodeJS.WriteStream): ProgressReporter {
  const bars = new MultiBar(
    {
      stream: stderr,
      format: "{stage} {bar} {percent} | {rows} rows | {rate} | {left}",
      hideCursor: true,
      clearOnComplete: false,
      gracefulExit: false,
      forceRedraw: true,
      barsize: Math.max(8, Math.min(28, (stderr.columns ?? 100) - OTHER_COLUMNS)),
      fps: 10,
      emptyOnZero: true,
    },
    Presets.shades_classic,
  );
  return {
    stage(name, total): Stage {
      const pace = new Pace(total);
      const payload = () => ({
        stage: name.padEnd(8),
        percent: pace.percent.padStart(5),
        rows: count.format(pace.rows).padStart(10),
        rate: pace.rate.padStart(16),
        left: `${pace.left} left`,
      });
      const bar: SingleBar = bars.create(Math.max(total, 1), 0, payload());
      return {
        advance(done, rows = done) {
          pace.done = done;
          pace.rows = rows;
          bar.update(Math.min(done, total), payload());
        },
        end() {
          bar.update(Math.max(total, 1), { ...payload(), percent: "100 %", left: `in ${duration(pace.seconds)}` });
          bar.stop();
        },
      };
    },
    note(message) {
      if (bars.isActive) bars.log(`${printable(message)}\n`);
      else stderr.write(`${printable(message)}\n`);
    },
    close() {
      // Stopped twice, the bars would be drawn again over what was printed after them; without an update notes are lost.
      if (!bars.isActive) return;
      bars.update();
      bars.stop();
    },
  };
}

/** The reporter for a mode. */
export function createReporter(
  mode: ProgressMode,
  stderr: NodeJS.WriteStream,
  format: LogFormat = "text",
): ProgressReporter {
  if (mode === "log" && format === "json") return jsonReporter(stderr);
  if (mode === "bar") return barReporter(stderr);
  if (mode === "log") return logReporter(stderr);
  return { stage: () => ({ advance() {}, end() {} }), note() {}, close() {} };
}
