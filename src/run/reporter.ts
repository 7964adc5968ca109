/**
 * How a run tells a person what it does. The command line gives one that draws bars or prints lines; a program that
 * embeds this one may give its own.
 */
export interface Reporter {
  /**
   * Opens a stage. `total` is what `advance` counts up to, in `unit`; for reading that is bytes while `rows` says how many
   * rows they were.
   */
  stage(name: string, total: number): Stage;
  /** Says something once: a warning, or what was decided and why. */
  note(message: string): void;
}

/** One stage of the run while it lasts. */
export interface Stage {
  /** Sets how much of the total is done, and how many rows that was where the total does not count rows. */
  advance(done: number, rows?: number): void;
  /** The stage is complete; one that failed is left as it stands. */
  end(): void;
}

/** Wraps a reporter so that the seconds of each stage are known at the end; stages may overlap. */
export function timedReporter(reporter: Reporter): Reporter & { readonly seconds: Record<string, number> } {
  const seconds: Record<string, number> = {};
  return {
    seconds,
    note: (message) => reporter.note(message),
    stage(name, total) {
      const started = performance.now();
      const stage = reporter.stage(name, total);
      return {
        advance: (done, rows) => stage.advance(done, rows),
        end() {
          seconds[name] = (seconds[name] ?? 0) + (performance.now() - started) / 1000;
          stage.end();
        },
      };
    },
  };
}
