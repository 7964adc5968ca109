import { userInfo } from "node:os";
import { UnavailableError, UsageError } from "../../errors.js";
import { shellWord } from "../../shell-word.js";
import type { WorkOrder } from "../executor.js";
import type { Phase } from "../stage.js";
import { wordsOfPhase } from "./phase-words.js";
import { ask, complaint, type Program } from "./program.js";
import { runName } from "./run-name.js";
import { isLive, parseElements, SQUEUE_FORMAT } from "./slurm-queue.js";

/** What to do where the commands of Slurm are not there. */
const CURE =
  "--executor slurm needs the commands of Slurm: run this on a login node, or install them (Debian: apt-get install slurm-client)";
const program = (name: string): Program => ({ name, cure: CURE });
/** The commands of Slurm. */
export const SBATCH = program("sbatch");
export const SQUEUE = program("squeue");
export const SACCT = program("sacct");
export const SCONTROL = program("scontrol");
export const SCANCEL = program("scancel");

/** The error for what sbatch refused. */
export function refusal(what: string, words: string): Error {
  if (/unable to contact|timed? ?out|connection|communication|fetch_?config|configuration file/i.test(words)) {
    return new UnavailableError(`Slurm's controller does not answer (${words}); is slurmctld up? see scontrol ping`);
  }
  return new UsageError(`sbatch refuses ${what}: ${words}`);
}

/** Name of the job of a phase, the same for each call with the folder. */
function jobName(order: WorkOrder, phase: Phase): string {
  return `${runName(order)}-${phase}`;
}

/**
 * Submits the array of each phase, or takes over the one that an earlier call submitted.
 * @returns the number of each phase's job
 */
export async function startJobs(order: WorkOrder, logs: string, signal: AbortSignal): Promise<Map<Phase, string>> {
  const names = order.phases.map((phase) => jobName(order, phase));
  const found = await ask(SQUEUE, [
    "--noheader",
    "--array",
    `--user=${userInfo().username}`,
    `--name=${names.join(",")}`,
    `--format=${SQUEUE_FORMAT}`,
  ]);
  if (found.code !== 0) throw refusal("to list jobs", complaint(found));
  const live = parseElements(found.stdout).filter(isLive);
  // A phase that is missing before one that lives has ended.
  const first = order.phases.find((phase) => live.some((element) => element.phase === phase)) ?? order.phases[0];
  const jobs = new Map<Phase, string>();
  let before: string[] = [];
  for (const phase of order.phases.slice(order.phases.indexOf(first))) {
    signal.throwIfAborted();
    const running = live.filter((element) => element.phase === phase);
    const job = running[0]?.job ?? (await submit(order, { phase, logs, before }));
    if (running.length > 0) order.note(`${running.length} workers of ${phase} are in Slurm already: job ${job}`);
    const indices =
      running.length > 0 ? running.map(({ index }) => index) : Array.from({ length: order.workers }).keys();
    before = Array.from(indices, (index) => `${job}_${index}`);
    jobs.set(phase, job);
  }
  return jobs;
}

/** Submits the array of a phase, to start once an element of `before` has ended well. Returns its number. */
async function submit(
  order: WorkOrder,
  { phase, logs, before }: { readonly phase: Phase; readonly logs: string; readonly before: readonly string[] },
): Promise<string> {
  const escaped = logs.replaceAll("%", "%%");
  const args = [
    "--parsable",
    `--job-name=${jobName(order, phase)}`,
    `--array=0-${order.workers - 1}`,
    `--output=${escaped}/${phase}-%A_%a.log`,
    "--open-mode=append",
    "--requeue",
    `--chdir=${order.cwd}`,
    ...(order.threads === undefined ? [] : [`--cpus-per-task=${order.threads}`]),
    ...(before.length === 0
      ? []
      : [`--dependency=${before.map((id) => `afterok:${id}`).join("?")}`, "--kill-on-invalid-dep=yes"]),
    ...wordsOfPhase(order.engineArguments, phase),
  ];
  const answer = await ask(SBATCH, args, batchScript(order, phase));
  const [, job] = /^(\d+)/.exec(answer.stdout) ?? [];
  if (answer.code !== 0 || job === undefined) throw refusal(`the workers of ${phase}`, complaint(answer));
  return job;
}

/** The script of an element. The worker takes the place of the shell, so that it gets Slurm's signals itself. */
function batchScript(order: WorkOrder, phase: Phase): string {
  const words = order.command(phase).map((word) => (/^--?[a-z-]+$/.test(word) ? word : shellWord(word)));
  // Where Slurm binds no cores, a worker sees those of its neighbours too.
  if (order.threads === undefined) words.push("--threads", '"$SLURM_CPUS_ON_NODE"');
  return `#!/bin/sh\nexec ${words.join(" ")}\n`;
}
