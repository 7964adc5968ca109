import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FailedRunError, UnavailableError, UsageError } from "../../errors.js";
import { writeDurably } from "../../io/durable.js";
import { WORK } from "../../run/work/publication.js";
import { shellWord } from "../../shell-word.js";
import type { Crew, CrewState, Executor, WorkOrder } from "../executor.js";
import type { Phase } from "../stage.js";
import { numberWord, parseWords } from "./parse-words.js";
import { checkPhases, wordsOfPhase } from "./phase-words.js";
import { type Answer, ask, complaint } from "./program.js";
import { runName } from "./run-name.js";

/*
 * Ray: one job, whose driver (ray/driver.py) runs each worker as a task of Ray, phase after phase. The job goes on without
 * this process. It is reached by Ray's own command line, since the REST interface refuses Node's fetch.
 */

/** Where the driver lies, from dist/src/engine/executors and from dist/src/bundle/commands. */
const DRIVER = fileURLToPath(new URL("../../../../src/engine/executors/ray/driver.py", import.meta.url));
const RAY = {
  name: "ray",
  cure: '--executor ray needs the command line of Ray: pip install "ray[default]", the version of the cluster',
};
/** Milliseconds between two questions to Ray, each of which takes seconds of a processor. */
const ASK_EVERY = 20_000;

const FLAGS = ["address", "python", "num-cpus", "num-gpus", "memory", "resources"] as const;

/** What Ray reserves for a worker, by the names of its `options`. */
interface TaskOptions {
  readonly num_cpus: number;
  readonly num_gpus?: number;
  readonly memory?: number;
  readonly resources?: Readonly<Record<string, number>>;
}

/** Keeps workers alive by a job of Ray. */
export const ray: Executor = {
  name: "ray",

  async require(words) {
    checkPhases(words, (flags) => taskOptions(flags, 1));
    const answer = await ask(RAY, ["job", "list", ...addressOf(words)]);
    if (answer.code === 0) return;
    const [said = ""] = /^\w*Error: .*$/m.exec(`${answer.stderr}\n${answer.stdout}`) ?? [];
    throw new UnavailableError(
      `no cluster of Ray answers (${said || complaint(answer)}); expected its dashboard's address: -- --address=http://HOST:8265, or the environment variable RAY_ADDRESS`,
    );
  },

  async start(order) {
    const folder = join(order.folder, WORK, "ray");
    await mkdir(folder, { recursive: true });
    const address = addressOf(order.engineArguments);
    const former = await readFile(join(folder, "job"), "utf8").catch(() => "");
    if (former !== "" && (await isLive(former, address))) {
      order.note(`the workers are on Ray already: job ${former}`);
      return rayCrew(order, { folder, job: former, address });
    }
    const job = `${runName(order)}-${Date.now().toString(36)}`;
    await writeOrder(order, folder);
    // Known before it is submitted, so that no job is ever forgotten.
    await writeDurably(join(folder, "job"), job);
    const { python = "python" } = parseWords(wordsOfPhase(order.engineArguments, "read"), FLAGS);
    const entry = [shellWord(python), shellWord(join(folder, "driver.py")), shellWord(folder)];
    const answer = await ask(RAY, ["job", "submit", ...address, `--submission-id=${job}`, "--no-wait", "--", ...entry]);
    if (answer.code !== 0) throw new UnavailableError(`Ray does not take the job: ${complaint(answer)}`);
    return rayCrew(order, { folder, job, address });
  },
};

/** The flag for Ray's address, if there is one behind `--`. */
function addressOf(words: readonly string[]): string[] {
  const { address } = parseWords(wordsOfPhase(words, "read"), FLAGS);
  return address === undefined ? [] : [`--address=${address}`];
}

/** @throws UsageError for a word that is not understood */
function taskOptions(words: readonly string[], threads: number): TaskOptions {
  const given = parseWords(words, FLAGS);
  const number = (name: "num-cpus" | "num-gpus" | "memory") => {
    const value = given[name];
    return value === undefined ? undefined : numberWord(name, value);
  };
  const gpus = number("num-gpus");
  const memory = number("memory");
  return {
    num_cpus: number("num-cpus") ?? threads,
    ...(gpus !== undefined && { num_gpus: gpus }),
    ...(memory !== undefined && { memory }),
    ...(given.resources !== undefined && { resources: resourcesOf(given.resources) }),
  };
}

function resourcesOf(text: string): Record<string, number> {
  try {
    const resources = JSON.parse(text) as Record<string, number>;
    if (Object.values(resources).every((value) => typeof value === "number")) return resources;
  } catch {}
  throw new UsageError(`--resources=${text} behind -- is not understood, expected JSON such as {"fast_disk": 1}`);
}

/** Writes what the driver reads. */
async function writeOrder(order: WorkOrder, folder: string): Promise<void> {
  const options: Partial<Record<Phase, TaskOptions>> = {};
  const commands: Partial<Record<Phase, readonly string[]>> = {};
  for (const phase of order.phases) {
    const own = taskOptions(wordsOfPhase(order.engineArguments, phase), order.threads ?? 1);
    options[phase] = own;
    // Ray binds no cores: without the flag a worker would use those of its neighbours too.
    const threads = order.threads === undefined ? ["--threads", `${Math.max(1, Math.floor(own.num_cpus))}`] : [];
    commands[phase] = [...order.command(phase), ...threads];
  }
  const environment = Object.fromEntries(
    order.environment.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  await rm(join(folder, "state.json"), { force: true });
  await rm(join(folder, "environment.json"), { force: true });
  await writeFile(join(folder, "environment.json"), JSON.stringify(environment), { mode: 0o600 });
  const { workers, phases } = order;
  await writeDurably(join(folder, "order.json"), JSON.stringify({ workers, phases, options, commands }));
  await copyFile(DRIVER, join(folder, "driver.py"));
}

/** Ray's word for the state of a job; undefined where it knows no such job. @throws FailedRunError where Ray is away */
async function statusOf(job: string, address: readonly string[]): Promise<string | undefined> {
  const answer: Answer = await ask(RAY, ["job", "status", ...address, job]);
  const said = `${answer.stdout}\n${answer.stderr}`;
  const [, status] = /\b(PENDING|RUNNING|SUCCEEDED|FAILED|STOPPED)\b/i.exec(said) ?? [];
  if (answer.code === 0) return status?.toUpperCase();
  if (/does not exist/.test(said)) return undefined;
  throw new FailedRunError(`Ray does not answer (${complaint(answer).slice(-300)}); the workers go on meanwhile`);
}

async function isLive(job: string, address: readonly string[]): Promise<boolean> {
  const status = await statusOf(job, address);
  return status === "PENDING" || status === "RUNNING";
}

/** The workers of a job. */
function rayCrew(
  order: WorkOrder,
  { folder, job, address }: { readonly folder: string; readonly job: string; readonly address: readonly string[] },
): Crew {
  let asked = performance.now();
  let ended: CrewState | undefined;
  const look = ["ray job logs", ...address, job].join(" ");

  /** What the driver wrote last. */
  const told = async (): Promise<CrewState> => {
    const text = await readFile(join(folder, "state.json"), "utf8").catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as CrewState;
    return { working: 0, waiting: order.workers, ended: false, reason: "the job has not started" };
  };

  return {
    look,
    async state() {
      if (ended !== undefined) return ended;
      const state = await told();
      if (state.ended) ended = state;
      if (state.ended || performance.now() - asked < ASK_EVERY) return state;
      asked = performance.now();
      try {
        if (await isLive(job, address)) return state;
      } catch (error) {
        if (error instanceof FailedRunError) return { ...state, reason: error.message };
        throw error;
      }
      const last = await told();
      const reason = `the driver on Ray has ended before its workers: ${look} says why; the same command continues`;
      ended = last.ended ? last : { working: 0, waiting: 0, ended: true, reason };
      return ended;
    },
    async stop() {
      if ((await isLive(job, address).catch(() => true)) === true) {
        const answer = await ask(RAY, ["job", "stop", ...address, job]);
        if (answer.code !== 0) order.note(`Ray did not stop job ${job}: ${complaint(answer).slice(-300)}`);
      }
      await rm(join(folder, "environment.json"), { force: true });
    },
  };
}
