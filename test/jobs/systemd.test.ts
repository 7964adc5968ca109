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

/** Keys that the job files may use, and what their values look like. */
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
function parseUnit(text: string): Map<string, string> {
  const values = new Map<string, string>();
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
    if (values.has(name)) throw new Error(`${key} is given twice in section [${section}]`);
    values.set(name, value);
  }
  return values;
}

const service = parseUnit(jobFile("bge-dedup.service"));
const timer = parseUnit(jobFile("bge-dedup.timer"));

const execStart = service.get("Service.ExecStart") as string;
const [program, ...args] = execStart.split(" ");

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
    const calendar = spawnSync("systemd-analyze", ["calendar", timer.get("Timer.OnCalendar") as string]);
    assert.equal(calendar.status, 0);
  });

  it("do not repeat a permanent error and give up on others", () => {
    assert.deepEqual(permanentCodes, [2, 3, 4, 5]);
    const prevented = service.get("Service.RestartPreventExitStatus")?.split(" ").map(Number) ?? [];
    assert.deepEqual(prevented, [...permanentCodes, ...NOT_THERE]);
    const burst = Number(service.get("Unit.StartLimitBurst"));
    const [interval, pause, longest] = [
      "Unit.StartLimitIntervalSec",
      "Service.RestartSec",
      "Service.TimeoutStartSec",
    ].map((key) => seconds(service.get(key) as string));
    // Attempts that take all of the time still fall into one interval, so the limit ends them; the next night is beyond it.
    const all = (burst - 1) * (longest + pause);
    assert.ok(all < interval && interval < 86_400, `${burst} attempts in ${all} s, counted over ${interval} s`);
  });

  it("give the process more memory than it may fill", () => {
    const [, size] = /^(\d+)G$/.exec(service.get("Service.MemoryMax") as string) as RegExpExecArray;
    assert.ok(Number(size) * 2 ** 30 > memoryFlag(execStart));
  });

  it("do the job with a command that runs as it is written", async () => {
    const { run, night } = jobFolder();
    const { code, stderr } = await run(program, args);
    assert.equal(code, 0, stderr);
    for (const name of ["kept.arrow", "clusters.arrow"]) assert.ok(existsSync(join(night, name)), name);
  });

  it("name by a code of their own a command that is not installed", async () => {
    const { cwd } = jobFolder();
    const { status } = spawnSync(program, ["nightly.sh"], { cwd, env: { PATH: cwd } });
    assert.ok(NOT_THERE.includes(status as number), `${status}`);
  });

  it("are not tried again after a folder in the way or inputs that are missing", async () => {
    const { cwd, night, run } = jobFolder();
    mkdirSync(night, { recursive: true });
    assert.equal((await run(program, args)).code, 3);
    rmSync(join(cwd, "inputs"), { recursive: true });
    assert.equal((await run(program, args)).code, 3);
  });

  it("stop at a brake with a code that is not tried again", async () => {
    const { code, stderr } = await jobFolder({ copies: 2 }).run(program, args);
    assert.equal(code, 4, stderr);
  });
});
