import { rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { UsageError } from "../../errors.js";
import { sha256File } from "../../io/sha256.js";
import { openAgainst } from "../../run/against/against.js";
import { type DedupFlags, dedupOptions } from "../../run/flags/dedup.js";
import type { DedupOptions, RunContext } from "../../run/options.js";
import { findInputs } from "../../run/read/find-inputs.js";
import { copyPipes } from "../../run/read/open-inputs.js";
import { MANIFEST, readManifestIfAny, VERSION } from "../../run/work/manifest.js";
import { removeTasks } from "../../run/work/planned-tasks.js";
import { WORK } from "../../run/work/publication.js";
import { COPIES, openWorkArea, type WorkArea } from "../../run/work/work-area.js";
import { OUTPUT_FILES } from "../../run/write/output-names.js";
import { shellWord } from "../../shell-word.js";
import type { PlannedFile, RunPlan } from "../plan.js";
import { openRunFolder, PLAN_FILE, type RunFolder, readPlanIfAny, writePlan } from "../run-folder.js";
import { endingError, FAILURES, Failures, type TaskFailure } from "../work/failures.js";
import { isPublished, tidyUp } from "../work/plan-watch.js";
import { cutRun } from "./cut.js";
import { planFlags } from "./planned-flags.js";
import { planDifference } from "./same-plan.js";

/** What is to be planned. */
export interface PlanRequest {
  readonly inputs: readonly string[];
  /** The flags as given; of those only `fresh` is not part of the plan. */
  readonly flags: DedupFlags;
  /** Number of workers that the run is cut for. */
  readonly workers: number;
}

/** A run whose tasks can be done. */
export interface PlannedRun {
  readonly folder: RunFolder;
  /** Whether the plan was there before: what is done of it stays done. */
  readonly continued: boolean;
  /** Whether all of it was done before, and the result is published. */
  readonly finished: boolean;
}

/**
 * Plans a run in the folder of `--out`, or finds that the folder holds the plan of the same run, which then continues:
 * its failed tasks may be tried anew. Standard input and pipes are saved in the folder.
 * @throws UsageError for flags that cannot be carried out or planned, for a folder that cannot be used or that holds
 * the unfinished work of another run; InputError where an input is missing
 */
export async function planRun({ inputs, flags, workers }: PlanRequest, context: RunContext): Promise<PlannedRun> {
  const options = dedupOptions(flags, inputs);
  const planned = { version: VERSION, cwd: process.cwd(), flags: planFlags(flags), inputs };
  // On one machine, too, a mistake about the references is told before one about the inputs.
  await (await openAgainst(options, context))?.close();
  const { out, fresh } = options;
  const { note } = context.reporter;
  const area = await openWorkArea(out, { files: [...OUTPUT_FILES, MANIFEST], note, tasks: "welcome" });
  const requireSame = (difference: string | undefined) => startOver(area, { out, difference, note });
  try {
    let existing = fresh ? undefined : await readPlanIfAny(out);
    if (existing === undefined) await makeRoom(area, { out, fresh });
    else {
      const folder = openRunFolder(out, existing);
      if (await isPublished(folder)) {
        await tidyUp(folder);
        return { folder, continued: true, finished: true };
      }
      if (await requireSame(planDifference(existing, planned))) existing = undefined;
    }
    const files = await findPlannedFiles(options, area, { context, existing });
    if (existing !== undefined) {
      const difference = planDifference(existing, { ...planned, files });
      if (difference !== undefined && files.some(({ copy }) => copy !== undefined)) throw anotherRun(out, difference);
      if (await requireSame(difference)) existing = undefined;
    }
    if (existing !== undefined)
      return { folder: await goOn(out, existing, planned.flags), continued: true, finished: false };
    const plan = await newPlan({ ...planned, files, workers, options });
    await writePlan(out, plan);
    return { folder: openRunFolder(out, plan), continued: false, finished: false };
  } catch (error) {
    throw area.explain(error);
  } finally {
    await area.close();
  }
}

/**
 * Makes room where the run of a folder differs from the one to plan and has failed in a way that it cannot recover from.
 * @param options.difference between the two; undefined if there is none
 * @returns whether the folder is free for a new plan
 * @throws UsageError where the run of the folder may still be finished
 */
async function startOver(
  area: WorkArea,
  { out, difference, note }: { out: string; difference: string | undefined; note: (message: string) => void },
): Promise<boolean> {
  if (difference === undefined) return false;
  const error = endingError(await new Failures(area.path(FAILURES)).all(), () => false);
  if (error === undefined || error.exitCode === 1) throw anotherRun(out, difference);
  note(`starting over in ${out}: the run that it holds has failed, and ${difference}`);
  await makeRoom(area, { out, fresh: true });
  return true;
}

/** The error where a folder holds an unfinished run that differs from the one to plan. */
function anotherRun(out: string, difference: string): UsageError {
  return new UsageError(
    `${out} holds an unfinished run that this command does not continue: ${difference}. Run the command of then again, or start over with --fresh, or choose another --out`,
  );
}

/** Readies a run for another try: its failed tasks may be tried anew, and its brake may be another. */
async function goOn(out: string, existing: RunPlan, { maxRemoved }: DedupFlags): Promise<RunFolder> {
  const { maxRemoved: before, ...flags } = existing.flags;
  const plan = { ...existing, flags: { ...flags, ...(maxRemoved !== undefined && { maxRemoved }) } };
  const folder = openRunFolder(out, plan);
  if (maxRemoved !== before) {
    await writePlan(out, plan);
    // The task that heeds the brake is done again; what it writes does not depend on it.
    await folder.forget("fates", 0);
  }
  const failures = new Failures(folder.path(FAILURES));
  if ((await failures.all()).some(isOfInputs)) await readAgain(folder);
  await failures.clear();
  return folder;
}

/** Whether a run has failed because of what its inputs hold. */
const isOfInputs = ({ stage, exitCode }: TaskFailure) => exitCode !== 1 && (stage === "exact" || stage === "number");

/** Has the inputs read again: a task that reads them is done even where it has found a fault, which may be mended now. */
async function readAgain(folder: RunFolder): Promise<void> {
  const { shards, buckets } = folder.plan;
  for (let shard = 0; shard < shards.length; shard++) await folder.forget("read", shard);
  for (let bucket = 0; bucket < buckets; bucket++) await folder.forget("exact", bucket);
}

/**
 * Prepares a work area for a new plan.
 * @throws UsageError where it holds the work of an ordinary run, unless the run starts over
 */
async function makeRoom(area: WorkArea, { out, fresh }: { out: string; fresh: boolean }): Promise<void> {
  if (fresh) await area.clear();
  else if ((await area.readState()) !== undefined) {
    throw new UsageError(
      `${out} holds the work of an interrupted run on one machine; the same command without --executor or plan continues it. ` +
        "Start over with --fresh, or choose another --out",
    );
  }
  // The tasks of an older plan, or what is left of them where removing was cut short.
  await removeTasks(area.path(""));
}

/**
 * Finds the input files, and saves standard input and pipes.
 * @throws UsageError where a run would continue whose standard input was another
 */
async function findPlannedFiles(
  options: DedupOptions,
  area: WorkArea,
  { context, existing }: { readonly context: RunContext; readonly existing?: RunPlan },
): Promise<PlannedFile[]> {
  const names = await findInputs(options, context.reporter.note);
  const folder = area.path(existing === undefined ? COPIES : `${COPIES}.new`);
  const copies = await copyPipes(names, folder, context);
  const files: PlannedFile[] = [];
  for (const name of names) {
    const path = copies.get(name) ?? name;
    const { size } = await stat(path);
    const copy = copies.has(name) && join(options.out, WORK, COPIES, relative(folder, path));
    files.push({ name, ...(copy && { copy }), bytes: size });
  }
  if (existing === undefined) return files;
  for (const [at, { name, copy, bytes }] of files.entries()) {
    const before = existing.files.at(at);
    if (copy === undefined || before?.copy !== copy || before.bytes !== bytes) continue;
    if ((await sha256File(copies.get(name) as string)) === (await sha256File(copy))) continue;
    throw anotherRun(options.out, `the content of ${name === "-" ? "standard input" : name} is another`);
  }
  await rm(folder, { recursive: true, force: true });
  return files;
}

async function newPlan({
  options,
  ...planned
}: Omit<RunPlan, "shards" | "buckets" | "chunkTexts"> & { readonly options: DedupOptions }): Promise<RunPlan> {
  const slow = options.vectorField === undefined && options.model !== "builtin";
  const cut = cutRun(
    planned.files.map(({ bytes }) => bytes),
    { workers: planned.workers, slow },
  );
  return { ...planned, ...cut };
}

/**
 * The plan of a folder, for whoever works on it; undefined where its run is finished.
 * @throws UsageError where there is none and was none, or one of another version of this program
 */
export async function findPlan(out: string): Promise<RunPlan | undefined> {
  const plan = await readPlanIfAny(out);
  if (plan === undefined) {
    if ((await readManifestIfAny(join(out, MANIFEST))) !== undefined) return undefined;
    throw new UsageError(
      `${out} holds no run: there is no ${join(out, WORK, PLAN_FILE)}; plan one with bge-dedup plan INPUTS -o ${shellWord(out)}`,
    );
  }
  if (plan.version === VERSION) return plan;
  throw new UsageError(
    `the run in ${out} was planned by bge-dedup ${plan.version}, and this is ${VERSION}: install that version here, or plan anew with --fresh`,
  );
}
