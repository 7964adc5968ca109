import { MultiBar, Presets, type SingleBar } from "cli-progress";
import type { Stage } from "../reporter.js";
import { duration, Pace } from "./pace.js";
import { printable } from "./printable.js";
import type { ProgressReporter } from "./progress-reporter.js";

/** Columns of a line without its bar. */
const OTHER_COLUMNS = 70;

/** A reporter with a bar for each stage, drawn ten times a second, and notes above the bars. */
export function barReporter(stderr: NodeJS.WriteStream): ProgressReporter {
  const bars = new MultiBar(
    {
      stream: stderr,
      format: "{stage} {bar} {percent} | {amount} | {rate} | {left}",
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
    stage(name, total, unit): Stage {
      const pace = new Pace(total, unit);
      const payload = () => ({
        stage: name.padEnd(10),
        percent: pace.percent.padStart(5),
        amount: pace.amount.padStart(15),
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
    warn() {},
    close() {
      // A second stop would draw the bars over later output, and without a last update notes would be lost.
      if (!bars.isActive) return;
      bars.update();
      bars.stop();
    },
  };
}
