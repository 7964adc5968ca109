import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UsageError } from "../errors.js";
import { syncFolder, writeDurably } from "../io/durable.js";
import { peakMemory } from "../run/work/memory.js";
import { TASKS_PLAN } from "../run/work/planned-tasks.js";
import { WORK } from "../run/work/publication.js";
import type { StageFacts, StageName } from "./facts.js";
import { LostOutputError } from "./lost-output.js";
import { planHash, type RunPlan } from "./plan.js";
import type { FinishedTask, FinishedTasks } from "./stage.js";

/**
 * A run folder is the output folder of the run. While tasks work, everything lies in its work area:
 *
 *     OUT/.work/plan.json                  what the tasks have in common
 *     OUT/.work/tasks/STAGE/INDEX.json     marker: the task is done, these are its facts, its folder and its files
 *     OUT/.work/tasks/STAGE/INDEX-ID/      the files; a folder that no marker names is left from a killed attempt
 *     OUT/.work/claims/STAGE-INDEX         lock of the worker that does the task at this moment
 *     OUT/.work/failures/STAGE-INDEX-ID    attempt that failed, and why
 *
 * A marker appears at once and whole, after its files are durable, and is never changed. Of two attempts at the same task
 * the one that marks first counts; both wrote the same bytes.
 */
export const PLAN_FILE = TASKS_PLAN;
const TASKS = "tasks";

/** Milliseconds that a machine waits until files that a marker names are visible on a network file system. */
const VISIBLE_WITHIN = 60_000;

/** A marker. */
export interface Marker<Name extends StageName = StageName> {
  /** Hash of the plan. */
  readonly plan: string;
  /** Folder of the files, beside the marker. */
  readonly folder: string;
  /** Size in bytes of each file. */
  readonly files: Readonly<Record<string, number>>;
  readonly facts: StageFacts[Name];
  readonly seconds: number;
  readonly host: string;
  /** Most resident bytes of the process until then. */
  readonly memory: number;
}

/** What a finished task took. */
export interface TaskCost extends Pick<Marker, "seconds" | "host" | "memory"> {
  /** When it was marked as done, in milliseconds by the clock of the file system. */
  readonly end: number;
}

/** An attempt at a task, whose files are not seen by others before `finish`. */
export interface Attempt<Name extends StageName> {
  /** Path of a file to write; folders in the name are made. */
  path(name: string): string;
  /** Makes the files durable and marks the task as done. */
  finish(facts: StageFacts[Name]): Promise<void>;
  /** Throws the files away. */
  abandon(): Promise<void>;
}

/** The tasks of a run on a file system that all its machines share. */
export interface RunFolder extends FinishedTasks {
  readonly out: string;
  readonly plan: RunPlan;
  readonly hash: string;
  /** Path in the work area. */
  path(...names: string[]): string;
  begin<Name extends StageName>(stage: Name, index: number): Promise<Attempt<Name>>;
  /** Indices of the tasks of a stage that are marked as done. */
  done(stage: StageName): Promise<ReadonlySet<number>>;
  /** The marker of a task as it is, without a look at the files; undefined where there is none of this plan. */
  marker<Name extends StageName>(stage: Name, index: number): Promise<Marker<Name> | undefined>;
  /**
   * Takes back the marker of a task whose output is lost, so that the task is done again.
   * @param folder of the lost files; where it is given, the marker of a later attempt stays
   * @returns whether this call has removed the marker
   */
  forget(stage: StageName, index: number, folder?: string): Promise<boolean>;
  /** What the tasks of a stage took that are marked as done. */
  costs(stage: StageName): Promise<readonly TaskCost[]>;
}

/** Saves a plan. Nothing else may have been planned in the folder. */
export async function writePlan(out: string, plan: RunPlan): Promise<void> {
  await mkdir(join(out, WORK), { recursive: true });
  await writeDurably(join(out, WORK, PLAN_FILE), `${JSON.stringify(plan, null, 2)}\n`);
  await syncFolder(join(out, WORK));
}

/**
 * The plan of a run folder; undefined where there is none.
 * @throws UsageError where the file holds something else
 */
export async function readPlanIfAny(out: string): Promise<RunPlan | undefined> {
  const path = join(out, WORK, PLAN_FILE);
  const text = await readFile(path, "utf8").catch(() => undefined);
  const plan = text === undefined ? undefined : parsePlan(text);
  if (text !== undefined && plan === undefined) {
    throw new UsageError(`${path} is damaged: it holds no plan of a run; plan the run anew with --fresh`);
  }
  return plan;
}

/** A plan as it was written; undefined where the text is none. */
export function parsePlan(text: string): RunPlan | undefined {
  try {
    const plan = JSON.parse(text) as Partial<RunPlan>;
    return plan.flags && plan.files && plan.shards ? (plan as RunPlan) : undefined;
  } catch {
    return undefined;
  }
}

/** Opens the tasks of a planned run. */
export function openRunFolder(out: string, plan: RunPlan, visibleWithin = VISIBLE_WITHIN): RunFolder {
  const area = join(out, WORK);
  const hash = planHash(plan);
  const folderOf = (stage: StageName) => join(area, TASKS, stage);
  const markerOf = (stage: StageName, index: number) => join(folderOf(stage), `${index}.json`);

  async function ownMarker<Name extends StageName>(stage: Name, index: number): Promise<Marker<Name> | undefined> {
    const marker = await readMarker<Name>(markerOf(stage, index));
    return marker?.plan === hash ? marker : undefined;
  }

  async function find<Name extends StageName>(stage: Name, index: number): Promise<FinishedTask<Name> | undefined> {
    const marker = await ownMarker(stage, index);
    if (marker === undefined) return undefined;
    const folder = join(folderOf(stage), marker.folder);
    await requireVisible({ stage, index, folder, files: marker.files }, visibleWithin);
    return { facts: marker.facts, path: (name) => join(folder, name) };
  }

  async function get<Name extends StageName>(stage: Name, index: number): Promise<FinishedTask<Name>> {
    const found = await find(stage, index);
    if (found === undefined) throw new LostOutputError(stage, index, "its marker is gone");
    return found;
  }

  async function done(stage: StageName): Promise<ReadonlySet<number>> {
    const names = await readdir(folderOf(stage)).catch(() => []);
    return new Set(names.flatMap((name) => (/^\d+\.json$/.test(name) ? [Number.parseInt(name, 10)] : [])));
  }

  return {
    out,
    plan,
    hash,
    path: (...names) => join(area, ...names),
    find,
    get,
    marker: ownMarker,
    all: (stage, count) => Promise.all(Array.from({ length: count }, (_, index) => get(stage, index))),
    begin: (stage, index) => beginTask(index, { folder: folderOf(stage), marker: markerOf(stage, index), hash }),
    done,
    async costs(stage) {
      const costs: TaskCost[] = [];
      for (const index of await done(stage)) {
        const marker = await ownMarker(stage, index);
        if (marker === undefined) continue;
        const { seconds, host, memory } = marker;
        costs.push({ seconds, host, memory, end: (await stat(markerOf(stage, index))).mtimeMs });
      }
      return costs;
    },
    async forget(stage, index, lost) {
      const there = await readMarker(markerOf(stage, index));
      const later = lost !== undefined && there?.plan === hash && join(folderOf(stage), there.folder) !== lost;
      return !later && unlinkIfAny(markerOf(stage, index));
    },
  };
}

/** A marker; undefined where there is none, or a damaged one, whose task has to be done again. */
async function readMarker<Name extends StageName>(path: string): Promise<Marker<Name> | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Marker<Name>;
  } catch {
    return undefined;
  }
}

/** @throws LostOutputError */
async function requireVisible(
  { stage, index, folder, files }: { stage: StageName; index: number; folder: string; files: Marker["files"] },
  within: number,
): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    for (const end = performance.now() + within; ; await sleep(250)) {
      const found = await stat(join(folder, name)).catch(() => undefined);
      if (found?.size === bytes) break;
      if (performance.now() < end) continue;
      const have = found === undefined ? "is not there" : `has ${found.size} bytes, expected ${bytes}`;
      throw new LostOutputError(stage, index, `its file ${join(folder, name)} ${have}`, folder);
    }
  }
}

async function beginTask<Name extends StageName>(
  index: number,
  at: { readonly folder: string; readonly marker: string; readonly hash: string },
): Promise<Attempt<Name>> {
  const own = `${index}-${randomUUID().slice(0, 8)}`;
  const folder = join(at.folder, own);
  await mkdir(folder, { recursive: true });
  const names = new Set<string>();
  const started = performance.now();
  return {
    path(name) {
      names.add(name);
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      return join(folder, name);
    },
    async finish(facts) {
      const files: Record<string, number> = {};
      for (const name of names) {
        const bytes = await syncIfAny(join(folder, name));
        if (bytes !== undefined) files[name] = bytes;
      }
      await syncFolder(folder);
      const seconds = (performance.now() - started) / 1000;
      const memory = peakMemory();
      const marker: Marker<Name> = { plan: at.hash, folder: own, files, facts, seconds, host: hostname(), memory };
      const aside = join(folder, "marker");
      await writeDurably(aside, JSON.stringify(marker));
      // A marker of another plan is replaced; one of this plan counts and stays.
      const there = await readMarker(at.marker);
      if (there !== undefined && there.plan !== at.hash) await rename(aside, at.marker);
      else await link(aside, at.marker).catch((error: NodeJS.ErrnoException) => ignoreExisting(error));
      await syncFolder(at.folder);
    },
    abandon: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Makes a file durable. @returns its size in bytes; undefined where there is no such file */
async function syncIfAny(path: string): Promise<number | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** @returns whether this call has removed the file: of several processes only one has */
function unlinkIfAny(path: string): Promise<boolean> {
  return unlink(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

/** Another attempt at the same task was faster. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
