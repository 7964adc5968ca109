import { createHash } from "node:crypto";
import type { DedupFlags } from "../run/flags/dedup.js";

/** A file of the inputs as the plan found it. */
export interface PlannedFile {
  /** Name as one machine would show it: relative to `cwd` where it was given so. */
  readonly name: string;
  /** Where the bytes lie, if not under the name: the copy of standard input or of a pipe. */
  readonly copy?: string;
  readonly bytes: number;
}

/**
 * Everything that the tasks of a run have in common, fixed before the first of them starts. Each task reads it from the
 * run folder, so any machine that sees the folder can do any task.
 */
export interface RunPlan {
  /** Version of this program: another version may not continue the run. */
  readonly version: string;
  /** Working folder of whoever planned, against which all names are meant. */
  readonly cwd: string;
  /** The flags as they were given, with the defaults of the environment filled in; every task resolves them itself. */
  readonly flags: DedupFlags;
  /** Inputs as they were given. */
  readonly inputs: readonly string[];
  /** The files that the inputs name, in order. */
  readonly files: readonly PlannedFile[];
  /** Consecutive files [start, end) that one task reads; every file is in exactly one shard. */
  readonly shards: readonly (readonly [start: number, end: number])[];
  /** Number of tasks that the exact stage deals its texts to. */
  readonly buckets: number;
  /** Number of distinct texts of a shard that one task embeds. */
  readonly chunkTexts: number;
  /** Number of workers that the run is cut for. More or fewer may work on it. */
  readonly workers: number;
  /** Number of vectors that are decided together in the join; chosen by the number of vectors and workers if absent. */
  readonly blockVectors?: number;
}

/**
 * Identity of a plan: what a marker carries, so that the work of another plan is never taken for this one's. No work
 * depends on `--max-removed`, which may be raised when it has stopped a run.
 */
export function planHash(plan: RunPlan): string {
  const { maxRemoved: _, ...flags } = plan.flags;
  return createHash("sha256")
    .update(JSON.stringify({ ...plan, flags }))
    .digest("hex")
    .slice(0, 32);
}
