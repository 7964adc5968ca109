import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { WorkOrder } from "../../src/engine/executor.js";
import type { Phase } from "../../src/engine/stage.js";

/**
 * A worker for tests of the engines, run as a program of its own: `node fake-worker.js work RUN --phase PHASE`. It keeps
 * the promises of a worker with tasks that only write a file. RUN/fake.json says how many tasks a phase has, how long one
 * takes, and with which code a worker is to end instead.
 */
export interface FakeRun {
  readonly tasks: number;
  readonly milliseconds: number;
  readonly exitCode?: number;
}

const PHASES: readonly Phase[] = ["read", "embed", "join", "write"];

/** Makes a run folder for fake workers, and the order for an engine. */
export function fakeOrder(
  folder: string,
  fake: FakeRun,
  given: Partial<WorkOrder> = {},
): WorkOrder & { readonly notes: string[] } {
  for (const phase of PHASES) mkdirSync(join(folder, phase), { recursive: true });
  writeFileSync(join(folder, "fake.json"), JSON.stringify(fake));
  const notes: string[] = [];
  return {
    name: "bge-test",
    folder,
    cwd: folder,
    workers: 2,
    phases: PHASES,
    engineArguments: [],
    environment: [],
    command: (phase) => [
      process.execPath,
      import.meta.filename,
      "work",
      folder,
      ...(phase === undefined ? [] : ["--phase", phase]),
    ],
    note: (message) => notes.push(message),
    notes,
    ...given,
  };
}

/** Finished tasks of a phase. */
export function doneTasks(folder: string, phase: Phase): string[] {
  return readdirSync(join(folder, phase)).filter((name) => name.endsWith(".done"));
}

/** Whether all tasks of all phases are done. */
export function isDone(folder: string): boolean {
  const { tasks } = JSON.parse(readFileSync(join(folder, "fake.json"), "utf8")) as FakeRun;
  return PHASES.every((phase) => doneTasks(folder, phase).length === tasks);
}

/** Process numbers of the workers that have started a phase, by `HOST PID`. */
export function startedWorkers(folder: string, phase: Phase): string[] {
  return readdirSync(join(folder, phase)).filter((name) => name.endsWith(".started"));
}

async function work(folder: string, phase: Phase): Promise<number> {
  const { tasks, milliseconds, exitCode } = JSON.parse(readFileSync(join(folder, "fake.json"), "utf8")) as FakeRun;
  const call = { pid: process.pid, at: Date.now(), arguments: process.argv.slice(2), secret: process.env.FAKE_SECRET };
  writeFileSync(join(folder, phase, `${hostname()}-${process.pid}-${Date.now()}.started`), JSON.stringify(call));
  if (exitCode !== undefined) {
    console.error(`error: the fake was told to end with ${exitCode}`);
    return exitCode;
  }
  const before = PHASES[PHASES.indexOf(phase) - 1];
  while (before !== undefined && doneTasks(folder, before).length < tasks) await sleep(50);
  for (let i = 0; i < tasks; i++) {
    const task = (i + process.pid) % tasks;
    const marker = join(folder, phase, `${task}.done`);
    if (existsSync(marker)) continue;
    await sleep(milliseconds);
    writeFileSync(marker, "");
  }
  return 0;
}

if (process.argv[1] === import.meta.filename) {
  const [, , , folder, , phase] = process.argv;
  process.exitCode = await work(folder, phase as Phase);
}
