import { statSync } from "node:fs";
import { dirname } from "node:path";
import { FailedRunError, UnavailableError, UsageError } from "../../errors.js";
import type { Crew, CrewState, Executor, WorkOrder } from "../executor.js";
import type { Phase } from "../stage.js";
import {
  FLAGS,
  type Flags,
  type JobOptions,
  jobManifest,
  jobName,
  RUN_LABEL,
  secretManifest,
} from "./kubernetes-manifest.js";
import { describeFailure, describePods, type Job, outcomeOf, type Pod } from "./kubernetes-status.js";
import { numberWord, parseWords } from "./parse-words.js";
import { checkPhases, wordsOfPhase } from "./phase-words.js";
import { ask, complaint } from "./program.js";
import { runName } from "./run-name.js";

/*
 * Kubernetes: an Indexed Job for each phase, whose indices are the workers, on a volume that this machine sees too. The
 * next Job is created once the one before has succeeded, so this process must go on; where it ends early, the Job of the
 * moment goes on alone and the same command takes it over.
 */
const KUBECTL = {
  name: "kubectl",
  cure: "--executor kubernetes needs kubectl and a kubeconfig: see https://kubernetes.io/docs/tasks/tools",
};

/** Milliseconds between two questions to the cluster. */
const ASK_EVERY = 2000;

/** Keeps workers alive by Jobs of Kubernetes. */
export const kubernetes: Executor = {
  name: "kubernetes",

  async require(words) {
    checkPhases(words, (flags) => checkFlags(parseWords(flags, FLAGS)));
    const answer = await kubectl(words, ["auth", "can-i", "create", "jobs.batch"]);
    if (answer.code === 0) return;
    if (answer.stdout.trim() === "no") {
      throw new UnavailableError(
        "this account of the cluster may not create Jobs; ask for the right, or name another --namespace or --context behind --",
      );
    }
    throw new UnavailableError(`no Kubernetes answers (${complaint(answer)}); try kubectl cluster-info`);
  },

  async start(order) {
    const words = order.engineArguments;
    const run = runName(order).toLowerCase();
    const flags = parseWords(wordsOfPhase(words, "read"), FLAGS);
    const mount = mountOf(order, flags);
    const user = userOf(flags);
    const secret = flags.secret ?? (await sendSecret(order, run));
    const options = { order, run, mount, user, secret };
    const jobs = new Map((await readJobs(order, run)).map((job) => [job.metadata.name, job]));
    const first = order.phases.findIndex((phase) => {
      const job = jobs.get(jobName(run, phase));
      return job !== undefined && outcomeOf(job) === "live";
    });
    if (first >= 0) order.note(`job ${jobName(run, order.phases[first])} works on the folder already`);
    else await startPhase({ ...options, phase: order.phases[0] });
    return kubernetesCrew(options, Math.max(0, first));
  },
};

/** Calls kubectl with the namespace and the context that the words behind `--` name. */
function kubectl(words: readonly string[], args: readonly string[], input?: string) {
  const { namespace, context } = parseWords(wordsOfPhase(words, "read"), FLAGS);
  const where = [
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
    ...(context === undefined ? [] : [`--context=${context}`]),
  ];
  return ask(KUBECTL, [...args, ...where], input);
}

/** @throws UsageError for a flag that is missing or not understood */
function checkFlags(flags: Flags): void {
  for (const name of ["image", "claim"] as const) {
    if (flags[name] !== undefined) continue;
    const meaning =
      name === "image" ? "an image that has bge-dedup" : "a PersistentVolumeClaim that all pods may mount";
    throw new UsageError(`--executor kubernetes needs --${name} behind --: the name of ${meaning}`);
  }
  for (const name of ["gpu", "ttl"] as const) if (flags[name] !== undefined) numberWord(name, flags[name]);
  if (flags["node-selector"] !== undefined && !/^[^=]+=[^=]*$/.test(flags["node-selector"])) {
    throw new UsageError(`--node-selector=${flags["node-selector"]} behind -- is not understood, expected KEY=VALUE`);
  }
  userOf(flags);
}

/**
 * Who the workers are: whoever calls, so that their files are theirs, or the user of the image where root calls.
 * @throws UsageError
 */
function userOf({ user }: Flags): JobOptions["user"] {
  if (user === "image") return undefined;
  if (user === undefined) {
    const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()];
    return uid === 0 ? undefined : { uid, gid };
  }
  const [, uid, gid = uid] = /^(\d+)(?::(\d+))?$/.exec(user) ?? [];
  if (uid === undefined) throw new UsageError(`--user=${user} behind -- is not understood, expected UID:GID or image`);
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * Where the pods see the volume: as --mount says, or else where the file system of the run folder is mounted here.
 * @throws UsageError where the run folder or the working folder lies elsewhere
 */
function mountOf({ folder, cwd }: WorkOrder, flags: Flags): string {
  const mount = flags.mount?.replace(/(.)\/+$/, "$1") ?? mountPoint(folder);
  if (mount === "/") {
    throw new UsageError(
      `${folder} lies on this machine's own disk, expected a volume that the pods see too; if it is one: -- --mount=PATH, where it begins`,
    );
  }
  for (const path of [folder, cwd]) {
    if (path === mount || path.startsWith(`${mount}/`)) continue;
    throw new UsageError(
      `${path} does not lie below ${mount}, where the pods see the volume; work there, or set -- --mount`,
    );
  }
  return mount;
}

/** The top of the file system that a folder lies on. */
function mountPoint(folder: string): string {
  const device = (path: string) => statSync(path).dev;
  let top = folder;
  while (dirname(top) !== top && device(dirname(top)) === device(folder)) top = dirname(top);
  return top;
}

/** Sends the variables that workers read as a Secret. Returns its name; undefined where there are none. */
async function sendSecret(order: WorkOrder, run: string): Promise<string | undefined> {
  const variables = order.environment.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  if (variables.length === 0) return undefined;
  await apply(order, secretManifest(run, Object.fromEntries(variables)), "; or make one yourself: -- --secret=NAME");
  return run;
}

/** @throws UsageError where the cluster refuses the manifest */
async function apply(order: WorkOrder, manifest: object, cure = ""): Promise<void> {
  const answer = await kubectl(order.engineArguments, ["apply", "--filename=-"], JSON.stringify(manifest));
  if (answer.code === 0) return;
  const words = complaint(answer);
  if (/refused|timeout|unable to connect|no such host/i.test(words)) {
    throw new FailedRunError(`Kubernetes does not answer (${words})`);
  }
  throw new UsageError(`Kubernetes refuses what was asked for: ${words}${cure}`);
}

/** Deletes jobs, and waits until their pods are gone. */
async function deleteJobs(order: WorkOrder, names: readonly string[]): Promise<void> {
  const flags = ["--ignore-not-found", "--wait", "--cascade=foreground"];
  await kubectl(order.engineArguments, ["delete", "job", ...names, ...flags]);
}

/** Creates the Job of a phase, in place of a former one that has ended: a Job cannot be changed. */
async function startPhase(options: JobOptions): Promise<void> {
  const { order, run, phase } = options;
  await deleteJobs(order, [jobName(run, phase)]);
  await apply(order, jobManifest(options));
}

/** @throws FailedRunError where Kubernetes does not answer */
async function readList<Item>(order: WorkOrder, kind: "job" | "pod", selector: string): Promise<readonly Item[]> {
  const answer = await kubectl(order.engineArguments, ["get", kind, `--selector=${selector}`, "--output=json"]);
  if (answer.code !== 0) throw new FailedRunError(`Kubernetes does not answer (${complaint(answer)})`);
  return (JSON.parse(answer.stdout) as { readonly items: readonly Item[] }).items;
}

const readJobs = (order: WorkOrder, run: string) => readList<Job>(order, "job", `${RUN_LABEL}=${run}`);

/** The workers of the phases from `at` on. */
function kubernetesCrew(options: Omit<JobOptions, "phase">, at: number): Crew {
  const { order, run } = options;
  const label = `${RUN_LABEL}=${run}`;
  let last: { readonly at: number; readonly state: CrewState } | undefined;
  const { namespace } = parseWords(wordsOfPhase(order.engineArguments, "read"), FLAGS);
  const where = namespace === undefined ? "" : ` --namespace=${namespace}`;

  async function look(): Promise<CrewState> {
    const phase: Phase = order.phases[at];
    const name = jobName(run, phase);
    const job = (await readJobs(order, run)).find(({ metadata }) => metadata.name === name);
    if (job === undefined) {
      return {
        working: 0,
        waiting: 0,
        ended: true,
        reason: `somebody deleted job ${name}; the same command continues`,
      };
    }
    const outcome = outcomeOf(job);
    if (outcome === "done" && at < order.phases.length - 1) {
      await startPhase({ ...options, phase: order.phases[++at] });
      return { working: 0, waiting: order.workers, ended: false };
    }
    if (outcome === "done") return { working: 0, waiting: 0, ended: true };
    const pods = await readList<Pod>(order, "pod", `${label},bge-dedup/phase=${phase}`);
    if (outcome === "live") return describePods(pods, order.workers);
    const logs = `kubectl logs --selector=${label} --prefix --tail=5${where}`;
    return { working: 0, waiting: 0, ended: true, reason: describeFailure(job, pods, logs) };
  }

  return {
    look: `kubectl get job,pod --selector=${label}${where}`,
    async state() {
      if (last !== undefined && (last.state.ended || performance.now() - last.at < ASK_EVERY)) return last.state;
      const state = await look();
      last = { at: performance.now(), state };
      return state;
    },
    async stop() {
      const jobs = await readJobs(order, run);
      const live = jobs.filter((job) => outcomeOf(job) === "live").map(({ metadata }) => metadata.name);
      // Jobs that have ended stay for whoever wants to read their logs, until Kubernetes deletes them.
      if (live.length > 0) await deleteJobs(order, live);
      await kubectl(order.engineArguments, ["delete", "secret", run, "--ignore-not-found"]);
    },
  };
}
