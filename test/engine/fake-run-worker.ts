// A worker of a fake run in a process of its own: `node fake-run-worker.js OUT`. It ends as `bge-dedup work` does.
import { verdictOf } from "../../src/cli/exit-code.js";
import { openRunFolder, readPlanIfAny } from "../../src/engine/run-folder.js";
import { runWorker } from "../../src/engine/work/worker.js";
import { workerOn } from "./fake-run.js";

const out = process.argv[2];
const plan = await readPlanIfAny(out);
if (plan === undefined) process.exit(0);
const controller = new AbortController();
process.on("SIGTERM", () => controller.abort(new Error("interrupted")));
const tell = (level: string, message: string) => process.stderr.write(`${JSON.stringify({ level, message })}\n`);
const options = workerOn(openRunFolder(out, plan, 100));
const reporter = { ...options.reporter, note: (message: string) => tell("info", message) };
try {
  await runWorker({ ...options, reporter, signal: controller.signal });
} catch (error) {
  const { exitCode, message } = verdictOf(error);
  tell("error", message);
  process.exitCode = controller.signal.aborted ? 143 : exitCode;
}
