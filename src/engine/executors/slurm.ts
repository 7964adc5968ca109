import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FailedRunError, UsageError } from "../../errors.js";
import { WORK } from "../../run/work/publication.js";
import { type Crew, type CrewState, type Executor, MOST_RESTARTS, type WorkOrder } from "../executor.js";
import type { Phase } from "../stage.js";
import { checkPhases } from "./phase-words.js";
import { ask, complaint } from "./program.js";
import { refusal, SACCT, SBATCH, SCANCEL, SCONTROL, SQUEUE, startJobs } from "./slurm-jobs.js";
import {
  describeEnds,
  describeWaits,
  type Element,
  isLive,
  isWaiting,
  parseElements,
  SACCT_FORMAT,
  SQUEUE_FORMAT,
} from "./slurm-queue.js";

/*
 * Slurm: a job array for each phase, whose elements are the workers. An element exits with 0 once its phase is done, so
 * the array of the next phase depends on any one element of the array before (`afterok` of each, joined by `?`), and a
 * worker that never got a node holds up nobody.
 */

/** Milliseconds between two questions to Slurm's controller, which serves the whole cluster. */
const ASK_EVERY = 4000;
/** Milliseconds that `stop` waits: Slurm kills a job that ignores the end KillWait seconds (30) after it was told. */
const STOPPED_WITHIN = 120_000;

/** Flags of sbatch that are set here. */
const OWN_FLAG =
  /^(--(array|dependency|job-name|output|error|wrap|wait|parsable|test-only|clusters|kill-on-invalid-dep)(=|$)|-[adJoeWM])/;

/** Keeps workers alive by job arrays of Slurm. */
export const slurm: Executor = {
  name: "slurm",

  async require(words) {
    for (const word of words) {
      if (!OWN_FLAG.test(word)) continue;
      throw new UsageError(
        `${word} behind -- is set by --executor slurm itself: --workers sets the size of the array, SLURM_CLUSTERS the cluster`,
      );
    }
    const tried = new Set<string>();
    checkPhases(words, (flags) => tried.add(JSON.stringify(flags)));
    for (const flags of tried) {
      const args = ["--test-only", ...(JSON.parse(flags) as string[])];
      const answer = await ask(SBATCH, args, "#!/bin/sh\ntrue\n");
      if (answer.code !== 0) throw refusal("a job of the flags behind --", complaint(answer));
    }
  },

  async start(order, signal) {
    await requireArraySize(order.workers);
    const logs = join(order.folder, WORK, "slurm");
    await mkdir(logs, { recursive: true });
    const jobs = await startJobs(order, logs, signal);
    return slurmCrew(order, logs, jobs);
  },
};

/** @throws UsageError where Slurm knows no array of that size */
async function requireArraySize(workers: number): Promise<void> {
  const { stdout } = await ask(SCONTROL, ["show", "config"]);
  const size = Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(stdout)?.[1] ?? Number.POSITIVE_INFINITY);
  if (workers > size) {
    throw new UsageError(
      `--workers ${workers} is more than an array of this cluster may have: expected ${size} at most`,
    );
  }
}

/** The workers of the jobs. */
function slurmCrew(order: WorkOrder, logs: string, jobs: ReadonlyMap<Phase, string>): Crew {
  const ids = [...jobs.values()].join(",");
  /** Elements as they were last seen: Slurm forgets them some minutes after their end. */
  const seen = new Map<string, Element>();
  const judged = new Set<string>();
  let last: { readonly at: number; readonly state: CrewState } | undefined;
  let endings = 0;

  async function look(): Promise<CrewState> {
    await updateElements(seen, ids);
    const elements = [...seen.values()];
    await cancelNeedless(elements);
    await restartKilled(elements, judged);
    const live = elements.filter(isLive);
    // An element that is being requeued may look as if it were over for a moment.
    endings = live.length === 0 && elements.length > 0 ? endings + 1 : 0;
    const said = [describeEnds(elements, logs, lastLine), describeWaits(elements)].filter(
      (words) => words !== undefined,
    );
    return {
      working: live.filter(({ state }) => state !== "PENDING").length,
      waiting: live.filter(isWaiting).length,
      ended: endings > 1,
      ...(said.length === 0 ? {} : { reason: said.join("; ") }),
    };
  }

  return {
    look: `squeue --jobs=${ids}`,
    async state() {
      if (last !== undefined && performance.now() - last.at < ASK_EVERY) return last.state;
      const state = await look().catch((error: unknown): CrewState => {
        if (!(error instanceof FailedRunError)) throw error;
        return { working: 0, waiting: 0, ...last?.state, ended: false, reason: error.message };
      });
      last = { at: performance.now(), state };
      return state;
    },
    async stop() {
      await ask(SCANCEL, ["--quiet", ...jobs.values()]);
      for (const end = performance.now() + STOPPED_WITHIN; ; await sleep(500)) {
        const { code, stdout } = await ask(SQUEUE, ["--noheader", `--jobs=${ids}`, "--format=%i"]);
        // Jobs that Slurm has forgotten are an error to squeue.
        if (code !== 0 || stdout.trim() === "") return;
        if (performance.now() < end) continue;
        order.note(
          `Slurm has not ended the jobs ${ids} within ${STOPPED_WITHIN / 1000} s; look with squeue --jobs=${ids}`,
        );
        return;
      }
    },
  };
}

/**
 * Asks squeue for the elements of the jobs, and sacct for those that squeue has forgotten.
 * @throws FailedRunError where Slurm does not answer
 */
async function updateElements(seen: Map<string, Element>, ids: string): Promise<void> {
  const flags = ["--noheader", "--array", "--states=all", `--jobs=${ids}`, `--format=${SQUEUE_FORMAT}`];
  const answer = await ask(SQUEUE, flags);
  if (answer.code !== 0 && !/invalid job id/i.test(answer.stderr)) {
    throw new FailedRunError(`Slurm does not answer (${complaint(answer)}); the workers go on meanwhile`);
  }
  const found = new Map(parseElements(answer.stdout).map((element) => [`${element.job}_${element.index}`, element]));
  for (const [id, element] of found) seen.set(id, element);
  const forgotten = [...seen].filter(([id, element]) => isLive(element) && !found.has(id));
  if (forgotten.length === 0) return;
  const jobs = forgotten.map(([id]) => id).join(",");
  const { stdout } = await ask(SACCT, ["-X", "-n", "-P", `--jobs=${jobs}`, `--format=${SACCT_FORMAT}`]);
  const told = new Map(parseElements(stdout).map((element) => [`${element.job}_${element.index}`, element]));
  for (const [id, element] of forgotten) seen.set(id, told.get(id) ?? { ...element, state: "UNKNOWN" });
}

/** Cancels workers that have not started though their phase is done, as an element that ended well shows. */
async function cancelNeedless(elements: readonly Element[]): Promise<void> {
  const done = new Set(elements.filter(({ state }) => state === "COMPLETED").map(({ phase }) => phase));
  const needless = new Set(
    elements.filter((one) => one.state === "PENDING" && done.has(one.phase)).map(({ job }) => job),
  );
  if (needless.size > 0) await ask(SCANCEL, ["--quiet", "--state=PENDING", ...needless]);
}

/** Starts workers again that a signal ended, such as the system's out-of-memory killer; Slurm does not do so by itself. */
async function restartKilled(elements: readonly Element[], judged: Set<string>): Promise<void> {
  for (const { job, index, state } of elements) {
    const id = `${job}_${index}`;
    if (state !== "FAILED") judged.delete(id);
    if (state !== "FAILED" || judged.has(id)) continue;
    judged.add(id);
    const { stdout } = await ask(SCONTROL, ["--oneliner", "show", "job", id]);
    const [, code, signal] = /\bExitCode=(\d+):(\d+)/.exec(stdout) ?? [];
    const restarts = Number(/\bRestarts=(\d+)/.exec(stdout)?.[1] ?? MOST_RESTARTS);
    const killed = Number(signal) > 0 || Number(code) > 128;
    if (killed && restarts < MOST_RESTARTS) await ask(SCONTROL, ["requeue", id]);
  }
}

/** The last line of a log that says something; "" where there is no log. */
function lastLine(path: string): string {
  try {
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    return (lines.at(-1) ?? "").slice(-300) || "empty";
  } catch {
    return "";
  }
}
