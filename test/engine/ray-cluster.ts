import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { freePorts, until } from "./slurm-cluster.js";

/** Folder of a real Ray's programs: that of BGE_TEST_RAY, or else PATH's. */
const bin = process.env.BGE_TEST_RAY;
/** Why tests with a real Ray are skipped; false where they run. */
export const skipped =
  bin === undefined &&
  !isOnPath() &&
  'no ray: python3 -m venv VENV && VENV/bin/pip install "ray[default]==2.60.0", then BGE_TEST_RAY=VENV/bin';

function isOnPath(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v ray"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A cluster of one machine with two processors. */
export interface RayCluster {
  /** What Ray's command line needs in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts a cluster on free ports, whose files lie in a folder. */
export async function startRay(folder: string): Promise<RayCluster> {
  // Ray gives the ports 10002 to 19999 to its workers.
  const [port, dashboard] = (await freePorts(6)).filter((free) => free < 10_002 || free > 19_999);
  const path = [...(bin === undefined ? [] : [bin]), process.env.PATH].join(delimiter);
  const environment = {
    PATH: path,
    RAY_ADDRESS: `http://127.0.0.1:${dashboard}`,
    RAY_DISABLE_IMPORT_WARNING: "1",
  };
  const flags = `--port=${port} --dashboard-port=${dashboard} --dashboard-host=127.0.0.1 --num-cpus=2 --disable-usage-stats`;
  // The paths of Ray's sockets may have 107 bytes.
  const child = spawn("ray", ["start", "--head", "--block", ...flags.split(" "), `--temp-dir=${join(folder, "r")}`], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "close");
  };
  const answers = () => fetch(environment.RAY_ADDRESS).then(({ ok }) => ok);
  await until(answers, "a cluster of Ray").catch(async (error: Error) => {
    await stop();
    throw error;
  });
  return { environment, stop };
}
