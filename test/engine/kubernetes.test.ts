import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import type { Job } from "kubernetes-types/batch/v1.js";
import { parseAllDocuments } from "yaml";
import { kubernetes } from "../../src/engine/executors/kubernetes.js";
import { cores, jobManifest, secretManifest } from "../../src/engine/executors/kubernetes-manifest.js";
import { UnavailableError, UsageError } from "../../src/errors.js";
import { jobFile, permanentCodes } from "../jobs/job-files.js";
import { resolve, typeFaults } from "../jobs/type-faults.js";
import { testFolder } from "../run/folders.js";
import { type FakePrograms, fakePrograms } from "./fake-programs.js";
import { fakeOrder } from "./fake-worker.js";

const folder = testFolder();
const never = new AbortController().signal;
const run = mkdtempSync(join(folder, "run-"));
const words = ["--image=registry.example/bge:1", "--claim=shared", `--mount=${folder}`, "--namespace=dedup"];
const more = ["--cpu=3500m", "--memory=16Gi", "embed:", "--gpu=1", "--node-selector=pool=gpu"];
const orderOf = (engineArguments: readonly string[] = [...words, ...more]) =>
  fakeOrder(run, { tasks: 1, milliseconds: 1 }, { workers: 3, engineArguments });

/** A list as kubectl prints it. */
const list = (...items: readonly unknown[]) => JSON.stringify({ apiVersion: "v1", kind: "List", items });
const jobOf = (name: string, ...conditions: readonly string[]) => ({
  metadata: { name },
  status: { conditions: conditions.map((type) => ({ type, status: "True", reason: "Why", message: "so" })) },
});

describe("the manifests for Kubernetes", () => {
  const manifest = (phase: "embed" | "join", order = orderOf()) =>
    jobManifest({ order, phase, run: "bge-test-0", mount: folder, user: { uid: 1, gid: 2 }, secret: "keys" }) as Job;

  it("are ones by the types of Kubernetes' API, those of the example too", () => {
    const documents = parseAllDocuments(jobFile("kubernetes-job.yaml")).map((document) => document.toJS());
    const kinds = { Job: ["batch/v1", "Job"], Secret: ["core/v1", "Secret"] } as const;
    const types = resolve("kubernetes-types/package.json").replace(/package\.json$/, "");
    const all = [manifest("embed"), manifest("join"), secretManifest("run", { KEY: "x" }), ...documents];
    const misspelt = { ...manifest("join"), spec: { ...manifest("join").spec, backoffLimitPerIndexes: 3 } };
    const programs = [...all, misspelt].map((document) => {
      const [group, type] = kinds[(document as { kind: keyof typeof kinds }).kind];
      return `import type { ${type} } from ${JSON.stringify(types + group)};\nexport const document: ${type} = ${JSON.stringify(document)};\n`;
    });
    const found = typeFaults({
      folder: mkdtempSync(join(folder, "types-")),
      flags: ["--module", "nodenext"],
      programs,
    });
    assert.match(found.at(-1)?.join() ?? "", /backoffLimitPerIndexes/);
    assert.deepEqual(
      found.slice(0, -1),
      all.map(() => []),
    );
  });

  it("give each phase its own resources, and a worker the threads of its processors", () => {
    const { metadata, spec } = manifest("embed");
    const pod = spec?.template.spec;
    const [container] = pod?.containers ?? [];
    assert.equal(metadata?.name, "bge-test-0-embed");
    assert.deepEqual([spec?.completions, spec?.parallelism, spec?.completionMode], [3, 3, "Indexed"]);
    assert.deepEqual(container.command, ["fake-worker", "work", run, "--phase", "embed", "--threads", "3"]);
    assert.deepEqual(container.resources, {
      requests: { cpu: "3500m", memory: "16Gi", "nvidia.com/gpu": "1" },
      limits: { memory: "16Gi", "nvidia.com/gpu": "1" },
    });
    assert.deepEqual(pod?.nodeSelector, { pool: "gpu" });
    assert.deepEqual(pod?.securityContext, { runAsUser: 1, runAsGroup: 2 });
    assert.deepEqual(container.envFrom, [{ secretRef: { name: "keys" } }]);
    assert.deepEqual(container.volumeMounts, [{ name: "shared", mountPath: folder }]);
    assert.equal(manifest("join").spec?.template.spec?.nodeSelector, undefined);
    assert.deepEqual(["4", "0.5", "1500m", "100m"].map(cores), [4, 1, 1, 1]);
  });

  it("end where the phase is done or the run has failed, and start other pods anew", () => {
    const { spec } = manifest("join");
    assert.deepEqual(spec?.successPolicy, { rules: [{ succeededCount: 1 }] });
    const [failed, ...others] = spec?.podFailurePolicy?.rules ?? [];
    assert.deepEqual([failed.action, failed.onExitCodes?.values], ["FailJob", [1, ...permanentCodes]]);
    assert.deepEqual(
      others.map(({ action }) => action),
      ["Ignore"],
    );
    // The API server refuses a podFailurePolicy beside any other restart policy.
    assert.equal(spec?.template.spec?.restartPolicy, "Never");
    assert.ok((spec?.backoffLimitPerIndex ?? 0) > 0);
    // A container's name and its pods' names are words of at most 63 characters.
    const long = { ...orderOf(), name: `a${"b".repeat(39)}` };
    const { metadata } = jobManifest({ order: long, phase: "embed", run: `${long.name}-01234567`, mount: "/x" }) as Job;
    assert.ok(`${metadata?.name}-99999`.length <= 63);
  });
});

describe("an order to Kubernetes", () => {
  let programs: FakePrograms;
  const applied = () => programs.inputs().map((text) => JSON.parse(text) as Job);
  beforeEach(() => {
    programs = fakePrograms(mkdtempSync(join(folder, "kubectl-")), ["kubectl"]);
    programs.answers("kubectl apply", "created\n");
    programs.answers("kubectl delete", "");
    programs.answers("kubectl get job", list());
    programs.answers("kubectl get pod", list());
    programs.answers("kubectl auth", "yes\n");
  });

  it("starts the phases one after the other and ends with the last", async () => {
    const order = { ...orderOf(), phases: ["embed", "join"] as const };
    await kubernetes.require(order.engineArguments);
    const crew = await kubernetes.start(order, never);
    const [embed] = applied();
    const name = embed.metadata?.name ?? "";
    assert.match(name, /^bge-test-[0-9a-f]{8}-embed$/);
    assert.ok(programs.calls().every((call) => call.endsWith(" --namespace=dedup")));
    programs.answers("kubectl get job", list(jobOf(name, "SuccessCriteriaMet")));
    assert.equal((await crew.state()).ended, false);
    const after = name.replace(/embed$/, "join");
    assert.equal(applied()[1].metadata?.name, after);
    programs.answers("kubectl get job", list(jobOf(name, "Complete"), jobOf(after, "SuccessCriteriaMet", "Complete")));
    await new Promise((done) => setTimeout(done, 2100));
    assert.deepEqual(await crew.state(), { working: 0, waiting: 0, ended: true });
    await crew.stop();
    assert.ok(!programs.calls().some((call) => call.includes(`delete job ${after} ${name}`)));
  });

  it("takes over a job that works on the folder, says why its pods wait, and deletes it when stopped", async () => {
    const order = orderOf();
    await kubernetes.start(order, never);
    const name = applied()[0].metadata?.name ?? "";
    const live = name.replace(/read$/, "join");
    programs.answers("kubectl get job", list(jobOf(name, "Complete"), jobOf(live)));
    const unscheduled = [
      { type: "PodScheduled", status: "False", message: "0/4 nodes are available: 4 Insufficient cpu." },
    ];
    const pods = [
      { metadata: { name: "a" }, status: { phase: "Running" } },
      { metadata: { name: "b" }, status: { phase: "Pending", conditions: unscheduled } },
      {
        metadata: { name: "c" },
        status: {
          phase: "Pending",
          containerStatuses: [{ state: { waiting: { reason: "ErrImagePull", message: "no such image" } } }],
        },
      },
    ];
    programs.answers("kubectl get pod", list(...pods));
    const crew = await kubernetes.start(order, never);
    assert.deepEqual(order.notes, [`job ${live} works on the folder already`]);
    assert.equal(applied().length, 1);
    assert.deepEqual(await crew.state(), {
      working: 1,
      waiting: 2,
      ended: false,
      reason:
        "1 of 3 workers wait: 0/4 nodes are available: 4 Insufficient cpu.; 1 of 3 workers wait: ErrImagePull: no such image",
    });
    await crew.stop();
    const deletion = `kubectl delete job ${live} --ignore-not-found --wait --cascade=foreground --namespace=dedup`;
    assert.ok(programs.calls().includes(deletion), programs.calls().join("\n"));
  });

  it("ends with Kubernetes' words, those of the pods and the cure where the job fails", async () => {
    const crew = await kubernetes.start(orderOf(), never);
    const name = applied()[0].metadata?.name ?? "";
    programs.answers("kubectl get job", list(jobOf(name, "FailureTarget")));
    const terminated = { reason: "OOMKilled", exitCode: 137 };
    programs.answers(
      "kubectl get pod",
      list({ metadata: { name: "x" }, status: { phase: "Failed", containerStatuses: [{ state: { terminated } }] } }),
    );
    const { ended, reason = "" } = await crew.state();
    assert.ok(ended);
    assert.match(reason, /has failed: Why: so \(x: OOMKilled, exit code 137\); more memory behind --.*kubectl logs/);
  });

  it("sends secrets of this process as a Secret, on no command line, and takes them back", async () => {
    process.env.FAKE_SECRET = "hush";
    const crew = await kubernetes.start({ ...orderOf(), environment: ["FAKE_SECRET", "FAKE_ABSENT"] }, never);
    const [secret, job] = applied();
    assert.deepEqual((secret as { stringData?: unknown }).stringData, { FAKE_SECRET: "hush" });
    const [container] = job.spec?.template.spec?.containers ?? [];
    assert.deepEqual(container.envFrom, [{ secretRef: { name: secret.metadata?.name } }]);
    assert.ok(!programs.calls().join().includes("hush") && !JSON.stringify(job).includes("hush"));
    await crew.stop();
    assert.ok(programs.calls().some((call) => call.startsWith(`kubectl delete secret ${secret.metadata?.name} `)));
  });

  it("is refused beforehand with the reason", async () => {
    await assert.rejects(kubernetes.require(words.slice(1)), /needs --image behind --/);
    await assert.rejects(kubernetes.require([...words, "--imago=x"]), /'--imago'; expected --image, --claim/);
    await assert.rejects(kubernetes.require([...words, "--gpu=many"]), /--gpu=many behind -- is not a number/);
    const elsewhere = orderOf([...words, `--mount=${dirname(folder)}/elsewhere`]);
    await assert.rejects(kubernetes.start(elsewhere, never), (error: Error) => {
      return error instanceof UsageError && /does not lie below .*elsewhere, where the pods see/.test(error.message);
    });
    programs.answers("kubectl auth", "no\n", { code: 1 });
    await assert.rejects(kubernetes.require(words), /may not create Jobs/);
    programs.answers("kubectl auth", "", {
      code: 1,
      stderr: "The connection to the server localhost:8080 was refused\n",
    });
    await assert.rejects(kubernetes.require(words), UnavailableError);
    fakePrograms(mkdtempSync(join(folder, "none-")), []);
    process.env.PATH = process.env.PATH?.split(":")[0];
    await assert.rejects(kubernetes.require(words), (error: Error) => {
      return error instanceof UnavailableError && /kubectl is not on PATH; .*kubernetes\.io/.test(error.message);
    });
  });
});

describe("the example of a Job", () => {
  it("keeps the promises of the manifests that are made", () => {
    const [example] = parseAllDocuments(jobFile("kubernetes-job.yaml")).map((document) => document.toJS() as Job);
    const made = jobManifest({ order: orderOf(), phase: "join", run: "x", mount: "/data" }) as Job;
    for (const name of ["completionMode", "successPolicy", "podFailurePolicy", "backoffLimitPerIndex"] as const) {
      assert.deepEqual(example.spec?.[name], made.spec?.[name], name);
    }
    assert.equal(example.spec?.completions, example.spec?.parallelism);
    const [container] = example.spec?.template.spec?.containers ?? [];
    assert.ok(jobFile("README.md").includes(container.image as string));
    assert.deepEqual(container.command?.slice(0, 2), ["bge-dedup", "work"]);
  });
});
