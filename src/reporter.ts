/** Unit in which a stage shows its progress. */
export type StageUnit = "rows" | "texts" | "vectors" | "tasks" | "MB";

/**
 * How a run tells a person what it is doing. The command line passes a reporter that draws bars or prints lines; a
 * program that uses the library may pass its own.
 */
export interface Reporter {
  /**
   * Opens a stage.
   * @param total the number at which `advance` is complete: rows, or bytes where `advance` is given rows as well
   * @param unit rows by default; MB, of 10^6 bytes, for a download
   */
  stage(name: string, total: number, unit?: StageUnit): Stage;
  /** Tells something once: a warning, or a decision and its reason. */
  note(message: string): void;
}

/** A stage of a run, from its start to its end. */
export interface Stage {
  /** Sets how much of the total is done; with `rows`, how many rows that is where the total counts bytes. */
  advance(done: number, rows?: number): void;
  /** Marks the stage as complete. A stage that fails is never ended. */
  end(): void;
  /** Adds milliseconds for which a part of the stage computed in a worker. Absent where nobody keeps these times. */
  busy?(part: string, milliseconds: number): void;
  /** Adds milliseconds, by the clock, for which the stage waited for a part. Absent where nobody keeps these times. */
  waited?(part: string, milliseconds: number): void;
}

/** When a stage ran, in seconds from the start of the run. Stages overlap. */
export interface StageTiming {
  readonly name: string;
  readonly start: number;
  readonly seconds: number;
  /** Seconds that workers computed, summed over the workers of a part. */
  readonly busy?: Readonly<Record<string, number>>;
  /** Seconds by the clock for which the stage waited for its parts. Its thread may have done other work meanwhile. */
  readonly waited?: Readonly<Record<string, number>>;
}

/** A reporter that keeps the times of its stages. */
export interface TimedReporter extends Reporter {
  /** Seconds of each ended stage by name; stages of the same name add up. */
  readonly seconds: Record<string, number>;
  /** The ended stages, in the order in which they ended. */
  readonly stages: readonly StageTiming[];
}

/** Milliseconds as seconds, rounded to the millisecond. */
const rounded = (milliseconds: number) => Math.round(milliseconds) / 1000;

/** Wraps a reporter so that it keeps the times of its stages. */
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
          // Read late, since the call that ends a stage may still add times after `end`.
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

/** The times of parts under a name; an empty object where there are none. */
function inSeconds(name: "busy" | "waited", times: ReadonlyMap<string, number>) {
  if (times.size === 0) return {};
  return { [name]: Object.fromEntries(Array.from(times, ([part, time]) => [part, rounded(time)])) };
}
