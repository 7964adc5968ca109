/** What a stage shows of its progress. */
export type StageUnit = "rows" | "MB";

/**
 * How a run tells a person what it does. The command line gives one that draws bars or prints lines; a program that
 * embeds this one may give its own.
 */
export interface Reporter {
  /**
   * Opens a stage. `total` is what `advance` counts up to; for reading that is bytes while `rows` says how many rows they
   * were. A download has MB of 10^6 bytes in place of rows.
   */
  stage(name: string, total: number, unit?: StageUnit): Stage;
  /** Says something once: a warning, or what was decided and why. */
  note(message: string): void;
}

/** One stage of the run while it lasts. */
export interface Stage {
  /** Sets how much of the total is done, and how many rows that was where the total does not count rows. */
  advance(done: number, rows?: number): void;
  /** The stage is complete; one that failed is left as it stands. */
  end(): void;
  /** Says that a part of the stage has computed for so many milliseconds more, in a worker, where that is kept. */
  busy?(part: string, milliseconds: number): void;
  /** Says that the stage has waited so many milliseconds more for a part, by the clock, where that is kept. */
  waited?(part: string, milliseconds: number): void;
}

/** When a stage ran, in seconds since the run began. Stages overlap. */
export interface StageTiming {
  readonly name: string;
  readonly start: number;
  readonly seconds: number;
  /** Seconds that its workers computed, all of a kind together. */
  readonly busy?: Readonly<Record<string, number>>;
  /** Seconds that passed while it waited for its parts on this thread, which may have had other work meanwhile. */
  readonly waited?: Readonly<Record<string, number>>;
}

/** A reporter that knows at the end when its stages ran. */
export interface TimedReporter extends Reporter {
  /** Seconds of each stage by name. */
  readonly seconds: Record<string, number>;
  /** The stages that have ended, in the order they did. */
  readonly stages: readonly StageTiming[];
}

/** Seconds to the millisecond. */
const rounded = (milliseconds: number) => Math.round(milliseconds) / 1000;

/** Wraps a reporter so that the times of its stages are known at the end. */
export function timedReporter(reporter: Reporter): TimedReporter {
  const began = performance.now();
  const seconds: Record<string, number> = {};
  const ended: (() => StageTiming)[] = [];
  return {
    seconds,
    get stages() {
      return ended.map((timing) => timing());
    },
    note: (message) => reporter.note(message),
    stage(name, total, unit) {
      const started = performance.now();
      const stage = reporter.stage(name, total, unit);
      const busy = new Map<string, number>();
      const waited = new Map<string, number>();
      return {
        advance: (done, rows) => stage.advance(done, rows),
        busy: (part, milliseconds) => void add(busy, part, milliseconds),
        waited: (part, milliseconds) => void add(waited, part, milliseconds),
        end() {
          const length = performance.now() - started;
          seconds[name] = (seconds[name] ?? 0) + length / 1000;
          // What a stage has done in the call that ends it is told only after that.
          ended.push(() => {
            const times = { name, start: rounded(started - began), seconds: rounded(length) };
            return { ...times, ...inSeconds("busy", busy), ...inSeconds("waited", waited) };
          });
          stage.end();
        },
      };
    },
  };
}

function add(times: Map<string, number>, part: string, milliseconds: number): void {
  times.set(part, (times.get(part) ?? 0) + milliseconds);
}

/** The times of parts under a name; nothing where there are none. */
function inSeconds(name: "busy" | "waited", times: ReadonlyMap<string, number>) {
  if (times.size === 0) return {};
  return { [name]: Object.fromEntries(Array.from(times, ([part, time]) => [part, rounded(time)])) };
}
