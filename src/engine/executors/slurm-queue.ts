import { join } from "node:path";
import type { Phase } from "../stage.js";

/** An element of a job array, which is one worker, as Slurm shows it. */
export interface Element {
  /** Number of the job, and of the element in its array. */
  readonly job: string;
  readonly index: number;
  readonly phase: Phase;
  /** State in Slurm's long form, such as PENDING or NODE_FAIL. */
  readonly state: string;
  /** Why it waits or has ended, in Slurm's words; "" where nobody says. */
  readonly reason: string;
  /** Where it runs or ran; "" before it runs. */
  readonly node: string;
}

/** What `squeue` is asked to print of each element. */
export const SQUEUE_FORMAT = "%i|%T|%r|%N|%j";
/** The same of `sacct`. */
export const SACCT_FORMAT = "JobID,State,Reason,NodeList,JobName";

/** States after which an element neither runs nor will; Slurm itself starts a requeued element in another state. */
const OVER = new Set(
  "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED REVOKED TIMEOUT UNKNOWN".split(" "),
);

/** Whether an element runs or will run. */
export const isLive = ({ state }: Element): boolean => !OVER.has(state);
/** Whether an element waits for resources of its own, not for the phase before. */
export const isWaiting = ({ state, reason }: Element): boolean => state === "PENDING" && reason !== "Dependency";

/** Elements in the output of squeue or sacct; lines that are none, such as jobs of another name, are passed over. */
export function parseElements(text: string): Element[] {
  return text.split("\n").flatMap((line) => {
    const [id = "", state = "", reason = "", node = "", name = ""] = line.trim().split("|");
    const [, job, index] = /^(\d+)_(\d+)$/.exec(id) ?? [];
    const [, phase] = /-(read|embed|join|write)$/.exec(name) ?? [];
    if (job === undefined || phase === undefined) return [];
    // sacct writes CANCELLED by 1000.
    const [word] = state.split(" ");
    const known = reason === "None" || reason === "None assigned" ? "" : reason;
    const nodes = node === "None assigned" ? "" : node;
    return [{ job, index: Number(index), phase: phase as Phase, state: word, reason: known, node: nodes }];
  });
}

/** Log of an element below the run folder's work area. */
export function logOf(logs: string, { phase, job, index }: Pick<Element, "phase" | "job" | "index">): string {
  return join(logs, `${phase}-${job}_${index}.log`);
}

/** What a wait means for the user, by Slurm's reason. */
const WAITS: Readonly<Record<string, string>> = {
  Resources: "for nodes that are free",
  Priority: "behind jobs of higher priority",
  BadConstraints: "for what no node has: ask for less behind --",
  PartitionConfig: "for what no node of the partition has: ask for less behind --",
  PartitionNodeLimit: "for more than the partition gives: ask for less behind --",
  PartitionTimeLimit: "for more time than the partition gives: a shorter --time behind --",
  PartitionDown: "for the partition, which is down",
  JobHeldUser: "until they are released: scontrol release",
  JobHeldAdmin: "held by an administrator, as after a launch that failed: see slurmd's log",
};

/** Workers that wait, in words, by phase and reason; undefined where none does. */
export function describeWaits(elements: readonly Element[]): string | undefined {
  const counts = new Map<string, number>();
  for (const element of elements.filter(isWaiting)) {
    const key = `${element.phase}|${element.reason}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const sentences = [...counts].map(([key, count]) => {
    const [phase, reason] = key.split("|");
    const meaning = WAITS[reason] === undefined ? "" : ` ${WAITS[reason]}`;
    const cause = reason === "" ? "" : ` (${reason})`;
    return `${count} ${count === 1 ? "worker" : "workers"} of ${phase} ${count === 1 ? "waits" : "wait"}${meaning}${cause}`;
  });
  return sentences.length === 0 ? undefined : sentences.join("; ");
}

/** What to do about an end, by Slurm's state. */
const CURES: Readonly<Record<string, string>> = {
  OUT_OF_MEMORY: "more memory behind -- (--mem) or less for each worker (--memory), then the same command continues",
  TIMEOUT: "a longer --time behind --, then the same command continues",
  DEADLINE: "a later --deadline behind --, then the same command continues",
  NODE_FAIL: "the node was lost and Slurm did not requeue; the same command continues",
  BOOT_FAIL: "the node did not start; the same command continues",
  PREEMPTED: "another job took the node and Slurm did not requeue; the same command continues",
  CANCELLED: "somebody cancelled it; the same command continues",
  FAILED: "the log says why",
  UNKNOWN: "Slurm no longer knows it; the same command continues",
};

/**
 * Workers that ended otherwise than well, in words with the log of one of each kind and the cure; undefined where all
 * ended well, go on, or are of a phase that is done.
 * @param tail the last line of a log, "" where there is none
 */
export function describeEnds(
  elements: readonly Element[],
  logs: string,
  tail: (path: string) => string,
): string | undefined {
  // One worker that ended well shows that its phase is done, whatever became of the others.
  const done = new Set(elements.filter(({ state }) => state === "COMPLETED").map(({ phase }) => phase));
  const kinds = new Map<string, Element[]>();
  for (const element of elements) {
    if (isLive(element) || done.has(element.phase) || element.reason === "DependencyNeverSatisfied") continue;
    const key = `${element.phase} ${element.state}`;
    kinds.set(key, [...(kinds.get(key) ?? []), element]);
  }
  const sentences = [...kinds.values()].map((ended) => {
    const [{ phase, state }] = ended;
    const nodes = [...new Set(ended.map(({ node }) => node))].filter((node) => node !== "").join(", ");
    const log = logOf(logs, ended[0]);
    const last = tail(log);
    const where = last === "" ? "no log: does every node see the folder?" : `${JSON.stringify(last)} in ${log}`;
    const who = `${ended.length} ${ended.length === 1 ? "worker" : "workers"} of ${phase}`;
    return `${who} ended with ${state}${nodes === "" ? "" : ` on ${nodes}`} (${where}): ${CURES[state] ?? CURES.FAILED}`;
  });
  return sentences.length === 0 ? undefined : sentences.join("; ");
}
