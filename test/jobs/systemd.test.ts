import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { jobFile, jobFolder, jobs, memoryFlag, permanentCodes } from "./job-files.js";

const NAMES = ["bge-dedup.service", "bge-dedup.timer"] as const;

const TEXT = /^\S.*$/;
const SPAN = /^\d+(s|min|h|d)?$/;
const YES_NO = /^(yes|no|true|false)$/;

/** Keys that the job files may use, and what their values look like; only ExecStart may be there twice. */
const KEYS: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  Unit: { Description: TEXT, StartLimitIntervalSec: SPAN, StartLimitBurst: /^[1-9]\d*$/ },
  Service: {
    Type: /^oneshot$/,
    WorkingDirectory: /^\/\S+$/,
    ExecStart: /^\/\S+( \S+)*$/,
    Restart: /^on-failure$/,
    RestartSec: SPAN,
    TimeoutStartSec: SPAN,
    RestartPreventExitStatus: /^\d+( \d+)*$/,
    MemoryMax: /^\d+[KMGT]$/,
    Nice: /^-?\d+$/,
    NoNewPrivileges: YES_NO,
    PrivateTmp: YES_NO,
  },
  Timer: { OnCalendar: /^\*-\*-\* \d\d:\d\d:\d\d$/, Persistent: YES_NO },
  Install: { WantedBy: /^\w+\.target$/ },
};

/** Exit codes of env and of systemd for a program, folder or account that is not there. */
const NOT_THERE = [126, 127, 200, 203, 217];

/** Values of a unit file by "Section.Key". @throws Error for all that systemd would ignore or refuse */
function parseUnit(text: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  let section: string | undefined;
  for (const line of text.split("\n")) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const [, header] = /^\[(\w+)\]$/.exec(line) ?? [];
    if (header !== undefined) {
      if (!Object.hasOwn(KEYS, header)) throw new Error(`unknown section ${line}`);
      section = header;
      continue;
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || section === undefined) throw new Error(`no setting of a section: ${line}`);
    if (!Object.hasOwn(KEYS[section], key)) throw new Error(`unknown key ${key} in section [${section}]`);
    if (!KEYS[section][key].test(value)) throw new Error(`${key}=${value} does not match ${KEYS[section][key]}`);
    const name = `${section}.${key}`;
    const before = values.get(name) ?? [];
    if (before.length > 0 && key !== "ExecStart") throw new Error(`${key} is given twice in section [${section}]`);
    values.set(name, [...before, value]);
  }
  return values;
}

const service = parseUnit(jobFile("bge-dedup.service"));
const timer = parseUnit(jobFile("bge-dedup.timer"));

const seconds = (span: string) => {
  const [, count, unit] = /^(\d+)(\D*)$/.exec(span) as RegExpExecArray;
  return Number(count) * ({ "": 1, s: 1, min: 60, h: 3600, d: 86_400 }[unit] as number);
};

describe("the systemd units", () => {
  it("with a misspelt key or section, a value of another kind or a key given twice would be refused here", () => {
    const refused: readonly [from: string, to: string, message: RegExp][] = [
      ["RestartSec=", "RestartSek=", /unknown key RestartSek in section \[Service\]/],
      ["\n[Service]\n", "\n[Servce]\n", /unknown section \[Servce\]/],
      ["RestartPreventExitStatus=2 3", "RestartPreventExitStatus=2,3", /does not match/],
      ["Nice=10", "RestartSec=10", /RestartSec is given twice/],
    ];
    const text = jobFile("bge-dedup.service");
    for (const [from, to, message] of refused) {
      assert.ok(text.includes(from), from);
      assert.throws(() => parseUnit(text.replace(from, to)), message);
    }
  });

  it("are accepted by systemd itself without a word", (t) => {
    const version = spawnSync("systemd-analyze", ["--version"], { encoding: "utf8" });
    if (version.error !== undefined) {
      return t.skip("no systemd-analyze on this machine; the parser of this file has read the units all the same");
    }
    t.diagnostic(version.stdout.split("\n")[0]);
    const files = NAMES.map((name) => join(jobs, name));
    const { stdout, stderr, status } = spawnSync("systemd-analyze", ["verify", ...files], { encoding: "utf8" });
    // Other units of the machine may have faults of their own. A fault of ours names the file or the unit.
    const ours = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("bge-dedup"));
    assert.deepEqual(ours, []);
    assert.equal(status, 0, stderr);
    const calendar = spawnSync("systemd-analyze", ["calendar", timer.get("Timer.OnCalendar")?.[0] as string]);
    assert.equal(calendar.status, 0);
  });

  it("do not repeat a permanent error and give up on others", () => {
    assert.deepEqual(permanentCodes, [2, 3, 4, 5]);
    const prevented = service.get("Service.RestartPreventExitStatus")?.[0].split(" ").map(Number) ?? [];
    assert.deepEqual(prevented, [...permanentCodes, ...NOT_THERE]);
    const [burst] = (service.get("Unit.StartLimitBurst") ?? []).map(Number);
    const [interval] = (service.get("Unit.StartLimitIntervalSec") ?? []).map(seconds);
    const [pause] = (service.get("Service.RestartSec") ?? []).map(seconds);
    const [longest] = (service.get("Service.TimeoutStartSec") ?? []).map(seconds);
    // The time limit holds for each command. Attempts that take all of it still fall into one interval, so the limit ends
    // them; the next night is beyond it.
    const commands = (service.get("Service.ExecStart") as string[]).length;
    const all = (burst - 1) * (commands * longest + pause);
    assert.ok(all < interval && interval < 86_400, `${burst} attempts in ${all} s, counted over ${interval} s`);
  });

  it("give the process more memory than it may fill", () => {
    const [, size] = /^(\d+)G$/.exec(service.get("Service.MemoryMax")?.[0] as string) as RegExpExecArray;
    for (const command of service.get("Service.ExecStart") as string[]) {
      assert.ok(Number(size) * 2 ** 30 > memoryFlag(command), command);
    }
  });

  it("do the job with commands that run as they are written", async () => {
    const folder = jobFolder();
    const commands = service.get("Service.ExecStart") as string[];
    assert.equal(commands.length, 2);
    for (const command of commands) {
      const [program, ...args] = command.split(" ");
      const { code, stderr } = await folder.run(program, args);
      assert.equal(code, 0, `${command}\n${stderr}`);
    }
    for (const name of ["kept.arrow", "clusters.arrow"]) assert.ok(existsSync(join(folder.cwd, "bge-out", name)), name);
  });

  it("name by a code of their own a command that is not installed", async () => {
    const { cwd } = jobFolder();
    const [program] = (service.get("Service.ExecStart") as string[])[0].split(" ");
    const { status } = spawnSync(program, ["bge-dedup"], { cwd, env: { PATH: cwd } });
    assert.ok(NOT_THERE.includes(status as number), `${status}`);
  });

  it("are not tried again after an input that is missing or a folder in the way", async () => {
    const { cwd, run } = jobFolder();
    const [program, ...args] = (service.get("Service.ExecStart") as string[])[0].split(" ");
    mkdirSync(join(cwd, "bge-out", "kept.arrow"), { recursive: true });
    assert.equal((await run(program, args)).code, 2);
    rmSync(join(cwd, "input.jsonl"));
    rmSync(join(cwd, "bge-out"), { recursive: true });
    assert.equal((await run(program, args)).code, 3);
  });

  it("stop at a brake with a code that is not tried again", async () => {
    const [program, ...args] = (service.get("Service.ExecStart") as string[])[0].split(" ");
    const { code, stderr } = await jobFolder({ copies: 2 }).run(program, args);
    assert.equal(code, 4, stderr);
  });
});
