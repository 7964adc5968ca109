import { grouped } from "../counted.js";
import type { StageUnit } from "../reporter.js";

/** Formats seconds as 12s, 3m05s or 2h07m; a question mark where the number is not finite. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${String(s % 60).padStart(2, "0")}s`;
  return `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
}

/**
 * Rate and remaining time of a stage, from its progress since it began. `done` is in the unit of `total`, `rows` in
 * `unit`.
 */
export class Pace {
  readonly #started = performance.now();
  readonly #total: number;
  readonly #unit: StageUnit;
  done = 0;
  rows = 0;

  constructor(total: number, unit: StageUnit = "rows") {
    this.#total = total;
    this.#unit = unit;
  }

  /** What has been done, with its unit. */
  get amount(): string {
    if (this.#unit === "tasks" && this.rows === 1) return "1 task";
    return `${grouped(this.rows)} ${this.#unit}`;
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  get rate(): string {
    return `${grouped(this.rows / Math.max(this.seconds, 1e-3))} ${this.#unit}/s`;
  }

  get left(): string {
    if (this.done <= 0) return "?";
    return duration((this.seconds * (this.#total - this.done)) / this.done);
  }

  get percent(): string {
    return this.#total > 0 ? `${Math.min(100, Math.floor((100 * this.done) / this.#total))} %` : "0 %";
  }
}
