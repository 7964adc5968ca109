import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Cron } from "croner";
import type { CronJob } from "kubernetes-types/batch/v1.js";
import { parse } from "yaml";
import { testFolder } from "../run/folders.js";
import { jobFile, jobFolder, jobs, memoryFlag, permanentCodes } from "./job-files.js";
import { resolve, typeFaults } from "./type-faults.js";

const cronJob = parse(jobFile("cronjob.yaml"), { strict: true }) as CronJob;
const job = cronJob.spec?.jobTemplate.spec;
const pod = job?.template.spec;
const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];

const scratch = testFolder();

/** Faults of documents by the types of Kubernetes' API. */
function faults(documents: readonly unknown[]): string[][] {
  const types = resolve("kubernetes-types/package.json").replace(/package\.json$/, "batch/v1");
  const programs = documents.map(
    (document) =>
      `import type { CronJob } from ${JSON.stringify(types)};\nexport const cronJob: CronJob = ${JSON.stringify(document)};\n`,
  );
  return typeFaults({ folder: scratch, flags: ["--module", "nodenext"], programs });
}

/** The document with one change. */
function changed(change: (spec: Record<string, unknown>) => void): unknown {
  const copy = structuredClone(cronJob) as unknown as { spec: { jobTemplate: { spec: Record<string, unknown> } } };
  change(copy.spec.jobTemplate.spec);
  return copy;
}

describe("the CronJob", () => {
  it("is one by the types of batch/v1, which find a misspelt field, a wrong type and a missing field", () => {
    const misspelt = changed((spec) => {
      spec.backofLimit = 4;
    });
    const quoted = changed((spec) => {
      spec.backoffLimit = "4";
    });
    const empty = changed((spec) => {
      spec.template = { spec: {} };
    });
    const [whole, ...found] = faults([cronJob, misspelt, quoted, empty]);
    assert.deepEqual(whole, []);
    assert.match(found[0].join(), /backofLimit/);
    assert.match(found[1].join(), /'string' is not assignable to type 'number'/);
    assert.match(found[2].join(), /containers/);
  });

  it("has the words that the types leave open", () => {
    assert.equal(cronJob.apiVersion, "batch/v1");
    assert.equal(cronJob.kind, "CronJob");
    assert.match(cronJob.metadata?.name ?? "", /^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/);
    assert.ok(["Forbid", "Replace"].includes(cronJob.spec?.concurrencyPolicy ?? ""));
    const { schedule = "", timeZone } = cronJob.spec ?? {};
    const cron = new Cron(schedule, { mode: "5-part", timezone: timeZone, paused: true });
    assert.equal(cron.nextRuns(2, "2027-01-01T00:00:00").length, 2);
    const volumes = new Set(pod?.volumes?.map(({ name }) => name));
    for (const { name, workingDir, volumeMounts } of containers) {
      const mount = volumeMounts?.find(({ mountPath }) => mountPath === workingDir);
      assert.ok(mount !== undefined && volumes.has(mount.name), `${name} works on a volume of the pod`);
    }
  });

  it("does not repeat a permanent error and gives up on others", () => {
    const rules = job?.podFailurePolicy?.rules ?? [];
    assert.deepEqual(rules[0], { action: "FailJob", onExitCodes: { operator: "In", values: [...permanentCodes] } });
    assert.deepEqual(
      rules.slice(1).map(({ action }) => action),
      ["Ignore"],
    );
    // The API server refuses a podFailurePolicy beside any other restart policy.
    assert.equal(pod?.restartPolicy, "Never");
    assert.ok((job?.backoffLimit ?? 0) > 0 && (job?.backoffLimit ?? 99) < 10);
    assert.ok((job?.activeDeadlineSeconds ?? Number.POSITIVE_INFINITY) < 86_400);
  });

  it("gives each container more memory than its command may fill", () => {
    for (const { name, command, resources } of containers) {
      const [, size] = /^(\d+)Gi$/.exec(String(resources?.limits?.memory)) ?? [];
      assert.ok(Number(size) * 2 ** 30 > memoryFlag((command ?? []).join(" ")), name);
      assert.equal(resources?.requests?.memory, resources?.limits?.memory, name);
    }
  });

  it("does the job with a command that runs as it is written, and stops at a brake with a permanent code", async () => {
    const { run, night } = jobFolder();
    assert.equal(containers.length, 1);
    const { command = [] } = containers[0];
    const first = await run(command[0], command.slice(1));
    assert.equal(first.code, 0, first.stderr);
    for (const name of ["kept.arrow", "clusters.arrow"]) assert.ok(existsSync(join(night, name)), name);
    const { code } = await jobFolder({ copies: 2 }).run(command[0], command.slice(1));
    assert.ok(permanentCodes.includes(code as number), `exit code ${code}`);
  });

  it("runs an image that the README beside it shows how to make", () => {
    const images = new Set(containers.map(({ image }) => image));
    assert.equal(images.size, 1);
    assert.ok(existsSync(join(jobs, "README.md")));
    assert.ok(jobFile("README.md").includes([...images][0] as string), `README.md does not name ${[...images][0]}`);
  });
});
