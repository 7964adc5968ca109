import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Cron } from "croner";
import { jobFile, jobFolder } from "./job-files.js";

/** A crontab as cron reads it: settings, then entries of five fields and a command. */
function parseCrontab(text: string): { settings: Map<string, string>; entries: { times: string; command: string }[] } {
  const settings = new Map<string, string>();
  const entries: { times: string; command: string }[] = [];
  for (const line of text.split("\n")) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, value] = /^\s*([A-Z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined) {
      settings.set(name, value);
      continue;
    }
    const [, times, command] = /^\s*((?:[^\s]+\s+){4}[^\s]+)\s+(.+)$/.exec(line) ?? [];
    if (times === undefined) throw new Error(`no line of a crontab: ${line}`);
    const percent = /(?<!\\)%/.exec(command);
    if (percent !== null) throw new Error(`a bare % ends the command after: ${command.slice(0, percent.index)}`);
    entries.push({ times, command });
  }
  return { settings, entries };
}

const crontab = jobFile("crontab");
const { settings, entries } = parseCrontab(crontab);

/** Runs the entry as cron does, in a folder of its own in place of /srv/faq. */
async function runEntry(folder: ReturnType<typeof jobFolder>) {
  const { command } = entries[0];
  assert.equal(command.split("/srv/faq").length, 2, "the entry names its folder once");
  return folder.run(settings.get("SHELL") as string, ["-c", command.replace("/srv/faq", folder.cwd)]);
}

describe("the crontab", () => {
  it("ends with a newline, without which cron ignores the last line, and holds one entry", () => {
    assert.ok(crontab.endsWith("\n"));
    assert.equal(entries.length, 1);
  });

  it("is run once a day, at a time that neither summer time nor its end skips or repeats", () => {
    for (const timezone of ["UTC", "Europe/Berlin", "America/New_York"]) {
      const cron = new Cron(entries[0].times, { mode: "5-part", timezone, paused: true });
      const runs = cron.nextRuns(365, "2027-01-01T00:00:00");
      assert.equal(runs.length, 365);
      for (let i = 1; i < runs.length; i++) {
        const hours = (runs[i].getTime() - runs[i - 1].getTime()) / 3_600_000;
        assert.ok(hours >= 23 && hours <= 25, `${timezone}: ${hours} h before ${runs[i].toISOString()}`);
      }
    }
  });

  it("with a bare percent sign, a missing field or an hour that does not exist would be refused here", () => {
    assert.throws(() => parseCrontab("30 3 * * *  bge-dedup a.jsonl --max-removed 20%\n"), /a bare % ends the command/);
    assert.doesNotThrow(() => parseCrontab("30 3 * * *  bge-dedup a.jsonl --max-removed 20\\%\n"));
    assert.throws(() => parseCrontab("30 3 *\n"), /no line of a crontab/);
    assert.throws(() => new Cron("30 24 * * *", { mode: "5-part", paused: true }), /hour/);
  });

  it("does the job in silence, so that cron sends no mail", async () => {
    const folder = jobFolder();
    const { code, stdout, stderr } = await runEntry(folder);
    assert.deepEqual([code, stdout, stderr], [0, "", ""], readFileSync(join(folder.cwd, "nightly.log"), "utf8"));
    for (const name of ["kept.arrow", "clusters.arrow"]) assert.ok(existsSync(join(folder.night, name)), name);
  });

  it("after a brake publishes nothing and prints the end of the log for cron's mail", async () => {
    const folder = jobFolder({ copies: 2 });
    const { stdout, stderr } = await runEntry(folder);
    assert.match(stdout, /^error: .*--max-removed 0\.2/m);
    assert.equal(stderr, "");
    assert.ok(!existsSync(folder.night));
  });
});
