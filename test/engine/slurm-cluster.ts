import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Why tests with a real Slurm are skipped; false where they run. */
export const skipped = findFault();

function findFault(): string | false {
  const absent = ["slurmctld", "slurmd", "sbatch", "munged"].filter((name) => !isOnPath(name));
  if (absent.length > 0) return `no ${absent.join(", ")}: apt-get install slurmctld slurmd slurm-client munge`;
  return process.getuid?.() === 0 ? false : "slurmd works for root alone";
}

function isOnPath(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A cluster of Slurm with four nodes, all on this machine. */
export interface SlurmCluster {
  /** What the commands of Slurm need in their environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends a node at once with all that runs on it, as a loss of power does. */
  killNode(name: string): Promise<void>;
  startNode(name: string): Promise<void>;
  /** Output of a command of Slurm. */
  run(command: string, ...args: readonly string[]): string;
  stop(): Promise<void>;
}

export const NODES = ["n1", "n2", "n3", "n4"] as const;

/** Starts a cluster whose files lie in a folder, on free ports. */
export async function startSlurm(folder: string): Promise<SlurmCluster> {
  for (const name of ["state", "log", ...NODES.map((node) => join("spool", node))]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const conf = join(folder, "slurm.conf");
  writeFileSync(conf, configuration(folder, await freePorts(1 + NODES.length)));
  const environment = { SLURM_CONF: conf };
  const processes = new Map<string, ChildProcess>();
  const start = (name: string, program: string, args: readonly string[]) => {
    // Its own process group, so that a node dies with all that it started.
    const child = spawn(program, args, { stdio: "ignore", detached: true, env: { ...process.env, ...environment } });
    processes.set(name, child);
  };
  const kill = async (name: string) => {
    const child = processes.get(name);
    processes.delete(name);
    if (child?.pid === undefined || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  };
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { encoding: "utf8", env: { ...process.env, ...environment } });
  const startNode = async (name: string) => start(name, "slurmd", ["-D", "-N", name]);

  writeFileSync(join(folder, "munge.key"), randomBytes(128), { mode: 0o400 });
  const munge = ["socket", "key-file", "pid-file", "log-file", "seed-file"].map(
    (file) => `--${file}=${join(folder, `munge.${file.replace("-file", "")}`)}`,
  );
  start("munged", "munged", ["--foreground", "--force", ...munge]);
  await sleep(500);
  start("slurmctld", "slurmctld", ["-D", "-i"]);
  for (const node of NODES) await startNode(node);
  const ready = () => run("sinfo", "--noheader", "--states=idle", "--format=%D").trim() === String(NODES.length);
  await until(ready, "a cluster with idle nodes").catch(async (error: Error) => {
    for (const name of [...processes.keys()].reverse()) await kill(name);
    throw new Error(`${error.message}: ${readFileSync(join(folder, "log", "slurmctld.log"), "utf8")}`);
  });
  return {
    environment,
    run,
    startNode,
    async killNode(name) {
      // The steps of a node are processes of their own, which a loss of power ends too.
      const steps = run("squeue", "--noheader", `--nodelist=${name}`, "--array", "--format=%A").trim().split("\n");
      await kill(name);
      for (const step of steps.filter((id) => id !== "")) killTree(`slurmstepd: [${step}.batch]`);
    },
    async stop() {
      run("scancel", "--quiet", "--user=root");
      await sleep(500);
      for (const name of [...processes.keys()].reverse()) await kill(name);
    },
  };
}

/** Kills the process with a title, and all below it. */
function killTree(title: string): void {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n");
  const processes = rows.map((row) => {
    const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? [];
    return { pid: Number(pid), parent: Number(parent), args };
  });
  const doomed = processes.filter(({ args }) => args === title).map(({ pid }) => pid);
  for (const pid of doomed) doomed.push(...processes.filter(({ parent }) => parent === pid).map((child) => child.pid));
  for (const pid of doomed) process.kill(pid, "SIGKILL");
}

/** Waits until something is so. @throws after three minutes */
export async function until(isSo: () => boolean | Promise<boolean>, what = "what was waited for"): Promise<void> {
  for (const end = performance.now() + 180_000; performance.now() < end; await sleep(200)) {
    if (await Promise.resolve(isSo()).catch(() => false)) return;
  }
  throw new Error(`${what} did not come about within three minutes`);
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

function configuration(folder: string, [port, ...nodePorts]: readonly number[]): string {
  const [host] = hostname().split(".");
  return `ClusterName=test
SlurmctldHost=${host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort=${port}
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.%n.pid
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool/%n
SlurmctldLogFile=${folder}/log/slurmctld.log
SlurmdLogFile=${folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
JobRequeue=1
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MaxArraySize=101
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
${NODES.map((name, i) => `NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${nodePorts[i]} CPUs=1 RealMemory=1000`).join("\n")}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
}
