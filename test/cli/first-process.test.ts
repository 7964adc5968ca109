import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { it } from "node:test";

const namespace = ["-pf", "--kill-child", "--mount-proc"];
const possible = spawnSync("unshare", [...namespace, "true"]).status === 0;

/** A command that cannot stop by itself, as one that loads a model, and says when it runs. */
const STUCK = `import(${JSON.stringify(new URL("../../src/cli/command.js", import.meta.url).href)}).then(({ runCommand }) =>
  runCommand({ progress: "none" }, async ({ print }) => {
    setInterval(() => {}, 1000);
    await print(process.pid + "\\n");
    await new Promise(() => {});
  }));`;

it("as the first process of a container, which no signal ends by default, a run that is stuck ends by itself soon after SIGTERM", {
  skip: possible ? false : "a process namespace needs rights",
}, async () => {
  const outer = spawn("unshare", [...namespace, process.execPath, "-e", STUCK], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(outer, "exit");
  const [told] = (await once(outer.stdout.setEncoding("utf8"), "data")) as [string];
  assert.equal(told, "1\n");
  const inner = Number(readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, "utf8"));
  process.kill(inner, "SIGTERM");
  const late = setTimeout(() => outer.kill("SIGKILL"), 4000);
  const [code] = (await exited) as [number | null];
  clearTimeout(late);
  assert.equal(code, 143);
});
